import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatMicroTime, formatTime } from "../../schema/Time.ts"
import { ExecutorError } from "../../src/executors/Executor.ts"
import { Invalid, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch, task } from "../builders.ts"
import { FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import {
  atEpoch,
  me,
  memoryRecords,
  phaseOf,
  result,
  scheduled,
  scriptedExecutor,
  settle,
  startDaemon,
  statusOf,
  terminate
} from "./running.ts"

const down = new Unavailable({ message: "connection refused" })
const onTasks =
  (verb: Request["verb"]) =>
  (request: Request): boolean =>
    request.verb === verb && request.resource.startsWith("agentictasks")

const patchTask = (name: string, status: object) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(
      agenticTasks,
      { name, namespace: "default" },
      { type: "merge", body: { status } },
      { subresource: "status" }
    )
  )
const conditionsOf = (status: AgenticTask["status"]) =>
  Object.fromEntries(
    (status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status}/${reason}`])
  )

describe("node daemon", () => {
  it.effect("a task goes from Scheduled to Succeeded in two writes", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("t1"))
      yield* startDaemon(script)
      const running = yield* statusOf("t1")
      assert.deepStrictEqual(script.began, ["t1"])
      assert.deepStrictEqual(
        { ...running, conditions: conditionsOf(running), claim: { ...running?.claim, id: "" } },
        {
          phase: "Running",
          assignedNode: me,
          claim: { id: "", node: me, claimedAt: running?.claimedAt ?? "" },
          claimedAt: formatTime(epoch),
          startedAt: formatTime(epoch),
          conditions: { Running: "True/Claimed" }
        } as never
      )
      yield* TestClock.adjust("8 seconds")
      const extra = { branch: "foreman/t1", commitSHA: "abc", jobName: "j1" }
      yield* script.end("t1", result({ extra, summary: "fixed" }))
      const status = yield* statusOf("t1")
      assert.strictEqual(status?.phase, "Succeeded")
      assert.strictEqual(status?.verdict, "GO")
      assert.deepStrictEqual(
        [status?.branch, status?.commitSHA, status?.jobName],
        ["foreman/t1", "abc", "j1"]
      )
      assert.deepStrictEqual(status?.result, { ...result({ extra, summary: "fixed" }) })
      assert.deepStrictEqual(conditionsOf(status), {
        Running: "True/Claimed",
        Completed: "True/ExecutorSucceeded"
      })
      const writes = (yield* cluster.writes).filter(({ resource }) => resource.startsWith("agentictasks"))
      assert.strictEqual(writes.length, 2)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("only own Scheduled tasks are claimed: review, verify, issue-fix, then what is oldest", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(
        agenticTasks,
        scheduled("other", { status: { phase: "Scheduled", assignedNode: "elsewhere" } }),
        task("pending", { status: { phase: "Pending" } }),
        scheduled("done", { status: { phase: "Succeeded", verdict: "GO" } }),
        scheduled("free"),
        scheduled("fix", { spec: { kind: "issue-fix" } }),
        scheduled("check", { spec: { kind: "verify" } }),
        scheduled("look", { spec: { kind: "review" } })
      )
      yield* startDaemon(script)
      for (const name of ["look", "check", "fix", "free"]) {
        assert.strictEqual(script.began.at(-1), name)
        yield* script.end(name, result())
      }
      assert.deepStrictEqual(script.began, ["look", "check", "fix", "free"])
      assert.deepStrictEqual([yield* phaseOf("other"), yield* phaseOf("pending")], ["Scheduled", "Pending"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("no more runs than slots", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"), scheduled("c"))
      yield* startDaemon(script, { slots: 2 })
      assert.deepStrictEqual(script.began, ["a", "b"])
      yield* script.end("b", result())
      assert.deepStrictEqual(script.began, ["a", "b", "c"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("an executor's error, a bug in it and a verdict nobody knows end the task, not the daemon", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"), scheduled("c"), scheduled("d"))
      const executor = {
        ...script.executor,
        execute: (run: { readonly task: AgenticTask }) =>
          run.task.metadata.name === "b"
            ? Effect.die(new TypeError("x is not a function"))
            : script.executor.execute(run)
      }
      yield* startDaemon({ ...script, executor })
      yield* script.end("a", new ExecutorError({ message: "no disk" }))
      yield* script.end("c", { ...result(), verdict: "ERROR" as never })
      yield* script.end("d", result({ verdict: "NO-GO" }))
      const told = yield* Effect.forEach(["a", "b", "c", "d"], (name) =>
        Effect.map(statusOf(name), (status) => ({
          phase: status?.phase,
          verdict: status?.verdict,
          reason: status?.failureReason,
          completed: conditionsOf(status)["Completed"]
        }))
      )
      const failed = { phase: "Failed", verdict: "INCOMPLETE", reason: "InfrastructureError" }
      assert.deepStrictEqual(told as unknown, [
        { ...failed, completed: "False/ExecutorError" },
        { ...failed, completed: "False/ExecutorError" },
        { ...failed, completed: "False/ExecutorContractViolation" },
        { phase: "Succeeded", verdict: "NO-GO", reason: undefined, completed: "True/ExecutorSucceeded" }
      ])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("timeoutSeconds ends the run as INCOMPLETE with reason Timeout", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("t1", { spec: { timeoutSeconds: 60 } }))
      yield* startDaemon(script)
      yield* TestClock.adjust("60 seconds")
      yield* settle
      const status = yield* statusOf("t1")
      assert.deepStrictEqual(
        [status?.phase, status?.verdict, status?.failureReason],
        ["Succeeded", "INCOMPLETE", "Timeout"]
      )
      assert.deepStrictEqual(script.interrupted, ["t1"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a deleted task's run is ended, one that only went out of sight of a dead watch is not", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const kube = yield* KubeClient
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"))
      yield* startDaemon(script, { slots: 2 })
      yield* cluster.disconnectWatches
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(script.interrupted, [])
      yield* kube.delete(agenticTasks, { name: "a", namespace: "default" })
      yield* settle
      assert.deepStrictEqual(script.interrupted, ["a"])
      yield* script.end("b", result())
      assert.strictEqual(yield* phaseOf("b"), "Succeeded")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("471a00c4 a task that is being deleted has its run ended, though a finalizer holds it", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const kube = yield* KubeClient
      const script = scriptedExecutor()
      const finalizers = ["example.com/audit"]
      yield* cluster.seed(agenticTasks, scheduled("t1", { metadata: { finalizers } }))
      yield* startDaemon(script)
      yield* kube.delete(agenticTasks, { name: "t1", namespace: "default" })
      yield* settle
      assert.deepStrictEqual(script.interrupted, ["t1"])
      assert.strictEqual(yield* phaseOf("t1"), "Running")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a task that was released and given to another node is left to it", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("t1"))
      yield* startDaemon(script)
      const theirs = { id: "x", node: "elsewhere", claimedAt: formatTime(epoch) }
      yield* patchTask("t1", {
        phase: "Running",
        assignedNode: "elsewhere",
        claimedAt: formatTime(epoch),
        claim: theirs
      })
      yield* settle
      yield* script.end("t1", result())
      const status = yield* statusOf("t1")
      assert.deepStrictEqual(
        [status?.phase, status?.assignedNode, status?.verdict],
        ["Running", "elsewhere", undefined]
      )
      assert.deepStrictEqual(script.interrupted, ["t1"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "a terminal write meets a changed version: it lands while the claim holds, and never over another's",
    () =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster
        const kube = yield* KubeClient
        const script = scriptedExecutor()
        yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"))
        yield* startDaemon(script, { slots: 2 })
        yield* kube.patch(
          agenticTasks,
          { name: "a", namespace: "default" },
          { type: "merge", body: { metadata: { labels: { touched: "yes" } } } }
        )
        // No watch tells it: only the version that the write shows does.
        yield* cluster.failNext(down, { when: onTasks("watch"), times: 100 })
        yield* cluster.disconnectWatches
        yield* settle
        yield* patchTask("b", { assignedNode: "elsewhere" })
        yield* script.end("a", result())
        yield* script.end("b", result())
        assert.strictEqual(yield* phaseOf("a"), "Succeeded")
        const b = yield* statusOf("b")
        assert.deepStrictEqual([b?.phase, b?.assignedNode, b?.verdict], ["Running", "elsewhere", undefined])
        assert.deepStrictEqual(script.interrupted, [])
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a result outlasts an API server that is away, and an answer that was lost", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"))
      yield* startDaemon(script)
      yield* cluster.failNext(down, { when: onTasks("patch"), times: 20 })
      yield* script.end("a", result())
      assert.strictEqual(yield* phaseOf("a"), "Running")
      yield* TestClock.adjust("10 minutes")
      yield* settle
      assert.strictEqual(yield* phaseOf("a"), "Succeeded")
      yield* cluster.failNext(down, { when: onTasks("patch"), isAfter: true })
      yield* script.end("b", result({ summary: "once" }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* statusOf("b"))?.result?.["summary"], "once")
      assert.deepStrictEqual(script.began, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a refused terminal write becomes Failed with the raw result kept", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("t1"))
      yield* startDaemon(script)
      yield* cluster.failNext(new Invalid({ message: "no".repeat(1_000) }), { when: onTasks("patch") })
      yield* script.end("t1", result())
      const status = yield* statusOf("t1")
      const completed = status?.conditions?.find(({ type }) => type === "Completed")
      assert.deepStrictEqual(
        [status?.phase, status?.verdict, completed?.reason, completed?.message.length],
        ["Failed", "INCOMPLETE", "TerminalPatchRejected", 512]
      )
      assert.deepStrictEqual(status?.result, { ...result() })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a restarted daemon claims its own running task anew and runs it again", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      const old = { id: "old", node: me, claimedAt: formatTime(epoch) }
      yield* cluster.seed(
        agenticTasks,
        scheduled("mine", {
          status: { phase: "Running", assignedNode: me, claimedAt: old.claimedAt, claim: old }
        }),
        scheduled("theirs", { status: { phase: "Running", assignedNode: "elsewhere" } })
      )
      yield* startDaemon(script)
      assert.deepStrictEqual(script.began, ["mine"])
      const status = yield* statusOf("mine")
      assert.notStrictEqual(status?.claim?.id, "old")
      assert.strictEqual(status?.claimedAt, formatTime(epoch + 1_000))
      assert.strictEqual(yield* phaseOf("theirs"), "Running")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a result that was recorded under an earlier claim is not reported for a later one", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const records = memoryRecords()
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("t1"))
      const { metadata } = yield* Effect.flatMap(KubeClient, (kube) =>
        kube.get(agenticTasks, { name: "t1", namespace: "default" })
      )
      const claim = { id: "old", node: me, claimedAt: formatTime(epoch) }
      records.entries.set(metadata.uid ?? "", { finished: { claim, result: result({ summary: "old" }) } })
      yield* startDaemon(script, {}, records)
      assert.deepStrictEqual(script.began, ["t1"])
      yield* script.end("t1", result({ summary: "new" }))
      assert.strictEqual((yield* statusOf("t1"))?.result?.["summary"], "new")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "a result that was recorded but never written is written after the restart, not earned again",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const cluster = yield* FakeCluster
        const records = memoryRecords()
        const first = scriptedExecutor()
        yield* cluster.seed(agenticTasks, scheduled("t1"))
        const daemon = yield* startDaemon(first, {}, records)
        let isDown = true
        yield* cluster.failNext(down, {
          when: (request) => isDown && onTasks("patch")(request),
          times: 1_000
        })
        yield* first.end("t1", result({ summary: "from before" }))
        yield* terminate(daemon)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(yield* phaseOf("t1"), "Running")
        assert.strictEqual(records.entries.size, 1)

        isDown = false
        const second = scriptedExecutor()
        yield* startDaemon(second, { processToken: "p2" }, records)
        const status = yield* statusOf("t1")
        assert.deepStrictEqual([status?.phase, status?.result?.["summary"]], ["Succeeded", "from before"])
        assert.deepStrictEqual(second.began, [])
        assert.strictEqual(records.entries.size, 0)
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a drain that takes long keeps the Lease, and its runs", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("slow"), scheduled("taken"))
      const daemon = yield* startDaemon(script, { slots: 2, drainTimeout: Duration.minutes(10) })
      yield* terminate(daemon)
      for (let seconds = 0; seconds < 180; seconds += 20) yield* TestClock.adjust("20 seconds")
      const kube = yield* KubeClient
      const { spec } = yield* kube.get(leases, { name: `foreman-node-${me}`, namespace: "foreman-system" })
      assert.strictEqual(spec?.renewTime, formatMicroTime(180_000))
      // Somebody took one of them away meanwhile.
      yield* kube.patch(
        agenticTasks,
        { name: "taken", namespace: "default" },
        { type: "merge", body: { status: { phase: "Pending", assignedNode: null, claim: null } } },
        { subresource: "status" }
      )
      yield* settle
      assert.deepStrictEqual(script.interrupted, ["taken"])
      yield* script.end("slow", result())
      assert.strictEqual(yield* phaseOf("slow"), "Succeeded")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "SIGTERM: Draining first, what ends in time is reported, the rest is handed back, the Lease is free",
    () =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster
        const script = scriptedExecutor()
        yield* cluster.seed(agenticTasks, scheduled("quick"), scheduled("slow"), scheduled("waiting"))
        const daemon = yield* startDaemon(script, { slots: 2 })
        yield* cluster.forgetRequests
        yield* terminate(daemon)
        const node = yield* cluster.raw(fleetNodes, { name: me })
        assert.include(JSON.stringify(node?.["status"]), '"phase":"Draining"')
        assert.strictEqual((yield* cluster.writes)[0]?.resource, "fleetnodes.foreman.llmkube.dev")
        yield* TestClock.adjust("3 seconds")
        yield* script.end("quick", result())
        yield* TestClock.adjust("20 seconds")
        yield* settle
        const exit = daemon.pollUnsafe()
        assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
        assert.strictEqual(yield* phaseOf("quick"), "Succeeded")
        const slow = yield* statusOf("slow")
        assert.deepStrictEqual(
          [
            slow?.phase,
            slow?.assignedNode,
            slow?.claim,
            slow?.claimedAt,
            slow?.startedAt,
            conditionsOf(slow)
          ],
          ["Pending", undefined, undefined, undefined, undefined, { Running: "False/NodeDraining" }]
        )
        assert.strictEqual(yield* phaseOf("waiting"), "Scheduled")
        assert.deepStrictEqual(script.began, ["quick", "slow"])
        const lease = yield* cluster.raw(leases, { name: `foreman-node-${me}`, namespace: "foreman-system" })
        assert.include(JSON.stringify(lease?.["spec"]), '"holderIdentity":""')
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("three failures in a row end an idle daemon; a success in between starts the count anew", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      const daemon = yield* startDaemon(script)
      yield* TestClock.adjust("10 seconds")
      yield* cluster.failNext(down, { when: onTasks("watch"), times: 2 })
      yield* cluster.disconnectWatches
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(daemon.pollUnsafe())
      yield* cluster.failNext(down, {
        when: (request) => request.resource.startsWith("agentictasks"),
        times: 50
      })
      yield* cluster.disconnectWatches
      yield* TestClock.adjust("1 minute")
      yield* settle
      const exit = yield* Fiber.await(daemon)
      assert.isTrue(Exit.isFailure(exit) && String(exit.cause).includes("WatcherStalled"), String(exit))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("with a run in flight the daemon keeps trying, and claims again when the server is back", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.seed(agenticTasks, scheduled("a"))
      const daemon = yield* startDaemon(script)
      yield* cluster.failNext(down, {
        when: (request) => onTasks("list")(request) || onTasks("watch")(request),
        times: 20
      })
      yield* cluster.disconnectWatches
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(daemon.pollUnsafe())
      yield* cluster.seed(agenticTasks, scheduled("b"))
      yield* TestClock.adjust("2 minutes")
      yield* script.end("a", result())
      assert.deepStrictEqual(script.began, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a claim that fails is tried again, and does not count as a stall", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* cluster.failNext(down, { when: onTasks("patch"), times: 5 })
      yield* cluster.seed(agenticTasks, scheduled("a"))
      const daemon = yield* startDaemon(script)
      assert.deepStrictEqual(script.began, [])
      yield* TestClock.adjust(Duration.seconds(30))
      assert.deepStrictEqual(script.began, ["a"])
      assert.isUndefined(daemon.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
