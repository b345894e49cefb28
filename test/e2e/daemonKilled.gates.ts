/** A daemon that is killed in any turn of a run of twelve: the next process of the node goes on with it. */
import type { ChildProcess } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"

import { start as startScriptedModel } from "../../layers/scripted/ScriptedModelServer.ts"
import { twelveTurns } from "../executors/twelveTurns.ts"
import {
  git,
  makeRemote,
  root,
  startForeman,
  startUp,
  temporaryFolder,
  type Up,
  until,
  whyNoKubectl
} from "./foreman.ts"

const apiVersion = "foreman.llmkube.dev/v1alpha1"
const coder = {
  apiVersion,
  kind: "Agent",
  metadata: { name: "coder", namespace: "default" },
  spec: {
    role: "coder",
    model: "m",
    inferenceServiceRef: { name: "model" },
    systemPrompt: "You write code.",
    maxTurns: 20,
    tools: ["read_file", "write_file", "str_replace", "grep", "bash", "submit_result"]
  }
}
const taskOf = (name: string) => ({
  apiVersion,
  kind: "AgenticTask",
  metadata: { name, namespace: "default" },
  spec: {
    kind: "issue-fix",
    agentRef: { name: "coder" },
    payload: { repo: "acme/slug", branch: `foreman/${name}`, prompt: "Be polite." }
  }
})

const ends: Array<() => Promise<void>> = []
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

describe.skipIf(whyNoKubectl !== undefined)("a daemon that is killed (SIGKILL)", () => {
  let home = ""
  let up: Up
  let flags: ReadonlyArray<string> = []
  let asked = 0
  let onAsked: () => void = () => undefined
  let daemon: ChildProcess | undefined

  const startDaemon = () => {
    daemon = startForeman(["agent", ...flags], home)
    daemon.stdout?.resume()
    daemon.stderr?.resume()
  }
  const killDaemon = async () => {
    const gone = new Promise((resolve) => daemon?.once("close", resolve))
    daemon?.kill("SIGKILL")
    await gone
  }

  beforeAll(async () => {
    home = await temporaryFolder((clean) => void ends.push(clean))
    const scope = Scope.makeUnsafe()
    ends.push(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    const onMoment = (moment: "asked" | "answered") => {
      if (moment !== "asked") return
      asked++
      onAsked()
    }
    const scripts = [{ name: "twelve", turns: twelveTurns }]
    const model = await Effect.runPromise(
      startScriptedModel({ scripts, onMoment }).pipe(Scope.provide(scope))
    )
    const remote = await makeRemote(home, join(root, "examples", "demo", "repository"), {
      "README.md": "hello\n"
    })
    up = await startUp({ home, flags: ["--no-agent"] })
    ends.push(async () => void (await up.stop()))
    flags = [
      `--kubeconfig=${up.kubeconfig}`,
      "--fleet-node-name=m5-max",
      `--workspace-dir=${join(home, "workspaces")}`,
      `--git-remote-url=${remote}`,
      `--inference-base-url-override=${model.baseURL}`,
      "--commit-author-email=bot@example.com"
    ]
    const file = join(home, "coder.yaml")
    await writeFile(file, JSON.stringify(coder))
    await up.kubectl("apply", "-f", file)
    startDaemon()
    ends.push(killDaemon)
  }, 60_000)

  it(
    "in any of the turns of a run leaves one commit on one branch, and at most one turn is asked for twice",
    { timeout: 300_000 },
    async () => {
      const remote = join(home, "slug.git")
      const files = new Set<string>()
      for (const [index] of twelveTurns.entries()) {
        const name = `turn-${index + 1}`
        const before = asked
        const reached = new Promise<void>((resolve) => {
          onAsked = () => {
            if (asked - before === index + 1) resolve()
          }
        })
        const file = join(home, `${name}.yaml`)
        await writeFile(file, JSON.stringify(taskOf(name)))
        await up.kubectl("apply", "-f", file)
        await reached
        await killDaemon()
        startDaemon()
        const { result, verdict } = await until(async () => {
          const { status } = await up.getJson("agentictask", name)
          return status?.result === undefined ? undefined : status
        })
        assert.strictEqual(verdict, "GO", `${name}: ${JSON.stringify(result)}`)
        assert.strictEqual(await git(remote, "rev-list", "--count", `main..foreman/${name}`), "1", name)
        assert.isAtMost(asked - before, twelveTurns.length + 1, name)
        files.add(await git(remote, "ls-tree", "-r", `foreman/${name}`))
      }
      assert.strictEqual(files.size, 1, "the same files, whenever it was killed")
      const branches = await git(remote, "for-each-ref", "--format=%(refname:short)")
      assert.lengthOf(branches.split("\n"), twelveTurns.length + 1)
    }
  )
})
