import { assert, describe, it } from "@effect/vitest"

import type { TaskStatus } from "../../schema/AgenticTask.ts"
import { expiryOf } from "../../src/decide/claimExpiry.ts"
import { livenessOf } from "../../src/decide/liveness.ts"
import { epoch, node, task } from "../builders.ts"

const decided = (status: TaskStatus, seconds: number, losses = "0") => {
  const annotations = { "foreman.llmkube.dev/claim-expiries": losses }
  const expiry = expiryOf(
    task("t", { metadata: { annotations }, status }),
    livenessOf(node("n"), undefined),
    epoch + seconds * 1000
  )
  return expiry._tag === "Release"
    ? `Release ${expiry.annotations["foreman.llmkube.dev/claim-expiries"]}`
    : expiry._tag
}
const running: TaskStatus = { phase: "Running", assignedNode: "n" }

describe("a task whose node is silent", () => {
  it.each<[string, Parameters<typeof decided>, string]>([
    ["stays while the node is heard", [running, 89], "Keep"],
    ["goes back when it is not", [running, 90], "Release 1"],
    ["goes back before it was claimed too", [{ phase: "Scheduled", assignedNode: "n" }, 90], "Release 1"],
    ["goes back a second time", [running, 90, "1"], "Release 2"],
    ["ends at the third loss", [running, 90, "2"], "GiveUp"],
    ["a count that is no number is none", [running, 90, "many"], "Release 1"],
    ["is left alone when it has ended", [{ phase: "Succeeded", assignedNode: "n" }, 900], "Keep"],
    ["is left alone when no node has it", [{ phase: "Pending" }, 900], "Keep"]
  ])("%s", (_, input, expected) => {
    assert.strictEqual(decided(...input), expected)
  })
})
