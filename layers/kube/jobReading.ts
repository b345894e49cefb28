/** What a Job, its pod and its events say about how the run stands. Pure: the runner brings what it has seen and keeps the time. */
import type { Event } from "../../schema/Core.ts"
import type { ContainerStatus, Job, Pod } from "../../schema/Job.ts"
import type { JobFault } from "../../src/services/JobRunner.ts"

export interface Seen {
  readonly job: Job | undefined
  readonly isJobGone: boolean
  /** As it was last seen, also after it is gone. */
  readonly pod: Pod | undefined
  readonly isPodGone: boolean
  /** Warnings about the Job, and what is said of a pod that finds no node; newest last. */
  readonly events: ReadonlyArray<Event>
}

export type Settled =
  /** The main container ended by itself. */
  | { readonly _tag: "Ended"; readonly exitCode: number; readonly message: string }
  | { readonly _tag: "Fault"; readonly fault: JobFault; readonly message: string }

export type Reading =
  | Settled
  /** Nothing to do but to wait; what holds longer than its patience comes to `outcome`. */
  | { readonly _tag: "Wait"; readonly patienceSeconds?: number; readonly outcome?: Settled }

/** A container and the Job above it end in two writes: so long an end may wait for its explanation. */
const settleSeconds = 3
/** A volume that is provisioned on demand, a node that an autoscaler starts, and other pods that end take their time. */
const volumePatienceSeconds = 120
const schedulePatienceSeconds = 300
/** Where no node would do, not even without its other pods: an autoscaler that brings one has said so by now. */
const hopelessPatienceSeconds = 30
const unknownPatienceSeconds = 60

const fault = (fault: JobFault, message: string): Settled => ({ _tag: "Fault", fault, message })
const within = (patienceSeconds: number, outcome: Settled): Reading => ({
  _tag: "Wait",
  patienceSeconds,
  outcome
})

export const read = (seen: Seen, container: string): Reading => {
  const statuses = [
    ...(seen.pod?.status?.initContainerStatuses ?? []),
    ...(seen.pod?.status?.containerStatuses ?? [])
  ]
  const main = seen.pod?.status?.containerStatuses?.find(({ name }) => name === container)
  const end = endOf(seen, main, statuses)
  if (end !== undefined && end.isSettled) return end.reading

  const explained =
    jobFault(seen) ??
    (seen.pod && podFault(seen.pod, seen.events)) ??
    statuses.map(waitingFault).find(isDefined)
  if (explained !== undefined) return explained
  if (end !== undefined) return within(settleSeconds, end.reading)
  if (seen.isPodGone) return within(settleSeconds, fault("PodDeleted", "the pod was deleted before it ended"))
  return unstarted(seen) ?? { _tag: "Wait" }
}

/** How the main container ended. An end that something outside may have caused is not settled. */
const endOf = (
  seen: Seen,
  main: ContainerStatus | undefined,
  statuses: ReadonlyArray<ContainerStatus>
): { readonly reading: Settled; readonly isSettled: boolean } | undefined => {
  const ended = main?.state?.terminated
  if (main === undefined || ended === undefined) return undefined
  const outOfMemory = statuses.find(isOutOfMemory)
  // A judge whose toolchain was killed says so with an exit of its own; 0 and 1 are verdicts all the same.
  if (outOfMemory !== undefined && ended.exitCode > 1) {
    const message = `container ${outOfMemory.name} was killed for want of memory`
    return { reading: fault("OutOfMemory", message), isSettled: true }
  }
  if (ended.reason === "StartError" || ended.reason === "ContainerCannotRun") {
    const message = `container ${main.name} cannot start: ${ended.message ?? ended.reason}`
    return { reading: fault("ContainerFailed", message), isSettled: true }
  }
  // Who ends by itself leaves a message; who ends in good order because it was asked to leaves none, and others know why.
  const hasSpoken = ended.exitCode <= 1 && (ended.message ?? "") !== ""
  const isOurs = hasSpoken || (ended.exitCode > 1 && ended.exitCode < 128 && !isBeingDeleted(seen))
  const reading: Settled =
    isOurs || !isBeingDeleted(seen)
      ? { _tag: "Ended", exitCode: ended.exitCode, message: ended.message ?? "" }
      : fault("PodDeleted", "the pod was deleted before it ended")
  return { reading, isSettled: isOurs }
}

const isBeingDeleted = (seen: Seen): boolean =>
  seen.isPodGone || seen.pod?.metadata.deletionTimestamp !== undefined

const isOutOfMemory = ({ state, lastState }: ContainerStatus): boolean =>
  state?.terminated?.reason === "OOMKilled" || lastState?.terminated?.reason === "OOMKilled"

const jobFault = ({ isJobGone, job }: Seen): Reading | undefined => {
  const failed = job?.status?.conditions?.find(
    ({ status, type }) => (type === "Failed" || type === "FailureTarget") && status === "True"
  )
  if (failed?.reason === "DeadlineExceeded") {
    return fault("DeadlineExceeded", failed.message ?? "the Job ran past its deadline")
  }
  return isJobGone || job?.metadata.deletionTimestamp !== undefined
    ? fault("JobDeleted", "the Job was deleted before it ended")
    : undefined
}

/** `status.reason` of a pod that a node gave up, or that its kubelet, which knew more than the scheduler, did not let in. */
const podReasons: Readonly<Record<string, JobFault>> = {
  Evicted: "Evicted",
  Preempting: "Evicted",
  OutOfcpu: "Evicted",
  OutOfmemory: "Evicted",
  OutOfpods: "Evicted",
  "OutOfephemeral-storage": "Evicted",
  UnexpectedAdmissionError: "Evicted",
  TaintToleration: "NodeLost",
  NodeAffinity: "NodeLost",
  NodeLost: "NodeLost",
  NodeShutdown: "NodeLost",
  Terminated: "NodeLost",
  DeadlineExceeded: "DeadlineExceeded"
}

/** Reasons of the DisruptionTarget condition. */
const disruptions: Readonly<Record<string, JobFault>> = {
  DeletionByTaintManager: "NodeLost",
  DeletionByPodGC: "NodeLost",
  PreemptionByScheduler: "Evicted",
  EvictionByEvictionAPI: "Evicted",
  TerminationByKubelet: "Evicted"
}

/** The kubelet's words for a pod that wrote more than its own limits allow, whatever its node has left. */
const isOverItsDisk =
  /exceeds the total limit of containers|exceeded its local ephemeral storage limit|Usage of EmptyDir volume .* exceeds the limit/u

/** What an autoscaler says of a pod that it brings a node for: the usual one, and Karpenter. */
const scalingReasons = ["TriggeredScaleUp", "Nominated"]

/** The scheduler's words for a node that is large enough, and full, away or short of something for now. */
const isBusy = /No preemption victims found|node\.kubernetes\.io\/(?:not-ready|unreachable|\w+-pressure)/u
/** Its words for a node that would not do empty either. */
const isHopeless = /Preemption is not helpful/u

const unscheduledOf = ({ status }: Pod) =>
  status?.conditions?.find(
    (entry) => entry.type === "PodScheduled" && entry.status === "False" && entry.reason === "Unschedulable"
  )

/** Whether the scheduler found no node for the pod. */
export const isUnscheduled = (pod: Pod): boolean => unscheduledOf(pod) !== undefined

const podFault = (pod: Pod, events: ReadonlyArray<Event>): Reading | undefined => {
  const { status } = pod
  const disruption = status?.conditions?.find(
    (entry) => entry.type === "DisruptionTarget" && entry.status === "True"
  )
  const word = podReasons[status?.reason ?? ""] ?? disruptions[disruption?.reason ?? ""]
  if (word !== undefined) {
    const message = status?.message ?? disruption?.message ?? `the pod's end: ${status?.reason}`
    return fault(word === "Evicted" && isOverItsDisk.test(message) ? "DiskFull" : word, message)
  }
  if (status?.phase === "Unknown") {
    return within(unknownPatienceSeconds, fault("NodeLost", "the pod's node does not answer"))
  }
  const unscheduled = unscheduledOf(pod)
  if (unscheduled === undefined) return undefined
  const message = unscheduled.message ?? "no node takes the pod"
  if (/persistentvolume/iu.test(message)) {
    return within(volumePatienceSeconds, fault("VolumePending", message))
  }
  const isVain =
    isHopeless.test(message) &&
    !isBusy.test(message) &&
    !events.some(({ reason }) => scalingReasons.includes(reason ?? ""))
  return within(isVain ? hopelessPatienceSeconds : schedulePatienceSeconds, fault("Unschedulable", message))
}

const imageReasons = [
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable"
]
const startReasons = [
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "CrashLoopBackOff"
]

const waitingFault = ({ name, state }: ContainerStatus): Reading | undefined => {
  const reason = state?.waiting?.reason ?? ""
  const message = `container ${name}: ${state?.waiting?.message ?? reason}`
  if (imageReasons.includes(reason)) return fault("ImagePullFailed", message)
  return startReasons.includes(reason) ? fault("ContainerFailed", message) : undefined
}

/** Nothing of the pod says anything: its Job and the events about it may. Quota and Pod Security exist only there. */
const unstarted = ({ events, job, pod }: Seen): Reading | undefined => {
  const refused = pod === undefined ? events.findLast(({ reason }) => reason === "FailedCreate") : undefined
  if (refused !== undefined) {
    const message = refused.message ?? "the pod was refused"
    return fault(/exceeded quota/iu.test(message) ? "QuotaExceeded" : "CreateForbidden", message)
  }
  const finished = job?.status?.conditions?.find(
    ({ status, type }) => (type === "Failed" || type === "Complete") && status === "True"
  )
  if (finished?.type === "Complete") {
    return within(settleSeconds, fault("PodDeleted", "the Job ended, and its pod is gone with the result"))
  }
  return finished === undefined
    ? undefined
    : within(
        settleSeconds,
        fault("ContainerFailed", `the Job failed: ${finished.message ?? finished.reason}`)
      )
}

/** Whether the Job controller has nothing left to do for it. */
export const isFinished = (job: Job | undefined): boolean =>
  job?.status?.conditions?.some(
    ({ status, type }) => (type === "Complete" || type === "Failed") && status === "True"
  ) ?? false

const isDefined = <A>(value: A | undefined): value is A => value !== undefined
