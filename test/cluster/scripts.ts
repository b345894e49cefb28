/** What the model says on the cluster, and the repository's make targets. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { Schema } from "effect"

import { type ModelScript, ModelScripts } from "../../layers/scripted/ModelScript.ts"
import { defaultTargets } from "../../src/gate/checks.ts"
import { root } from "../e2e/foreman.ts"

/** The suite of a gate that nobody says otherwise. Only its test does something: what a coder does not look at before it hands in. */
export const makefile = `.PHONY: ${defaultTargets.join(" ")}\n${defaultTargets
  .map(
    (name) => `${name}:\n\t@node ${name === "test" ? "tools/format.js && node --test" : "tools/none.js"}\n`
  )
  .join("")}`

const decode = Schema.decodeSync(Schema.fromJsonString(ModelScripts))
const demo = (file: string): ReadonlyArray<ModelScript> =>
  decode(readFileSync(join(root, "examples", "demo", file), "utf8")).scripts

/** Words in a prompt that choose how the model behaves; the demo's part is played without any. */
export const careless = "Do not mind the formatting."
export const slow = "Take your time."

/** Long enough that a pod can be killed meanwhile. Seconds. */
export const slowSeconds = 8

const call = (name: string, args: { readonly [key: string]: string }) =>
  ({ reply: { type: "tool_calls", calls: [{ name, arguments: args }] } }) as const

export const scripts: ReadonlyArray<ModelScript> = [
  {
    name: "slow",
    match: { promptContains: slow },
    turns: [
      call("bash", { command: `sleep ${slowSeconds}; echo done > done.txt` }),
      call("submit_result", { verdict: "GO", summary: "It is done.", commit_message: "Do it" })
    ]
  },
  ...demo("script-fail.json").map(({ match, ...script }) => ({
    ...script,
    name: `careless ${script.name}`,
    match: { ...match, promptContains: careless }
  })),
  ...demo("script.json")
]
