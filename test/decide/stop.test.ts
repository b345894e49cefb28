import { assert, describe, it } from "@effect/vitest"

import { lacking, provesSomething, referenceOf, type Stop, stopOf } from "../../src/decide/stop.ts"
import { task } from "../builders.ts"

describe("a stop", () => {
  it.each<[string, Stop, string]>([
    ["one reading is not ambiguous", { reason: "Ambiguous", evidence: ["only one way"] }, "two different"],
    [
      "the same reading twice is one",
      { reason: "Ambiguous", evidence: ["Return null there", " return  NULL there"] },
      "two different"
    ],
    ["nothing said needs nobody", { reason: "NeedsPerson", evidence: ["", "  "] }, "what exactly"],
    ["a test is named by its line", { reason: "Contradicted", evidence: ["add.test.js"] }, "path:line"],
    ["nothing shows that it is done", { reason: "DoneAlready", evidence: ["it works"] }, "path:line"],
    [
      "a command that always passes shows nothing",
      { reason: "DoneAlready", evidence: ["add.js:1"], command: "echo ok && true" },
      "proves nothing"
    ],
    [
      "a command has no effect elsewhere",
      { reason: "NeedsPerson", evidence: ["a key for the server"], command: "npm test" },
      "DoneAlready only"
    ]
  ])("%s", (_, stop, message) => assert.include(lacking(stop) ?? "", message))

  it.each<[string, string, number]>([
    ["src/a.ts:12", "src/a.ts", 12],
    ["`./src/a b.ts`:3", "", 0],
    ["`./src/a.ts:3` says so", "src/a.ts", 3],
    ["- a.go:7: want 4", "a.go", 7],
    ["my file.py:20-24", "my file.py", 20],
    ["a.go:0", "", 0],
    ["see above", "", 0]
  ])("%s names a line, or nothing", (text, path, line) =>
    assert.deepStrictEqual(referenceOf(text), path === "" ? undefined : { path, line })
  )

  it.each<[string, boolean]>([
    ["npm test", true],
    ["cd pkg && go test ./...", true],
    ["true", false],
    ["echo done; exit 0", false],
    ["( true )", false],
    ["# npm test", false],
    ["git status", false],
    ["[ -f a ] || pytest -q", true]
  ])("%s can fail: %s", (command, can) => assert.strictEqual(provesSomething(command), can))

  it("is read back from a task's status, and only from one that a person has to look at", () => {
    const ended = (verdict: "INCOMPLETE" | "NO-GO", outcome: string) =>
      task("t", {
        status: {
          phase: "Succeeded",
          verdict,
          result: { summary: "the test wants 4", extra: { outcome, reason: "Contradicted" } }
        }
      })
    assert.strictEqual(stopOf(ended("INCOMPLETE", "STOPPED")), "stopped (Contradicted): the test wants 4")
    assert.strictEqual(stopOf(ended("NO-GO", "STOPPED")), undefined)
    assert.strictEqual(stopOf(ended("INCOMPLETE", "LOOP-INCOMPLETE")), undefined)
  })
})
