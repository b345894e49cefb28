import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"

import { agents } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { Conflict, KubeClient, TooManyRequests, Unavailable } from "../../src/services/KubeClient.ts"
import * as agenticTask from "../../src/reconcile/agenticTask.ts"
import * as World from "../../src/reconcile/world.ts"
import { agent, epoch, node, task } from "../builders.ts"
import { conditionsOf, FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import { atEpoch, setStatus, setTask, settle, startOperator, taskNamed } from "./running.ts"

const ref = (name: string) => ({ name, namespace: "default" })
const taskWrites = Effect.flatMap(FakeCluster, ({ writes }) =>
  Effect.map(writes, (all) => all.filter(({ resource }) => resource === "agentictasks.foreman.llmkube.dev"))
)

describe("the scheduler at work", () => {
  it.effect("a bug in it is told, so that the operator ends: it does not lead on and decide nothing", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const bug = new Error("a bug")
      const get = (): never => {
        throw bug
      }
      const running = yield* Effect.gen(function* () {
        const world = yield* World.World
        const nodes = { ...world.nodes, get }
        const { broken } = yield* agenticTask.run.pipe(
          Effect.provideService(World.World, { ...world, nodes })
        )
        return yield* broken
      }).pipe(Effect.provide(World.layer({ foremanNamespace: "foreman-system" })), Effect.forkScoped)
      yield* settle
      assert.isUndefined(running.pollUnsafe())
      yield* seed(fleetNodes, node("n1"))
      yield* settle
      assert.deepStrictEqual(running.pollUnsafe(), Exit.die(bug))
    }).pipe(Effect.provide(layer))
  )

  it.effect("a task that can be placed is Scheduled in one write, never Pending first", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { raw, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      yield* seed(agenticTasks, task("t"))
      yield* settle
      assert.deepStrictEqual((yield* taskNamed("t")).status, {
        phase: "Scheduled",
        assignedNode: "n1",
        conditions: [
          {
            type: "Scheduled",
            status: "True",
            reason: "FleetNodeAssigned",
            message: "assigned to FleetNode n1",
            lastTransitionTime: formatTime(epoch)
          }
        ]
      })
      assert.strictEqual((yield* taskWrites).length, 1)
      assert.deepStrictEqual(Object.keys(conditionsOf(yield* raw(agenticTasks, ref("t")))), ["Scheduled"])
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a task that fits nowhere is Pending with the reason, written once however often a node beats",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const { seed } = yield* FakeCluster
        yield* seed(fleetNodes, node("n1"))
        yield* seed(
          agenticTasks,
          task("t", { spec: { requiredCapability: { accelerator: "any", roles: ["verifier"] } } })
        )
        yield* startOperator()
        yield* settle
        const { status } = yield* taskNamed("t")
        assert.strictEqual(status?.phase, "Pending")
        assert.strictEqual(status?.conditions?.[0]?.reason, "Unschedulable")
        assert.strictEqual(status?.conditions?.[0]?.message, "0/1 nodes fit: 1 lacks role verifier")
        for (let beat = 1; beat <= 5; beat++) {
          yield* TestClock.adjust("30 seconds")
          yield* setStatus(fleetNodes, "n1", { lastHeartbeatTime: formatTime(epoch + beat * 30_000) })
          // This wakes the scheduler, and changes nothing that the task waits for.
          yield* setStatus(fleetNodes, "n1", { capability: { installedModels: [`m${beat}`] } })
        }
        yield* settle
        assert.strictEqual((yield* taskWrites).length, 1)
      }).pipe(Effect.provide(layer))
  )

  it.effect("d731a902 two tasks never share a slot; the second goes out when the first ends", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      yield* seed(agenticTasks, task("a"), task("b"))
      yield* settle
      assert.strictEqual((yield* taskNamed("a")).status?.assignedNode, "n1")
      assert.strictEqual((yield* taskNamed("b")).status?.assignedNode, undefined)
      // A wait that is only a turn is told after five seconds.
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* taskNamed("b")).status?.phase, "Pending")
      yield* setTask("a", { phase: "Succeeded", verdict: "GO" })
      yield* settle
      assert.strictEqual((yield* taskNamed("b")).status?.assignedNode, "n1")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a burst that drains in seconds is not told task by task", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      yield* seed(agenticTasks, ...Array.from({ length: 101 }, (_, index) => task(`t${index}`)))
      yield* TestClock.adjust("4 seconds")
      const kube = yield* KubeClient
      const told = Effect.map(
        kube.list(agenticTasks, {}),
        ({ items }) => items.filter(({ status }) => status?.phase === "Pending").length
      )
      assert.strictEqual(yield* told, 0)
      // Sixteen a second, and in the end all.
      yield* TestClock.adjust("2 seconds")
      assert.isBelow(yield* told, 33)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* told, 100)
    }).pipe(Effect.provide(layer))
  )

  it.effect("a conflict means look again", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      yield* failNext(new Conflict({ message: "modified" }), { when: ({ verb }) => verb === "patch" })
      yield* seed(agenticTasks, task("t"))
      yield* settle
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Scheduled")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a 429 is obeyed for as long as it says, and holds up nobody else", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"), node("n2"))
      yield* startOperator()
      yield* failNext(new TooManyRequests({ message: "later", retryAfterSeconds: 7 }), {
        when: ({ key, verb }) => verb === "patch" && key === "default/a"
      })
      yield* seed(agenticTasks, task("a"), task("b"))
      yield* settle
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* taskNamed("b")).status?.phase, "Scheduled")
      assert.strictEqual((yield* taskNamed("a")).status?.phase, undefined)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* taskNamed("a")).status?.phase, "Scheduled")
    }).pipe(Effect.provide(layer))
  )

  it.effect("an answer that is lost gives the slot to nobody else", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      yield* failNext(new Unavailable({ message: "cut" }), {
        isAfter: true,
        when: ({ verb }) => verb === "patch"
      })
      yield* seed(agenticTasks, task("a"), task("b"))
      yield* TestClock.adjust("10 seconds")
      const scheduled = [yield* taskNamed("a"), yield* taskNamed("b")].filter(
        ({ status }) => status?.phase === "Scheduled"
      )
      assert.deepStrictEqual(
        scheduled.map(({ metadata }) => metadata.name),
        ["a"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a place is taken from the moment it is given, whatever has become of the write", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { disconnectWatches, failNext, raw, seed } = yield* FakeCluster
      const spec = { requiredCapability: { accelerator: "any", minRAMGB: 8 } } as const
      yield* seed(fleetNodes, node("n1", { status: { capability: { availableRAMGB: 4 } } }))
      yield* seed(agenticTasks, task("a", { spec }), task("b", { spec }))
      yield* startOperator()
      // The write lands, its answer is lost, and nobody can ask what became of it.
      const onTasks = ({ resource }: Request) => resource.startsWith("agentictasks")
      yield* failNext(new Unavailable({ message: "cut" }), {
        isAfter: true,
        when: (request) => onTasks(request) && request.verb === "patch" && request.key === "default/a"
      })
      yield* failNext(new Unavailable({ message: "down" }), {
        times: 1_000,
        when: (request) => onTasks(request) && request.verb !== "patch"
      })
      yield* disconnectWatches
      yield* TestClock.adjust("5 seconds")
      yield* setStatus(fleetNodes, "n1", { capability: { availableRAMGB: 8 } })
      yield* TestClock.adjust("5 seconds")
      yield* setStatus(fleetNodes, "n1", { capability: { installedModels: ["m"] } })
      yield* TestClock.adjust("5 seconds")
      const phases = yield* Effect.forEach(["a", "b"], (name) =>
        Effect.map(raw(agenticTasks, { name, namespace: "default" }), (it) => it?.["status"])
      )
      assert.deepInclude(phases[0], { phase: "Scheduled", assignedNode: "n1" })
      assert.deepInclude(phases[1], { phase: "Pending" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("1b72a7c9 a dependent of a task that ended off target fails, and names verdict and task", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(
        agenticTasks,
        task("gate", { status: { phase: "Succeeded", verdict: "GATE-FAIL" } }),
        task("next", { spec: { dependsOn: ["gate"] } })
      )
      yield* startOperator()
      yield* settle
      assert.deepStrictEqual((yield* taskNamed("next")).status, {
        phase: "Failed",
        verdict: "INCOMPLETE",
        finishedAt: formatTime(epoch),
        conditions: [
          {
            type: "Failed",
            status: "True",
            reason: "UpstreamFailed",
            message: "upstream gate ended Succeeded with verdict GATE-FAIL",
            lastTransitionTime: formatTime(epoch)
          }
        ]
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("a dependent runs when its upstream comes on target, and not before", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"), node("n2"))
      yield* startOperator()
      yield* seed(agenticTasks, task("next", { spec: { dependsOn: ["code"] } }))
      yield* settle
      assert.strictEqual((yield* taskNamed("next")).status?.conditions?.[0]?.reason, "DependencyNotFound")
      yield* seed(agenticTasks, task("code"))
      yield* settle
      assert.strictEqual((yield* taskNamed("next")).status?.conditions?.[0]?.reason, "WaitingForDependency")
      yield* setTask("code", { phase: "Succeeded", verdict: "GO" })
      yield* settle
      assert.strictEqual((yield* taskNamed("next")).status?.phase, "Scheduled")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a dependency that does not appear fails its task after an hour", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(agenticTasks, task("next", { spec: { dependsOn: ["code"] } }))
      yield* startOperator()
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* taskNamed("next")).status?.phase, "Pending")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* taskNamed("next")).status?.conditions?.at(-1)?.reason, "DependencyNotFound")
      assert.strictEqual((yield* taskNamed("next")).status?.phase, "Failed")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "an Agent that is applied a moment after its task is waited for; one that stays away fails it",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const { seed } = yield* FakeCluster
        yield* seed(fleetNodes, node("n1"))
        yield* startOperator()
        yield* seed(
          agenticTasks,
          task("late", { spec: { agentRef: { name: "late" } } }),
          task("never", { spec: { agentRef: { name: "never" } } })
        )
        yield* TestClock.adjust("5 seconds")
        yield* seed(agents, agent("late"))
        yield* TestClock.adjust("40 seconds")
        assert.strictEqual((yield* taskNamed("late")).status?.phase, "Scheduled")
        const { status } = yield* taskNamed("never")
        assert.strictEqual(status?.phase, "Failed")
        assert.strictEqual(status?.failureReason, "AgentNotFound")
      }).pipe(Effect.provide(layer))
  )
})
