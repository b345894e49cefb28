import { assert, describe, it } from "@effect/vitest"

import { formatMicroTime, formatTime } from "../../schema/Time.ts"
import { validate } from "../../src/decide/agent.ts"
import { decideNode } from "../../src/decide/fleetNode.ts"
import { livenessOf } from "../../src/decide/liveness.ts"
import { agent, epoch, lease, node } from "../builders.ts"

const { status: _, ...unheard } = node("n")

describe("liveness", () => {
  const silentAt = (...it: Parameters<typeof livenessOf>) => (livenessOf(...it).silentAtMillis - epoch) / 1000
  const beatAt = (seconds: number) =>
    node("n", { status: { phase: "Ready", lastHeartbeatTime: formatTime(epoch + seconds * 1000) } })

  it.each<[string, Parameters<typeof livenessOf>, number]>([
    ["a heartbeat counts 90 s", [beatAt(0), undefined], 90],
    ["a Lease counts as long as it says, whatever the heartbeat", [beatAt(5), lease("n")], 40],
    [
      "a heartbeat after the Lease's end: the daemon lost the Lease, or is of the first implementation",
      [beatAt(60), lease("n")],
      150
    ],
    [
      "a Lease that was given back says nothing of a daemon that beats again",
      [beatAt(0), lease("n", { holderIdentity: "", leaseDurationSeconds: 1 })],
      90
    ],
    [
      "a node that drained is gone with its Lease",
      [
        node("n", { status: { phase: "Draining", lastHeartbeatTime: formatTime(epoch) } }),
        lease("n", { holderIdentity: "", leaseDurationSeconds: 1 })
      ],
      1
    ],
    ["a Lease without its node counts", [undefined, lease("n")], 40],
    ["a node that never beat counts from its creation", [unheard, undefined], 90],
    ["a clock that runs behind is forgiven", [beatAt(-3600), undefined, { heartbeatMillis: epoch }], 90],
    [
      "a clock that runs ahead earns nothing",
      [undefined, lease("n", { renewTime: formatMicroTime(epoch + 3_600_000) }), { leaseMillis: epoch }],
      40
    ],
    ["no sign at all", [undefined, undefined], Number.NEGATIVE_INFINITY]
  ])("%s", (_, input, seconds) => {
    assert.strictEqual(silentAt(...input), seconds)
  })
})

describe("what the operator says of a node", () => {
  const decided = (it: ReturnType<typeof node>, seconds: number) => {
    const decision = decideNode(it, livenessOf(it, undefined), epoch + seconds * 1000)
    return decision._tag === "Mark" ? decision.status.phase : decision._tag
  }
  const draining = node("n", { status: { phase: "Draining", lastHeartbeatTime: formatTime(epoch) } })
  it.each<[string, ReturnType<typeof node>, number, string]>([
    ["a fresh one is Ready, which is said once", node("n"), 1, "Ready"],
    ["a silent one is NotReady", node("n"), 90, "NotReady"],
    ["one that drains is left alone", draining, 599, "Leave"],
    ["one that drained is deleted after ten minutes of silence", draining, 600, "Delete"]
  ])("%s", (_, it, seconds, expected) => {
    assert.strictEqual(decided(it, seconds), expected)
  })
  it("one that has not beaten yet is its daemon's to write", () => {
    assert.strictEqual(decided(unheard, 1), "Leave")
  })
})

describe("what makes an Agent sound", () => {
  const known = new Set(["read_file", "write_file", "bash", "submit_result", "fetch_issue", "run_gate_job"])
  const gate = {
    role: "verifier" as const,
    inferenceServiceRef: {},
    systemPrompt: "",
    tools: ["run_gate_job"]
  }
  it.each<[string, Parameters<typeof agent>[1], string]>([
    ["a coder with model, prompt and tools", {}, "ConfigComplete"],
    ["3c99ac04 a deterministic Agent needs no prompt", { spec: gate }, "ConfigComplete"],
    ["an Agent with a model needs one", { spec: { systemPrompt: "" } }, "NoSystemPrompt"],
    ["a reviewer needs fetch_issue", { spec: { role: "reviewer" } }, "MissingRoleTools"],
    ["e77d7cf3 a tool that nobody knows", { spec: { tools: ["magic"] } }, "UnknownTool"],
    [
      "a tool that an MCP server may know",
      { spec: { tools: ["magic"], mcp: { enabled: true } } },
      "NotImplemented"
    ],
    ["a strategy that nothing reads", { spec: { contextStrategy: "session" } }, "NotImplemented"],
    ["the strategy that there is", { spec: { contextStrategy: "window" } }, "ConfigComplete"],
    ["images that are not asked for", { spec: { vision: { enabled: false } } }, "ConfigComplete"],
    ["a limit in money without a price", { spec: { limits: { cost: "1" } } }, "PriceUnknown"],
    ["the same for a day", { spec: { limitsPerDay: { cost: "1" } } }, "PriceUnknown"],
    [
      "a limit in another currency than the prices",
      {
        spec: { limits: { cost: "1", currency: "USD" }, prices: { currency: "EUR", input: "1", output: "1" } }
      },
      "PriceUnknown"
    ],
    ["half of a price", { spec: { prices: { currency: "EUR", input: "1" } } }, "PriceUnknown"],
    [
      "a limit in money with a price",
      { spec: { limits: { cost: "1" }, prices: { currency: "EUR", hardwarePerHour: "1" } } },
      "ConfigComplete"
    ],
    ["a limit of tokens without a price", { spec: { limits: { tokens: 1 } } }, "ConfigComplete"],
    ["a profile of a model", { spec: { modelProfileRef: "small" } }, "NotImplemented"]
  ])("%s", (_, changes, reason) => {
    assert.strictEqual(validate(agent("a", changes), known).reason, reason)
  })
})
