import { assert, describe, it } from "@effect/vitest"

import { dispatched, failureReasonOf } from "../../src/decide/verdict.ts"

const run = { tool: "some_tool", output: { a: 1 }, intendedBranch: "b", elapsedSec: 2 }
const base = {
  schemaVersion: "foreman.v1" as const,
  kind: "native-agent-loop",
  elapsedSec: 2
}
const extra = {
  outcome: "",
  deterministic: true,
  dispatchedTool: "some_tool",
  toolOutput: { a: 1 },
  modelExtra: {},
  intendedBranch: "b"
}

describe("dispatched", () => {
  it("is GO when the tool ran and said nothing of its own", () => {
    assert.deepStrictEqual(dispatched(run), { ...base, verdict: "GO", summary: "some_tool ran", extra })
  })

  it("turns the word ERROR, which no status may hold, into INCOMPLETE", () => {
    assert.deepStrictEqual(dispatched({ ...run, terminal: { verdict: "ERROR", summary: "s", extra: {} } }), {
      ...base,
      verdict: "INCOMPLETE",
      summary: "s",
      failureReason: "ModelReportedError",
      extra
    })
  })

  it("puts what was judged beside the tool's words, and leaves the rest among them", () => {
    const said = { commitSHA: "c", tree: "t", logTail: "l" }
    assert.deepStrictEqual(
      dispatched({ ...run, terminal: { verdict: "GATE-FAIL", summary: "s", extra: said } }),
      {
        ...base,
        verdict: "GATE-FAIL",
        summary: "s",
        failureReason: "GateFailed",
        extra: { ...extra, modelExtra: { logTail: "l" }, commitSHA: "c", tree: "t" }
      }
    )
  })
})

describe("failureReasonOf", () => {
  it("has a word for a red gate and for one that did not run, and for no other verdict", () => {
    assert.deepStrictEqual(
      (["GO", "NO-GO", "INCOMPLETE", "GATE-PASS", "GATE-FAIL", "GATE-ERROR", "Skipped"] as const).map(
        failureReasonOf
      ),
      [undefined, undefined, undefined, undefined, "GateFailed", "GateError", undefined]
    )
  })
})
