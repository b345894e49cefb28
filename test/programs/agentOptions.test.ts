import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import { parseOptions } from "../../programs/agentOptions.ts"

const parse = (...args: ReadonlyArray<string>) =>
  Result.getOrThrow(parseOptions(args, { HOME: "/home/ada", FLEET_NODE_NAME: "M5-Max.local" }))

describe("the node daemon's flags", () => {
  it("9.1.26 an empty task namespace means all of them", () => {
    assert.deepStrictEqual(
      [parse(), parse("--task-namespace=team-a"), parse("--task-namespace=")].map(
        ({ identity }) => identity.taskNamespace
      ),
      ["default", "team-a", undefined]
    )
  })

  it("9.1.3 the node is called what FLEET_NODE_NAME says, unless a flag does", () => {
    assert.deepStrictEqual(
      [parse(), parse("--fleet-node-name=n1")].map(({ identity }) => identity.nodeName),
      ["m5-max-local", "n1"]
    )
  })

  it("a model's key needs the endpoint that it is for, and a file that holds it", () => {
    const refusalOf = (...args: ReadonlyArray<string>) =>
      Result.match(parseOptions(args, {}), { onSuccess: () => "", onFailure: ({ text }) => text })
    const here = "--inference-base-url-override=http://gpu.lan/v1"
    assert.include(refusalOf("--model-token-file=/nowhere/key"), "--inference-base-url-override")
    assert.include(refusalOf("--model-token-file=/nowhere/key", here), "no key in /nowhere/key")
  })
})
