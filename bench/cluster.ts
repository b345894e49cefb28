/** The API server that is measured: an embedded one that is started for a bench and forgotten after it, or the one of `--kubeconfig`. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Duration, Effect, Schedule, Schema } from "effect"

import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import * as Transport from "../layers/kube/transport.ts"
import { leases } from "../schema/Core.ts"
import { foremanResources, toCrd } from "../schema/Crd.ts"
import { agenticTasks } from "../schema/AgenticTask.ts"
import { fleetNodes } from "../schema/FleetNode.ts"
import { ObjectMeta } from "../schema/Meta.ts"
import { workloads } from "../schema/Workload.ts"
import { groupResource, type Resource } from "../schema/Resource.ts"
import type { KubeClient, KubeError } from "../src/services/KubeClient.ts"
import * as Program from "./program.ts"

/** Tasks, Leases of nodes and of nobody else. */
export const namespace = "foreman-bench"

export interface Cluster {
  readonly kubeconfig: string
  readonly kube: KubeClient["Service"]
  /** A folder of the bench's own, gone with the scope. */
  readonly folder: string
}

const bare = (group: string, kind: string, plural: string): Resource<{ metadata: ObjectMeta }> => ({
  group,
  version: "v1",
  kind,
  plural,
  singular: kind.toLowerCase(),
  shortNames: [],
  namespaced: false,
  schema: Schema.Struct({ metadata: ObjectMeta })
})
const definitions = bare("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions")
const namespaces = bare("", "Namespace", "namespaces")

const forget = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 })

/** Gone with the scope, and with the process when that is ended by a signal. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "foreman-bench-"))
    const onExit = () => forget(path)
    process.once("exit", onExit)
    return { path, onExit }
  }),
  ({ onExit, path }) =>
    Effect.sync(() => {
      process.off("exit", onExit)
      forget(path)
    })
).pipe(Effect.map(({ path }) => path))

const kubeconfigIn = (folder: string): string => join(folder, "kubeconfig")

/** `foreman up` without operator and daemon, on a folder of its own. Started again on the same folder and port it is the same cluster. */
export const startEmbedded = (folder: string, port = 0) =>
  Program.start({
    name: "foreman up",
    command: [
      Program.bundle,
      "up",
      `--data-dir=${join(folder, "data")}`,
      `--kubeconfig=${kubeconfigIn(folder)}`,
      `--port=${port}`,
      "--no-operator",
      "--no-agent"
    ],
    readyAt: "export KUBECONFIG="
  })

/** Stored, and a moment later served: until then a list is a NotFound. */
const settle = Schedule.spaced("100 millis").pipe(
  Schedule.upTo({ times: 300 }),
  Schedule.setInputType<KubeError>()
)

/** Our kinds and our namespace, where they are not there yet. */
const prepare = Effect.fnUntraced(function* (kube: KubeClient["Service"]) {
  for (const resource of foremanResources) {
    const metadata = { name: groupResource(resource) }
    yield* kube
      .get(definitions, metadata)
      .pipe(
        Effect.catchReason("KubeError", "NotFound", () =>
          kube.create(definitions, { metadata, spec: toCrd(resource)["spec"] })
        )
      )
    yield* Effect.retry(kube.list(resource), settle)
  }
  yield* kube
    .create(namespaces, { metadata: { name: namespace } })
    .pipe(Effect.catchReason("KubeError", "AlreadyExists", () => Effect.void))
})

/** Nodes that are not of a bench mean that somebody works here. */
const refuseForeign = Effect.fnUntraced(function* (kube: KubeClient["Service"]) {
  const { items } = yield* kube.list(fleetNodes)
  const foreign = items.find(({ metadata }) => !metadata.name.startsWith("bench-"))
  if (foreign === undefined) return
  return yield* Effect.die(
    new Error(
      `FleetNode ${foreign.metadata.name} is on this cluster: a second operator would take its tasks; give one where no Foreman works`
    )
  )
})

/** What a bench leaves goes in one request for each kind, and its end is waited for. */
const clear = Effect.fnUntraced(function* (config: KubeConfig.KubeConfig, kube: KubeClient["Service"]) {
  const transport = yield* Transport.make(config, Duration.minutes(5))
  const paths = [
    // First, for an operator would make their tasks again.
    `/apis/${workloads.group}/${workloads.version}/namespaces/${namespace}/${workloads.plural}`,
    `/apis/${agenticTasks.group}/${agenticTasks.version}/namespaces/${namespace}/${agenticTasks.plural}`,
    `/apis/${leases.group}/${leases.version}/namespaces/${namespace}/${leases.plural}`,
    `/apis/${fleetNodes.group}/${fleetNodes.version}/${fleetNodes.plural}`
  ]
  for (const path of paths) {
    // An API server gives up on a request after a minute, and has deleted thousands by then.
    yield* transport
      .json({ operation: `delete ${path}`, method: "DELETE", path })
      .pipe(Effect.retry({ times: 10, while: ({ isTransient }) => isTransient }))
  }
  yield* kube
    .list(agenticTasks, { namespace })
    .pipe(
      Effect.repeat({ until: ({ items }) => items.length === 0, schedule: Schedule.spaced("200 millis") })
    )
})

/** The API server of this kubeconfig, with our kinds on it; the folder's own when there is none. */
export const connect = Effect.fnUntraced(function* (folder: string, kubeconfig = kubeconfigIn(folder)) {
  const config = yield* KubeConfig.load({ kubeconfig, env: {} })
  const kube = yield* HttpKubeClient.make(config)
  yield* prepare(kube)
  const cluster: Cluster = { kubeconfig, kube, folder }
  return { config, cluster }
})

/** What the API server calls itself. */
export const versionOf = (kubeconfig: string) =>
  Effect.gen(function* () {
    const transport = yield* Transport.make(
      yield* KubeConfig.load({ kubeconfig, env: {} }),
      Duration.seconds(10)
    )
    const answer = yield* transport.json({ operation: "get version", method: "GET", path: "/version" })
    return `Kubernetes ${(answer as { readonly gitVersion?: string }).gitVersion ?? "of unknown version"}`
  }).pipe(Effect.scoped)

/** The given cluster, empty of what benches make. */
export const openGiven = Effect.fnUntraced(function* (folder: string, kubeconfig: string) {
  const { cluster, config } = yield* connect(folder, kubeconfig)
  yield* refuseForeign(cluster.kube)
  yield* clear(config, cluster.kube)
  yield* Effect.addFinalizer(() => Effect.ignore(clear(config, cluster.kube)))
  return cluster
})

/** A cluster without tasks and nodes, until the scope closes. */
export const open = Effect.fnUntraced(function* (kubeconfig: string | undefined) {
  const folder = yield* temporaryFolder
  if (kubeconfig !== undefined) return yield* openGiven(folder, kubeconfig)
  yield* startEmbedded(folder)
  const { cluster } = yield* connect(folder)
  return cluster
})

export const startOperator = (cluster: Cluster) =>
  Program.start({
    name: "operator",
    command: [
      Program.bundle,
      "operator",
      `--kubeconfig=${cluster.kubeconfig}`,
      `--foreman-namespace=${namespace}`,
      "--metrics-bind-address=0",
      "--health-probe-bind-address=0"
    ],
    readyAt: '"controller":"workload"'
  })

/** A daemon as people run it, in stub mode. Started again under the same name it is the same node. */
export const startDaemon = (
  cluster: Cluster,
  name: string,
  { stubSleep = "0s", slots = 1 }: { readonly stubSleep?: string; readonly slots?: number } = {}
) =>
  Program.start({
    name,
    command: [
      Program.bundle,
      "agent",
      "--agent-mode=stub",
      `--stub-sleep=${stubSleep}`,
      `--slots=${slots}`,
      `--fleet-node-name=${name}`,
      `--kubeconfig=${cluster.kubeconfig}`,
      `--foreman-namespace=${namespace}`,
      `--task-namespace=${namespace}`,
      `--workspace-dir=${join(cluster.folder, name)}`
    ],
    readyAt: "node is ready"
  })

export const startDaemons = (cluster: Cluster, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => `bench-daemon-${index}`),
    (name) => startDaemon(cluster, name),
    { concurrency: 4 }
  )

/** Many daemons in one process, which run nothing and answer at once. */
export const startFleet = (cluster: Cluster, count: number) =>
  Program.start({
    name: `${count} simulated nodes`,
    command: [Program.fleet, cluster.kubeconfig, String(count), namespace],
    readyAt: "all nodes are ready",
    readyWithinMillis: 180_000
  })
