import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"

import { operator } from "../../programs/operator.ts"
import { agents } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatMicroTime, formatTime } from "../../schema/Time.ts"
import {
  Forbidden,
  Conflict,
  KubeClient,
  TooManyRequests,
  Unavailable
} from "../../src/services/KubeClient.ts"
import * as agenticTask from "../../src/reconcile/agenticTask.ts"
import * as World from "../../src/reconcile/world.ts"
import { agent, epoch, lease, node, task } from "../builders.ts"
import { cutWatches } from "../fakes/cutWatches.ts"
import { conditionsOf, FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import { atEpoch, nodeNamed, setStatus, setTask, settle, startOperator, taskNamed } from "./running.ts"

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

const running = (name: string, changes: object = {}) =>
  task(name, {
    ...changes,
    status: {
      phase: "Running",
      assignedNode: "n1",
      claimedAt: formatTime(epoch),
      startedAt: formatTime(epoch),
      claim: { id: "c1", node: "n1", claimedAt: formatTime(epoch) }
    }
  })

describe("claim expiry", () => {
  it.effect("8af7ac65 a silent node's task goes back to Pending, its claim cleared, and is counted", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      yield* TestClock.adjust("89 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
      yield* TestClock.adjust("5 seconds")
      const { metadata, status } = yield* taskNamed("t")
      assert.strictEqual(metadata.annotations?.["foreman.llmkube.dev/claim-expiries"], "1")
      assert.deepStrictEqual(
        [status?.phase, status?.assignedNode, status?.claimedAt, status?.startedAt, status?.claim],
        ["Pending", undefined, undefined, undefined, undefined]
      )
      assert.strictEqual(status?.conditions?.[0]?.type, "ClaimExpired")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a node with a Lease is judged by the Lease: 40 s of silence, however fresh its heartbeat once was",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const { seed } = yield* FakeCluster
        yield* seed(fleetNodes, node("n1"))
        yield* seed(leases, lease("n1"))
        yield* seed(agenticTasks, running("t"))
        yield* startOperator()
        yield* TestClock.adjust("39 seconds")
        assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* taskNamed("t")).status?.phase, "Pending")
      }).pipe(Effect.provide(layer))
  )

  it.effect("without the right to read Leases a silent node's task is taken back by its heartbeat", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* failNext(new Forbidden({ message: "no" }), {
        times: 1000,
        when: ({ resource }) => resource.startsWith("leases")
      })
      yield* startOperator()
      yield* TestClock.adjust("94 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("the third loss ends the task, and says why", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(
        agenticTasks,
        running("t", { metadata: { annotations: { "foreman.llmkube.dev/claim-expiries": "2" } } })
      )
      yield* startOperator()
      yield* settle
      const { status } = yield* taskNamed("t")
      assert.deepStrictEqual(
        [status?.phase, status?.verdict, status?.failureReason, status?.conditions?.[0]?.reason],
        ["Failed", "INCOMPLETE", "InfrastructureError", "ClaimExpiryLimitReached"]
      )
      assert.strictEqual(status?.conditions?.[0]?.message, "FleetNode n1 is gone")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a renewed Lease counts from the list that shows it, 5 s later at worst", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      yield* seed(fleetNodes, node("n1"))
      yield* seed(leases, lease("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      yield* TestClock.adjust("31 seconds")
      const renewed = { spec: { renewTime: formatMicroTime(epoch + 31_000) } }
      const ref = { name: "foreman-node-n1", namespace: "foreman-system" }
      yield* kube.patch(leases, ref, { type: "merge", body: renewed })
      yield* TestClock.adjust("39 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("trouble with the API server is no proof that a node is silent", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { disconnectWatches, failNext, seed } = yield* FakeCluster
      const kube = yield* KubeClient
      yield* seed(fleetNodes, node("n1"))
      yield* seed(leases, lease("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      yield* TestClock.adjust("35 seconds")
      yield* failNext(new Unavailable({ message: "down" }), { times: 20, when: ({ verb }) => verb !== "get" })
      yield* disconnectWatches
      yield* TestClock.adjust("10 seconds")
      yield* kube
        .patch(
          leases,
          { name: "foreman-node-n1", namespace: "foreman-system" },
          {
            type: "merge",
            body: { spec: { renewTime: formatMicroTime(epoch + 45_000) } }
          }
        )
        .pipe(Effect.retry({ times: 30 }))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a node whose clock is behind keeps its tasks when the operator is restarted", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      const said = (seconds: number) => formatMicroTime(epoch + (seconds - 60) * 1000)
      const renew = (seconds: number) =>
        kube.patch(
          leases,
          { name: "foreman-node-n1", namespace: "foreman-system" },
          { type: "merge", body: { spec: { renewTime: said(seconds) } } }
        )
      yield* seed(fleetNodes, node("n1", { status: { lastHeartbeatTime: formatTime(epoch - 60_000) } }))
      yield* seed(leases, lease("n1", { renewTime: said(0) }))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      for (let seconds = 5; seconds < 120; seconds += 10) {
        yield* TestClock.adjust("10 seconds")
        yield* renew(seconds)
        assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
      }
    }).pipe(Effect.provide(layer))
  )

  it.live("a clock that is set says nothing of a node", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      const real = yield* Clock.Clock
      let step = 0
      const set: Clock.Clock = Object.assign(Object.create(real), {
        currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe() + step,
        currentTimeMillis: Effect.sync(() => real.currentTimeMillisUnsafe() + step)
      })
      const now = real.currentTimeMillisUnsafe()
      yield* seed(fleetNodes, node("n1", { status: { lastHeartbeatTime: formatTime(now) } }))
      yield* seed(leases, lease("n1", { renewTime: formatMicroTime(now) }))
      yield* seed(agenticTasks, running("t"))
      const program = operator({ foremanNamespace: "foreman-system", allowCloudProviders: true })
      yield* program.pipe(Effect.provideService(Clock.Clock, set), Effect.forkScoped)
      yield* Effect.sleep("100 millis")
      step = 120_000
      // Whatever happens has every node looked at.
      yield* seed(fleetNodes, node("n2", { status: { lastHeartbeatTime: formatTime(now + step) } }))
      yield* Effect.sleep("200 millis")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
      assert.notStrictEqual((yield* nodeNamed("n1")).status?.phase, "NotReady")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("watches that are cut again and again hide no dead node", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(leases, lease("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator().pipe(Effect.provideServiceEffect(KubeClient, cutWatches("35 seconds")))
      for (let seconds = 0; seconds < 180; seconds += 30) yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a FleetNode that is deleted before its Lease ran out gives its tasks back when that has", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      yield* seed(fleetNodes, node("n1"))
      yield* seed(leases, lease("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      yield* TestClock.adjust("20 seconds")
      yield* kube.delete(fleetNodes, { name: "n1" })
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a Lease that no list has shown renewed is read before a task is taken back", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      yield* seed(fleetNodes, node("n1"))
      yield* seed(leases, lease("n1"))
      yield* seed(agenticTasks, running("t"))
      let lists = 0
      const deaf = KubeClient.of({
        ...kube,
        list: (resource, options) =>
          resource.kind === leases.kind && lists++ > 0 ? Effect.never : kube.list(resource, options)
      })
      yield* startOperator().pipe(Effect.provideService(KubeClient, deaf))
      yield* TestClock.adjust("30 seconds")
      const renewed = { spec: { renewTime: formatMicroTime(epoch + 30_000) } }
      const ref = { name: "foreman-node-n1", namespace: "foreman-system" }
      yield* kube.patch(leases, ref, { type: "merge", body: renewed })
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Running")
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.phase, "Pending")
    }).pipe(Effect.provide(layer))
  )
})
