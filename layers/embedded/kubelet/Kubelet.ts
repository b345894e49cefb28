/**
 * Runs the pods of the embedded cluster as processes of this machine (design §3.3). What it starts it ends, also after it was killed
 * itself: each pod's folder says what was started, and nothing is ever started a second time.
 */
import { basename } from "node:path"

import { Clock, Duration, Effect, Fiber, FiberMap, Layer, Option, Queue, Semaphore } from "effect"

import { type Pod, pods } from "../../../schema/Job.ts"
import type { CacheEvent } from "../../../src/cache/Cache.ts"
import * as Reflector from "../../../src/cache/Reflector.ts"
import { KubeClient } from "../../../src/services/KubeClient.ts"
import { HiddenPaths, makeHide } from "../../confinedShell.ts"
import * as readOnlyRoot from "../../readOnlyRoot.ts"
import { endProcesses } from "./endProcesses.ts"
import { LogFiles } from "./LogFiles.ts"
import { listPodFolders, podFolder, readRecord, writeRecord } from "./podFolder.ts"
import { runPod } from "./PodProcess.ts"
import { lostStatus } from "./podStatus.ts"
import { provenGroups, readProcessTable } from "./processTable.ts"
import { recordEvent } from "../../../src/events/recordEvent.ts"
import { removeFolder } from "./removeFolder.ts"
import { type ForemanCommand, writeShims } from "./shims.ts"
import { type Report, writePodStatus } from "./writePodStatus.ts"

export interface Options {
  /** Holds `pods/`, `volumes/` (claims) and `bin/` (shims). One kubelet a folder. */
  readonly dataDirectory: string
  readonly foremanCommand: ForemanCommand
  /** PATH behind the shims, and what else an image's environment would say. Nothing more of our own reaches a container. */
  readonly hostEnv: Readonly<Record<string, string>>
  /** Pods at a time; the others stay Pending. Default 16. */
  readonly maxPods?: number
  /** For containers of pods that name a service account and mount its token; no other container can reach the API server. */
  readonly serviceAccountKubeconfig?: string
}

const defaultGraceSeconds = 30
/** `foreman up` is asked to stop: nobody waits half a minute for a laptop. */
const shutdownGrace = Duration.seconds(5)

const isTerminal = (pod: Pod): boolean => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed"
const uidOf = (pod: Pod): string => pod.metadata.uid ?? ""

export const layer = (options: Options): Layer.Layer<never, never, KubeClient | LogFiles> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { dataDirectory, serviceAccountKubeconfig: kubeconfig } = options
      const hidden = yield* HiddenPaths
      const hide = hidden.length === 0 ? (argv: ReadonlyArray<string>) => argv : yield* makeHide
      const onReadOnlyRoot = yield* readOnlyRoot.make
      const kube = yield* KubeClient
      const shims = writeShims(dataDirectory, options.foremanCommand)
      const cache = yield* Reflector.make(pods, { indexes: {} })
      const changes = yield* cache.subscribe
      const room = yield* Semaphore.make(options.maxPods ?? 16)
      const running = yield* FiberMap.make<string>()
      /** Every pod that was looked at, until it is deleted, with the time it has between SIGTERM and SIGKILL. */
      const known = new Map<string, { grace: Duration.Duration }>()
      // Closed before `running`, so that the pods that it ends know how little time there is.
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const entry of known.values()) entry.grace = Duration.min(entry.grace, shutdownGrace)
        })
      )

      /** Runs the pod, or tells how an earlier kubelet left it. */
      const follow = Effect.fnUntraced(function* (pod: Pod, entry: { readonly grace: Duration.Duration }) {
        const folder = podFolder(dataDirectory, pod)
        const record = readRecord(folder)
        const reports = yield* Queue.sliding<Report>(1)
        const writer = yield* writePodStatus(pod, reports).pipe(Effect.forkChild)
        const ending = Effect.gen(function* () {
          if (record?.final !== undefined) return record.final
          if (record?.isStarted === true) {
            const final = lostStatus(pod, yield* Clock.currentTimeMillis)
            writeRecord(folder, { ...record, final })
            return final
          }
          return yield* runPod({
            pod,
            dataDirectory,
            folder,
            shims,
            hostEnv: options.hostEnv,
            kubeconfig: mayReachServer(pod) ? kubeconfig : undefined,
            confine: (argv, ownFolders) =>
              ownFolders === undefined || onReadOnlyRoot === undefined || mayReachServer(pod)
                ? hide(argv, mayReachServer(pod) ? hidden.filter((path) => path !== kubeconfig) : hidden)
                : onReadOnlyRoot(argv, { ...ownFolders, hidden: [dataDirectory] }),
            grace: () => entry.grace,
            publish: (status) => Effect.asVoid(Queue.offer(reports, { status, isFinal: false })),
            warn: (reason, message) =>
              recordEvent(pods, pod, { type: "Warning", reason, message, component: "kubelet" }).pipe(
                Effect.provideService(KubeClient, kube)
              )
          })
        })
        const status = yield* ending
        yield* Queue.offer(reports, { status, isFinal: true })
        yield* Fiber.join(writer)
      })

      const remove = Effect.fnUntraced(function* (pod: Pod) {
        const fiber = yield* FiberMap.get(running, uidOf(pod))
        if (Option.isSome(fiber)) yield* Fiber.interrupt(fiber.value)
        yield* removeFolder(podFolder(dataDirectory, pod))
        known.delete(uidOf(pod))
      })

      const consider = Effect.fnUntraced(function* (pod: Pod) {
        const uid = uidOf(pod)
        if (pod.metadata.deletionTimestamp !== undefined) {
          yield* Effect.forkScoped(remove(pod))
          return
        }
        if (isTerminal(pod) || known.has(uid)) return
        const entry = {
          grace: Duration.seconds(pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds)
        }
        known.set(uid, entry)
        yield* FiberMap.run(running, uid, room.withPermits(1)(follow(pod, entry)))
      })

      const onChange = Effect.fnUntraced(function* (event: CacheEvent<Pod>) {
        const { before } = event
        const isReplaced =
          event.type === "delete" || (before !== undefined && uidOf(before) !== uidOf(event.after))
        if (before !== undefined && isReplaced) yield* Effect.forkScoped(remove(before))
        if (event.type === "put") yield* consider(event.after)
      })

      yield* Effect.gen(function* () {
        yield* endLeftovers(dataDirectory)
        yield* cache.synced
        const alive = new Set([...cache.values()].map(uidOf))
        yield* Effect.forEach(
          listPodFolders(dataDirectory).filter((folder) => !alive.has(uidOfFolder(folder))),
          removeFolder
        )
        yield* Effect.forEach([...cache.values()], consider)
        return yield* Queue.take(changes).pipe(Effect.flatMap(onChange), Effect.forever)
      }).pipe(Effect.forkScoped)
    })
  )

const uidOfFolder = (folder: string): string => basename(folder).split("_").at(-1) ?? ""

/** Ends what a kubelet that was killed left running. Only what proves to be ours. */
const endLeftovers = Effect.fn("Kubelet.endLeftovers")(function* (dataDirectory: string) {
  for (const folder of listPodFolders(dataDirectory)) {
    const record = readRecord(folder)
    if (record?.isStarted !== true || record.final !== undefined) continue
    const groups = provenGroups(readProcessTable(), record.groups, record.uid)
    yield* endProcesses(groups, record.uid)
  }
})

const mayReachServer = (pod: Pod): boolean =>
  pod.spec.serviceAccountName !== undefined && pod.spec.automountServiceAccountToken !== false
