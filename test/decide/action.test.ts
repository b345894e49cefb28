import { assert, describe, it } from "@effect/vitest"

import { actionOf } from "../../src/decide/action.ts"

const call = (name: string, args: unknown) => ({
  id: "1",
  type: "function" as const,
  function: { name, arguments: typeof args === "string" ? args : JSON.stringify(args) }
})

describe("what a call does, in one line", () => {
  it.each([
    [call("str_replace", { path: "src/a.ts", old_string: "x" }), "str_replace src/a.ts"],
    [call("bash", { command: "npm test\n  --silent" }), "bash npm test --silent"],
    [call("grep", { pattern: "a\u001b[31mb" }), "grep a [31mb"],
    [call("move", { from: "a", to: "b" }), "move a"],
    [call("submit_result", { verdict: "GO" }), "submit_result GO"],
    [call("bash", "{not json"), "bash"],
    [call("bash", { command: 7 }), "bash"]
  ])("%#", (given, said) => assert.strictEqual(actionOf(given), said))

  it("is 120 characters at most, and whole ones", () => {
    const said = actionOf(call("bash", { command: "🦊".repeat(200) }))
    assert.strictEqual(Array.from(said).length, 120)
    assert.isTrue(said.isWellFormed() && said.endsWith("…"))
  })
})
