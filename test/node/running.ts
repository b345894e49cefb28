/** A node daemon on a FakeCluster, under a test's clock, with an executor that does what the test says. */
import { Deferred, Duration, Effect, Fiber, type Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import type { NodeCapability } from "../../schema/Capability.ts"
import type { Result } from "../../schema/Result.ts"
import { ExecutorError } from "../../src/executors/Executor.ts"
import * as Daemon from "../../src/node/daemon.ts"
import { FleetProbe } from "../../src/services/FleetProbe.ts"
import type { KubeClient } from "../../src/services/KubeClient.ts"
import * as Journal from "../../src/services/Journal.ts"
import { RunRecord, type RunRecordEntry } from "../../src/services/RunRecord.ts"
import { FakeCluster } from "../fakes/FakeCluster.ts"
import { epoch, task } from "../builders.ts"

export const me = "m5-max"

/** Lets everything that is due happen: watches, claims, writes. */
export const settle = Effect.repeat(TestClock.adjust("1 millis"), { times: 30 })

export const atEpoch = TestClock.setTime(epoch)

export const result = (changes: Partial<Result> = {}): Result => ({
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict: "GO",
  summary: "done",
  elapsedSec: 1,
  ...changes
})

/** Runs begin in `began` and wait for `end`; an interrupted one is noted in `interrupted`. */
export const scriptedExecutor = () => {
  const began: Array<string> = []
  const interrupted: Array<string> = []
  const ends = new Map<string, Deferred.Deferred<Result, ExecutorError>>()
  const endOf = (name: string) => {
    const known = ends.get(name) ?? Deferred.makeUnsafe<Result, ExecutorError>()
    ends.set(name, known)
    return known
  }
  return {
    began,
    interrupted,
    end: (name: string, outcome: Result | ExecutorError) =>
      (outcome instanceof ExecutorError
        ? Deferred.fail(endOf(name), outcome)
        : Deferred.succeed(endOf(name), outcome)
      ).pipe(Effect.andThen(settle)),
    executor: {
      kind: "native-agent-loop",
      execute: (run: { readonly task: AgenticTask }) => {
        const name = run.task.metadata.name
        began.push(name)
        return Deferred.await(endOf(name)).pipe(
          Effect.onInterrupt(() => Effect.sync(() => void interrupted.push(name)))
        )
      }
    }
  }
}

/** Run records that outlive a daemon, as files do. */
export const memoryRecords = () => {
  const entries = new Map<string, RunRecordEntry>()
  const service = RunRecord.of({
    read: (uid) => Effect.sync(() => entries.get(uid)),
    update: (uid, fields) => Effect.sync(() => void entries.set(uid, { ...entries.get(uid), ...fields })),
    remove: (uid) => Effect.sync(() => void entries.delete(uid))
  })
  return { entries, service }
}

export const capability: NodeCapability = { accelerator: "metal", totalRAMGB: 128, availableRAMGB: 22 }
const steadyProbe = FleetProbe.of({ capability: Effect.succeed(capability) })

let claims = 0

export const daemonOptions = {
  identity: {
    nodeName: me,
    tailscaleAddr: undefined,
    roles: ["worker"],
    labels: {},
    taskNamespace: "default" as string | undefined
  },
  self: { agentVersion: "1.2.3", os: "linux", arch: "amd64" },
  interval: Duration.seconds(30),
  slots: 1,
  pollInterval: Duration.seconds(5),
  drainTimeout: Duration.seconds(20),
  foremanNamespace: "foreman-system",
  processToken: "p1",
  newClaimId: Effect.sync(() => `claim-${++claims}`)
}

export const startDaemon = Effect.fnUntraced(function* (
  script: ReturnType<typeof scriptedExecutor>,
  options: Partial<typeof daemonOptions> = {},
  records = memoryRecords(),
  journal: Layer.Layer<Journal.Journal> = Journal.layerNone
): Effect.fn.Return<Fiber.Fiber<unknown, unknown>, never, KubeClient | Scope.Scope> {
  const daemon = Daemon.run({ ...daemonOptions, ...options, executor: script.executor })
  const fiber = yield* daemon.pipe(
    Effect.provideService(RunRecord, records.service),
    Effect.provide(journal),
    Effect.provideService(FleetProbe, steadyProbe),
    Effect.forkScoped
  )
  // A run that a test leaves behind is drained on virtual time.
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const ended = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.await(ended)
    })
  )
  yield* settle
  return fiber
})

/** As SIGTERM does; the caller moves the clock. */
export const terminate = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.andThen(Effect.forkScoped(Fiber.interrupt(fiber)), settle)

/** A task that the operator gave to this node. */
export const scheduled = (name: string, changes: Parameters<typeof task>[1] = {}) =>
  task(name, { ...changes, status: { phase: "Scheduled", assignedNode: me, ...changes.status } })

export const statusOf = Effect.fnUntraced(function* (name: string) {
  const cluster = yield* FakeCluster
  const raw = yield* cluster.raw(agenticTasks, { name, namespace: "default" })
  return (raw?.["status"] ?? undefined) as AgenticTask["status"]
})

export const phaseOf = (name: string) => Effect.map(statusOf(name), (status) => status?.phase)
