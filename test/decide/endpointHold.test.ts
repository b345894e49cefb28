import { assert, describe, it } from "@effect/vitest"

import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"
import { parkFields, parkingOf } from "../../src/decide/parking.ts"
import { Decision } from "../../src/decide/decision.ts"
import { Scheduler } from "../../src/decide/scheduler.ts"
import { statusFor } from "../../src/decide/taskStatus.ts"
import { agent, epoch, node, task } from "../builders.ts"

const minute = 60_000

/** A scheduler with room for all, and what it decides: names of tasks that are placed. */
const fleet = (...agents: ReadonlyArray<Agent>) => {
  const scheduler = new Scheduler()
  scheduler.nodeChanged("n", {
    node: node("n", { status: { phase: "Ready", capability: { slots: 99, availableRAMGB: 64 } } }),
    isLive: true,
    hasLease: true
  })
  const tell = (it: AgenticTask) => scheduler.taskChanged(refKey(it.metadata), it)
  const say = (it: Agent) => scheduler.agentChanged(refKey(it.metadata), it)
  for (const it of agents) say(it)
  return {
    scheduler,
    tell,
    say,
    placedAt: (millis: number) =>
      scheduler.decide(epoch + millis).decisions.map(({ key }) => key.replace("default/", ""))
  }
}
const held = (name: string, untilMillis: number | undefined, spec: Parameters<typeof agent>[1] = {}) =>
  agent(name, {
    ...spec,
    status:
      untilMillis === undefined
        ? {}
        : {
            endpoint: {
              heldUntil: formatTime(epoch + untilMillis),
              reason: "quota",
              message: "429: slow down"
            }
          }
  })
const of = (name: string, agentName: string, changes: Parameters<typeof task>[1] = {}) =>
  task(name, { ...changes, spec: { agentRef: { name: agentName }, ...changes.spec } })

describe("an endpoint on hold", () => {
  it("is given nothing new until its time, then one task, then all once that has had a minute", () => {
    const { placedAt, scheduler, tell } = fleet(held("a", 10 * minute))
    for (const name of ["t1", "t2", "t3"]) tell(of(name, "a"))
    assert.deepStrictEqual(placedAt(0), [])
    const wait = scheduler.waitOf("default/t1")
    assert.strictEqual(wait?.reason, "EndpointHeld")
    assert.strictEqual(
      wait?.message,
      `the model's endpoint is held until ${formatTime(epoch + 10 * minute)}: 429: slow down`
    )
    assert.strictEqual(scheduler.decide(epoch + 1).lookAtMillis, epoch + 10 * minute)
    assert.deepStrictEqual(placedAt(10 * minute - 1), [])
    assert.deepStrictEqual(placedAt(10 * minute), ["t1"])
    assert.deepStrictEqual(placedAt(10 * minute + 1), [])
    assert.strictEqual(scheduler.waitOf("default/t2")?.reason, "EndpointHeld")
    assert.deepStrictEqual(placedAt(11 * minute), ["t2", "t3"])
  })

  it("is free for all as soon as an answer clears the hold", () => {
    const { placedAt, say, tell } = fleet(held("a", minute))
    for (const name of ["t1", "t2", "t3"]) tell(of(name, "a"))
    assert.deepStrictEqual(placedAt(minute), ["t1"])
    say(held("a", undefined))
    assert.deepStrictEqual(placedAt(minute + 1), ["t2", "t3"])
  })

  it("is held again when the probe meets another refusal", () => {
    const { placedAt, say, tell } = fleet(held("a", minute))
    for (const name of ["t1", "t2"]) tell(of(name, "a"))
    assert.deepStrictEqual(placedAt(minute), ["t1"])
    say(held("a", 5 * minute))
    assert.deepStrictEqual(placedAt(3 * minute), [])
    assert.deepStrictEqual(placedAt(5 * minute), [], "the run that waits in its slot is the probe")
    assert.deepStrictEqual(placedAt(6 * minute), ["t2"])
  })

  it("holds all Agents of the same base URL and model, and nobody else", () => {
    const cloud = (model: string, baseURL = "https://e/v1") => ({
      spec: { provider: "cloud-proxy" as const, providerConfig: { baseURL, model } }
    })
    const { placedAt, scheduler, tell } = fleet(
      held("a", minute, cloud("m")),
      held("b", undefined, cloud("m")),
      held("model", undefined, cloud("other")),
      held("url", undefined, cloud("m", "https://f/v1"))
    )
    for (const name of ["a", "b", "model", "url"]) tell(of(`t-${name}`, name))
    assert.deepStrictEqual(placedAt(0), ["t-model", "t-url"])
    assert.strictEqual(scheduler.waitOf("default/t-b")?.reason, "EndpointHeld")
  })

  it("a clock that is set back makes no hold longer; one that is set forward only asks too early", () => {
    const { placedAt, scheduler, tell } = fleet(held("a", 10 * minute))
    tell(of("t", "a"))
    assert.deepStrictEqual(placedAt(5 * minute), [])
    // An hour back: five minutes are left, as before.
    assert.deepStrictEqual(placedAt(-60 * minute + 5 * minute), [])
    const { lookAtMillis } = scheduler.decide(epoch - 55 * minute)
    assert.strictEqual(lookAtMillis, epoch - 50 * minute)
    assert.deepStrictEqual(placedAt(-50 * minute), ["t"])
    const forward = fleet(held("a", 10 * minute))
    forward.tell(of("t", "a"))
    assert.deepStrictEqual(forward.placedAt(24 * 60 * minute), ["t"])
  })

  it("text that is no time holds nobody", () => {
    const { placedAt, say, tell } = fleet()
    say(agent("a", { status: { endpoint: { heldUntil: "soon" } } }))
    tell(of("t", "a"))
    assert.deepStrictEqual(placedAt(0), ["t"])
  })
})

describe("a parked task", () => {
  const running = of("p", "a", {
    spec: { payload: { branchStrategy: "reset", repo: "o/r", paths: ["src"] } },
    status: {
      phase: "Running",
      assignedNode: "n",
      claimedAt: formatTime(epoch),
      claim: { id: "c", node: "n", claimedAt: formatTime(epoch) }
    }
  })
  const parking = { untilMillis: epoch + 10 * minute + 1, party: "quota", message: "429: slow down" }
  const parked = (): AgenticTask => {
    const { assignedNode, claim, claimedAt, startedAt, ...fields } = parkFields(running, parking, epoch)
    assert.deepStrictEqual([assignedNode, claim, claimedAt, startedAt], [null, null, null, null])
    return { ...running, status: fields as NonNullable<AgenticTask["status"]> }
  }

  it("is Pending with its time and its reason, has neither claim nor node, and counts no loss", () => {
    const { metadata, status } = parked()
    assert.strictEqual(status?.phase, "Pending")
    assert.strictEqual(status?.parkedUntil, formatTime(epoch + 10 * minute + 1000))
    assert.isUndefined(metadata.annotations)
    const condition = status?.conditions?.find(({ type }) => type === "Parked")
    assert.deepStrictEqual(
      [condition?.status, condition?.reason, condition?.message],
      ["True", "EndpointHeld", "429: slow down"]
    )
  })

  it("holds no slot, keeps its paths, and goes on before those that wait for them", () => {
    const { placedAt, scheduler, say, tell } = fleet(held("a", undefined), agent("b"))
    say(agent("b", { spec: { maxConcurrentTasks: 1 } }))
    tell(parked())
    tell(of("q", "b", { spec: { payload: { branchStrategy: "reset", repo: "o/r", paths: ["src/x"] } } }))
    assert.deepStrictEqual(placedAt(0), [])
    assert.strictEqual(scheduler.waitOf("default/q")?.reason, "PathsLocked")
    assert.include(scheduler.waitOf("default/p")?.message, "parked until")
    assert.deepStrictEqual(placedAt(10 * minute), [], "a moment is left")
    assert.deepStrictEqual(placedAt(10 * minute + 1000), ["p"])
    assert.deepStrictEqual(placedAt(11 * minute), [])
    scheduler.taskChanged("default/p", undefined)
    assert.deepStrictEqual(placedAt(12 * minute), ["q"])
  })

  it("lets go of its paths when it is deleted", () => {
    const { placedAt, scheduler, tell } = fleet(held("a", undefined))
    tell(parked())
    tell(of("q", "a", { spec: { payload: { branchStrategy: "reset", repo: "o/r", paths: ["src/x"] } } }))
    assert.deepStrictEqual(placedAt(0), [])
    scheduler.taskChanged("default/p", undefined)
    assert.deepStrictEqual(placedAt(1), ["q"])
  })

  it("goes on at its time whatever happens to the clock, also after the operator begins anew", () => {
    const { placedAt, tell } = fleet(held("a", undefined))
    tell(parked())
    assert.deepStrictEqual(placedAt(5 * minute), [])
    assert.deepStrictEqual(placedAt(-55 * minute), [], "an hour back")
    tell(parked())
    assert.deepStrictEqual(placedAt(-50 * minute + 1000), ["p"])
    const anew = fleet(held("a", undefined))
    anew.tell(parked())
    assert.deepStrictEqual(anew.placedAt(9 * minute), [])
    assert.deepStrictEqual(anew.placedAt(11 * minute), ["p"])
  })

  it("is parked no longer once it has a node", () => {
    const placed = statusFor(parked(), Decision.Assign({ node: "n" }), epoch)
    assert.isNull(placed?.parkedUntil)
    assert.strictEqual(placed?.conditions?.find(({ type }) => type === "Parked")?.status, "False")
  })

  it("comes of a result that says until when, and of no other", () => {
    const result = {
      schemaVersion: "foreman.v1" as const,
      kind: "native-agent-loop",
      verdict: "INCOMPLETE" as const,
      summary: "e: is held",
      elapsedSec: 1,
      extra: { reason: "EndpointHeld", party: "quota", heldUntil: new Date(epoch).toISOString() }
    }
    assert.deepStrictEqual(parkingOf(result), { untilMillis: epoch, party: "quota", message: "e: is held" })
    assert.isUndefined(parkingOf({ ...result, verdict: "NO-GO" }))
    assert.isUndefined(parkingOf({ ...result, extra: { ...result.extra, reason: "Timeout" } }))
    assert.isUndefined(parkingOf({ ...result, extra: { ...result.extra, heldUntil: "later" } }))
  })
})
