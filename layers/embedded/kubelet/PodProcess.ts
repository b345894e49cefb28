/**
 * One pod, from its volumes to its end: init containers in order, native sidecars beside them, then the main containers. Returns how
 * it ended; what happens on the way is told through `publish`. Never runs a pod a second time: `isStarted` is written first.
 */
import { Clock, Deferred, Duration, Effect, Fiber, Schema, type Scope } from "effect"

import type { Container, Pod, PodStatus } from "../../../schema/Job.ts"
import { formatTime, parseTime } from "../../../schema/Time.ts"
import type { KubeClient } from "../../../src/services/KubeClient.ts"
import type { ConfigError } from "./containerCommand.ts"
import * as ContainerRun from "./ContainerRun.ts"
import type { LogFiles } from "./LogFiles.ts"
import { type PodRecord, recordOf, unsafeName, writeRecord } from "./podFolder.ts"
import { type ContainerRecord, isSidecar, podStatus, terminatedState } from "./podStatus.ts"
import { prepareVolumes } from "./volumes.ts"

/** The pod as a whole cannot go on; its containers do not tell why. */
class PodFailure extends Schema.TaggedError<PodFailure>()("PodFailure", {
  reason: Schema.String,
  message: Schema.String
}) {}

export interface Options {
  readonly pod: Pod
  readonly dataDirectory: string
  readonly folder: string
  readonly shims: string
  readonly hostEnv: Readonly<Record<string, string>>
  readonly kubeconfig: string | undefined
  /** What hides from a container what is not its own. */
  readonly confine: ContainerRun.Confine
  readonly grace: () => Duration.Duration
  readonly publish: (status: PodStatus) => Effect.Effect<void>
  /** A wait that `kubectl describe` should show. */
  readonly warn: (reason: string, message: string) => Effect.Effect<void>
}

/** How often a missing claim, Secret or ConfigMap is looked for again, by a pod that waits for it and only then. */
const lookAgain = Duration.seconds(1)

/** The kubelet's: at once, then 10 s doubling to 5 minutes. */
const restartDelay = (restarts: number): Duration.Duration =>
  restarts === 0 ? Duration.zero : Duration.seconds(Math.min(10 * 2 ** (restarts - 1), 300))

export const runPod = Effect.fn("PodProcess.runPod")(function* (
  options: Options
): Effect.fn.Return<PodStatus, never, KubeClient | LogFiles> {
  const { pod, folder } = options
  const startTimeMillis = parseTime(pod.status?.startTime) ?? (yield* Clock.currentTimeMillis)
  const containers = new Map<string, ContainerRecord>()
  let record = recordOf(pod)
  let unschedulable: string | undefined

  const statusNow = (isFinal: boolean, failure?: PodFailure) =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      podStatus(
        pod,
        {
          startTimeMillis,
          containers,
          failure: failure === undefined ? undefined : { reason: failure.reason, message: failure.message },
          unschedulable,
          isFinal
        },
        now
      )
    )
  const publish = Effect.suspend(() => Effect.flatMap(statusNow(false), options.publish))
  const keep = (change: Partial<PodRecord>) =>
    Effect.sync(() => {
      record = { ...record, ...change }
      writeRecord(folder, record)
    })
  const setState = (container: Container, state: ContainerRecord["state"], restartCount: number) =>
    Effect.suspend(() => {
      const before = containers.get(container.name)
      const lastState = before?.state.terminated === undefined ? before?.lastState : before.state
      containers.set(container.name, { state, lastState, restartCount })
      return publish
    })

  /** However long it takes what the volumes need to appear. */
  const volumes = Effect.gen(function* () {
    let told = ""
    for (;;) {
      const prepared = yield* prepareVolumes(options.dataDirectory, folder, pod).pipe(Effect.result)
      unschedulable = undefined
      if (prepared._tag === "Success") return prepared.success
      const problem = prepared.failure
      if (problem._tag === "KubeError") yield* Effect.logWarning(problem.message)
      else {
        if (problem.reason === "FailedScheduling") unschedulable = problem.message
        if (problem.message !== told) {
          told = problem.message
          yield* options.warn(problem.reason, problem.message)
          yield* publish
        }
      }
      yield* Effect.sleep(lookAgain)
    }
  })

  /** Tells once why the container cannot be made; a wait, unless it can never be made. */
  const refuse = Effect.fnUntraced(function* (
    container: Container,
    error: ConfigError,
    restartCount: number
  ) {
    const waiting = { reason: "CreateContainerConfigError", message: error.message }
    if (containers.get(container.name)?.state.waiting?.message !== error.message) {
      yield* options.warn("Failed", `Error: ${error.message}`)
      yield* setState(container, { waiting }, restartCount)
    }
    return error.isFinal ? yield* new PodFailure(waiting) : undefined
  })

  /** One run of a container; waits for what its environment needs. */
  const runOnce = Effect.fnUntraced(function* (
    container: Container,
    claims: ReadonlyMap<string, string>,
    restartCount: number,
    onRunning: Effect.Effect<void>
  ) {
    for (;;) {
      const ended = yield* ContainerRun.run(
        {
          ...options,
          container,
          claims,
          run: restartCount,
          onStart: record.isStarted ? Effect.void : keep({ isStarted: true }),
          onStarted: (group, startedAtMillis) =>
            Effect.gen(function* () {
              yield* keep({ groups: [...record.groups, group] })
              yield* setState(
                container,
                { running: { startedAt: formatTime(startedAtMillis) } },
                restartCount
              )
              yield* onRunning
            })
        },
        (end) => setState(container, { terminated: terminatedState(end) }, restartCount)
      ).pipe(
        Effect.catchTags({
          ConfigError: (error) => refuse(container, error, restartCount),
          KubeError: (error) => Effect.as(Effect.logWarning(error.message), undefined)
        })
      )
      if (ended !== undefined) return ended
      yield* Effect.sleep(lookAgain)
    }
  })

  const supervise = Effect.fnUntraced(function* (
    container: Container,
    claims: ReadonlyMap<string, string>,
    restartsAfter: (exitCode: number) => boolean,
    onRunning: Effect.Effect<void>
  ) {
    for (let restarts = 0; ; restarts++) {
      const { exitCode } = yield* runOnce(container, claims, restarts, onRunning)
      if (!restartsAfter(exitCode)) return exitCode
      const delay = restartDelay(restarts)
      if (Duration.toMillis(delay) > 0) {
        const message = `back-off ${Duration.format(delay)} restarting failed container=${container.name}`
        yield* setState(container, { waiting: { reason: "CrashLoopBackOff", message } }, restarts)
        yield* Effect.sleep(delay)
      }
    }
  })

  const policy = pod.spec.restartPolicy ?? "Always"
  const startSidecar = Effect.fnUntraced(function* (
    container: Container,
    claims: ReadonlyMap<string, string>
  ): Effect.fn.Return<void, PodFailure, KubeClient | LogFiles | Scope.Scope> {
    const running = yield* Deferred.make<void, PodFailure>()
    const isUp = Effect.asVoid(Deferred.succeed(running, undefined))
    const fiber = yield* supervise(container, claims, () => true, isUp).pipe(
      Effect.tapError((failure) => Deferred.fail(running, failure)),
      Effect.forkChild
    )
    // Scopes close in reverse, so the sidecar that started last ends first.
    yield* Effect.addFinalizer(() => Fiber.interrupt(fiber))
    yield* Deferred.await(running)
  })

  const containersInOrder = Effect.gen(function* () {
    const unsafe = unsafeName(pod)
    if (unsafe !== undefined)
      return yield* new PodFailure({ reason: "InvalidPod", message: `"${unsafe}" is no valid name` })
    yield* keep({})
    yield* publish
    const claims = yield* volumes
    for (const container of pod.spec.initContainers ?? []) {
      if (isSidecar(container)) {
        yield* startSidecar(container, claims)
        continue
      }
      const restarts = (exitCode: number) => exitCode !== 0 && policy !== "Never"
      const exitCode = yield* supervise(container, claims, restarts, Effect.void)
      if (exitCode !== 0) return
    }
    yield* Effect.forEach(
      pod.spec.containers,
      (container) =>
        supervise(
          container,
          claims,
          (exitCode) => policy === "Always" || (policy === "OnFailure" && exitCode !== 0),
          Effect.void
        ),
      { concurrency: "unbounded", discard: true }
    )
  }).pipe(Effect.scoped)

  const failure = yield* withDeadline(pod, startTimeMillis, containersInOrder).pipe(
    Effect.as(undefined),
    Effect.catchTag("PodFailure", (failure) => Effect.succeed(failure)),
    Effect.catchDefect((defect) =>
      Effect.as(
        Effect.logError("the pod cannot be run").pipe(Effect.annotateLogs({ defect: String(defect) })),
        new PodFailure({ reason: "KubeletError", message: `the pod cannot be run: ${String(defect)}` })
      )
    )
  )
  const final = yield* statusNow(true, failure)
  // No folder was made for a pod with an unsafe name.
  if (failure?.reason !== "InvalidPod") yield* keep({ final })
  return final
})

const withDeadline = <R>(
  pod: Pod,
  startTimeMillis: number,
  containers: Effect.Effect<void, PodFailure, R>
): Effect.Effect<void, PodFailure, R> =>
  Effect.gen(function* () {
    const { activeDeadlineSeconds } = pod.spec
    if (activeDeadlineSeconds === undefined) return yield* containers
    const left = startTimeMillis + activeDeadlineSeconds * 1000 - (yield* Clock.currentTimeMillis)
    const ended = yield* containers.pipe(Effect.timeoutOption(Duration.millis(Math.max(left, 0))))
    if (ended._tag === "None")
      return yield* new PodFailure({
        reason: "DeadlineExceeded",
        message: "Pod was active on the node longer than the specified deadline"
      })
  })
