/** What a pod's status says of its containers. Pure. */
import type { Container, ContainerStatus, Pod, PodStatus } from "../../../schema/Job.ts"
import { formatTime } from "../../../schema/Time.ts"
import type { ContainerEnd } from "./ContainerRun.ts"

type State = NonNullable<ContainerStatus["state"]>

/** What the kubelet knows of one container. */
export interface ContainerRecord {
  readonly state: State
  readonly lastState: State | undefined
  readonly restartCount: number
}

export interface PodProgress {
  readonly startTimeMillis: number
  readonly containers: ReadonlyMap<string, ContainerRecord>
  /** Set when it is not told by the containers: a deadline, a lost node, a pod that cannot be run. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined
  /** Set while the pod waits for something that its volumes need. */
  readonly unschedulable?: string | undefined
  readonly isFinal: boolean
}

export const isSidecar = (container: Container): boolean => container.restartPolicy === "Always"

const created: ContainerRecord = {
  state: { waiting: { reason: "ContainerCreating" } },
  lastState: undefined,
  restartCount: 0
}
const initializing: ContainerRecord = { ...created, state: { waiting: { reason: "PodInitializing" } } }

const statusOf = (container: Container, record: ContainerRecord): ContainerStatus => ({
  name: container.name,
  state: record.state,
  ...(record.lastState === undefined ? {} : { lastState: record.lastState }),
  ready: record.state.running !== undefined || (!isSidecar(container) && isDone(record)),
  restartCount: record.restartCount
})

const isDone = (record: ContainerRecord): boolean => record.state.terminated?.exitCode === 0

export const podStatus = (pod: Pod, progress: PodProgress, nowMillis: number): PodStatus => {
  const { containers, failure, unschedulable, isFinal } = progress
  const init = pod.spec.initContainers ?? []
  const isInitialized = init.every((container) => {
    const record = containers.get(container.name)
    if (record === undefined) return false
    return isSidecar(container) ? record.state.waiting === undefined : isDone(record)
  })
  const unstarted = isInitialized ? created : initializing
  const mains = pod.spec.containers.map((container) => containers.get(container.name) ?? unstarted)
  const isReady = mains.every(({ state }) => state.running !== undefined)
  const phase = phaseOf(mains, isFinal, failure !== undefined)
  const since = formatTime(nowMillis)
  const condition = (type: string, isTrue: boolean, reason?: string, message?: string) => ({
    type,
    status: isTrue ? "True" : "False",
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    lastTransitionTime:
      pod.status?.conditions?.find((old) => old.type === type && old.status === (isTrue ? "True" : "False"))
        ?.lastTransitionTime ?? since
  })
  const notReady = isFinal ? (phase === "Succeeded" ? "PodCompleted" : "PodFailed") : "ContainersNotReady"
  return {
    phase,
    ...(failure === undefined ? {} : failure),
    startTime: formatTime(progress.startTimeMillis),
    conditions: [
      unschedulable === undefined
        ? condition("PodScheduled", true)
        : condition("PodScheduled", false, "Unschedulable", unschedulable),
      condition("Initialized", isInitialized, ...(isInitialized ? [] : ["ContainersNotInitialized"])),
      condition("Ready", isReady, ...(isReady ? [] : [notReady])),
      condition("ContainersReady", isReady, ...(isReady ? [] : [notReady])),
      ...(limitsMemory(pod)
        ? [condition("foreman.llmkube.dev/MemoryConfined", false, "NotSupported", unconfined)]
        : [])
    ],
    containerStatuses: pod.spec.containers.map((container, index) =>
      statusOf(container, mains[index] ?? unstarted)
    ),
    ...(init.length === 0
      ? {}
      : {
          initContainerStatuses: init.map((container) =>
            statusOf(container, containers.get(container.name) ?? initializing)
          )
        })
  }
}

const unconfined = "The embedded cluster does not hold processes to the memory limits of their containers."

const limitsMemory = (pod: Pod): boolean =>
  [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some(
    ({ resources }) => resources?.limits?.["memory"] !== undefined
  )

const phaseOf = (
  mains: ReadonlyArray<ContainerRecord>,
  isFinal: boolean,
  hasFailed: boolean
): NonNullable<PodStatus["phase"]> => {
  if (isFinal) return !hasFailed && mains.every(isDone) ? "Succeeded" : "Failed"
  return mains.some(
    ({ state }) =>
      state.waiting?.reason !== "ContainerCreating" &&
      state.waiting?.reason !== "PodInitializing" &&
      state.waiting?.reason !== "CreateContainerConfigError"
  )
    ? "Running"
    : "Pending"
}

/** What is left of a pod whose processes ended with the `foreman up` that had started them. */
export const lostStatus = (pod: Pod, nowMillis: number): PodStatus => {
  const lose = (statuses: ReadonlyArray<ContainerStatus>) =>
    statuses.map((status) =>
      status.state?.terminated === undefined
        ? {
            ...status,
            ready: false,
            state: {
              terminated: {
                exitCode: 137,
                reason: "ContainerStatusUnknown",
                message: lost,
                startedAt: status.state?.running?.startedAt ?? null,
                finishedAt: formatTime(nowMillis)
              }
            }
          }
        : status
    )
  const conditions = (pod.status?.conditions ?? []).map((condition) =>
    condition.status === "True" && ["Ready", "ContainersReady"].includes(condition.type)
      ? { ...condition, status: "False", reason: "PodFailed", lastTransitionTime: formatTime(nowMillis) }
      : condition
  )
  const { initContainerStatuses, containerStatuses } = pod.status ?? {}
  return {
    ...pod.status,
    phase: "Failed",
    reason: "NodeLost",
    message: lost,
    conditions,
    containerStatuses: lose(
      containerStatuses ?? pod.spec.containers.map(({ name }) => ({ name, restartCount: 0 }))
    ),
    ...(initContainerStatuses === undefined ? {} : { initContainerStatuses: lose(initContainerStatuses) })
  }
}

const lost = "foreman up ended while the pod ran; what was left of its processes was ended at the next start."

export const terminatedState = (end: ContainerEnd) => ({
  exitCode: end.exitCode,
  ...(end.signal === undefined ? {} : { signal: end.signal }),
  reason: end.reason,
  ...(end.message === undefined ? {} : { message: end.message }),
  startedAt: formatTime(end.startedAtMillis),
  finishedAt: formatTime(end.finishedAtMillis)
})
