/** A kubelet over the fake cluster, with real processes in a folder of its own. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Effect, Layer, Schedule, Stream } from "effect"

import * as Kubelet from "../../../../layers/embedded/kubelet/Kubelet.ts"
import * as KubeletLogs from "../../../../layers/embedded/kubelet/KubeletLogs.ts"
import * as LogFiles from "../../../../layers/embedded/kubelet/LogFiles.ts"
import { type PodLogOptions, PodLogs } from "../../../../layers/embedded/PodLogs.ts"
import { namespaces } from "../../../../schema/Core.ts"
import { type Container, type Pod, pods, type PodSpec } from "../../../../schema/Job.ts"
import { KubeClient } from "../../../../src/services/KubeClient.ts"
import * as FakeCluster from "../../../fakes/FakeCluster.ts"

export const namespace = "foreman-system"

export const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "ignored",
  command: ["sh", "-c", script],
  ...more
})

export const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-kubelet-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

export const kubelet = (dataDirectory: string, options: Partial<Kubelet.Options> = {}) =>
  Kubelet.layer({
    ...options,
    dataDirectory,
    foremanCommand: { node: process.execPath, script: "/nowhere/foreman.mjs" },
    hostEnv: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", RUSTUP_HOME: "/home/ada/.rustup" }
  }).pipe(Layer.provideMerge(KubeletLogs.layer({ dataDirectory })), Layer.provideMerge(LogFiles.layer()))

export const create = Effect.fnUntraced(function* (name: string, spec: PodSpec) {
  const kube = yield* KubeClient
  const { raw, seed } = yield* FakeCluster.FakeCluster
  if ((yield* raw(namespaces, { name: namespace })) === undefined)
    yield* seed(namespaces, { metadata: { name: namespace } })
  return yield* kube.create(pods, {
    metadata: { name, namespace },
    spec: { restartPolicy: "Never", ...spec }
  })
})

export const until = Effect.fnUntraced(function* (name: string, holds: (pod: Pod) => boolean) {
  const kube = yield* KubeClient
  return yield* kube
    .get(pods, { namespace, name })
    .pipe(
      Effect.repeat({ until: holds, schedule: Schedule.spaced("10 millis") }),
      Effect.timeout("8 seconds")
    )
})
export const isOver = (pod: Pod) => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed"
export const isRunning = (pod: Pod) =>
  pod.status?.containerStatuses?.every((c) => c.state?.running !== undefined) === true

export const runToEnd = Effect.fnUntraced(function* (name: string, spec: PodSpec) {
  yield* create(name, spec)
  return yield* until(name, isOver)
})

export const terminated = (pod: Pod, container = 0) =>
  pod.status?.containerStatuses?.[container]?.state?.terminated

export const logOf = Effect.fnUntraced(function* (name: string, options: PodLogOptions = {}) {
  const logs = yield* PodLogs
  const stream = yield* logs.open({ namespace, name }, options)
  return yield* stream.pipe(Stream.decodeText(), Stream.mkString)
})

export const cluster = Effect.provide(FakeCluster.layer)
/** A kubelet over a fresh cluster and folder; the test gets the folder. */
export const withKubelet = <A, E>(
  test: (folder: string) => Effect.Effect<A, E, KubeClient | FakeCluster.FakeCluster | PodLogs>
) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    return yield* test(folder).pipe(Effect.provide(kubelet(folder)))
  }).pipe(cluster)

/** Running processes that call themselves so. */
export const processesWith = (text: string): number =>
  readdirSync("/proc").filter((pid) => /^\d+$/u.test(pid) && commandLine(pid).startsWith(text)).length
const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")
  } catch {
    return ""
  }
}
export const noneLeft = (text: string) =>
  Effect.sync(() => processesWith(text)).pipe(
    Effect.repeat({ until: (count) => count === 0, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("5 seconds")
  )
