/** `foreman up`: a whole Foreman on one machine. The embedded cluster, the operator and one node daemon, over the same wire as anywhere. */
import { realpathSync } from "node:fs"
import { userInfo } from "node:os"
import { join, resolve } from "node:path"

import { Console, Context, Deferred, Effect, Layer, Option, Result, Runtime, Schedule, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"

import { HiddenPaths } from "../layers/confinedShell.ts"
import * as Certificates from "../layers/embedded/server/Certificates.ts"
import * as DataFolder from "../layers/embedded/DataFolder.ts"
import * as EmbeddedApiserver from "../layers/embedded/apiserver/EmbeddedApiserver.ts"
import * as JobController from "../layers/embedded/kubelet/JobController.ts"
import * as Kubeconfig from "../layers/embedded/server/Kubeconfig.ts"
import * as Kubelet from "../layers/embedded/kubelet/Kubelet.ts"
import * as KubeletLogs from "../layers/embedded/kubelet/KubeletLogs.ts"
import * as LogFiles from "../layers/embedded/kubelet/LogFiles.ts"
import * as Server from "../layers/embedded/server/Server.ts"
import { hostPrograms } from "../layers/hostPrograms.ts"
import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import { foremanResources, inferenceResources, toCrd } from "../schema/Crd.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import * as Agent from "./agent.ts"
import { parseOptions } from "./agentOptions.ts"
import { launchCommand } from "./launchCommand.ts"
import * as Operator from "./operator.ts"
import { quotedIfNeeded } from "../src/gate/quoted.ts"

/** The port of a `foreman up` that was not told another. */
const defaultPort = 7443

export interface Options {
  readonly dataDir: string
  /** 0 is any free one. */
  readonly port: number
  /** Where the kubeconfig goes; in the data folder when absent. */
  readonly kubeconfig: string | undefined
  readonly isOperatorRun: boolean
  /** Flags of `foreman agent`; no daemon when absent. */
  readonly agentArgv: ReadonlyArray<string> | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The flags after `--` are not those of a daemon. */
export class AgentFlagsRefused extends Schema.TaggedError<AgentFlagsRefused>()("AgentFlagsRefused", {
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78
}

/** After this we are ready without the node daemon. */
const longestStart = "10 seconds"

/** In here operator and daemon start over, not the process: whatever ended one, the next start finds the cluster as it is. */
const restart = Schedule.spaced("1 second")

/** The embedded cluster alone: store, server, Jobs and pods. */
const startCluster = Effect.fn("up.cluster")(function* (options: Options, folder: DataFolder.DataFolder) {
  const certificates = yield* Certificates.load(folder)
  const logs = KubeletLogs.layer({ dataDirectory: folder.path }).pipe(Layer.provideMerge(LogFiles.layer()))
  const server = yield* Layer.build(
    Server.layer({
      port: options.port,
      certificates,
      routes: {
        "/metrics": Effect.map(PrometheusMetrics.format(), (body) => ({
          contentType: "text/plain; version=0.0.4; charset=utf-8",
          body
        }))
      }
    }).pipe(
      Layer.provideMerge(logs),
      Layer.provide(
        EmbeddedApiserver.layer({
          path: folder.file("store.db"),
          customResources: [...foremanResources, ...inferenceResources].map(toCrd)
        })
      )
    )
  )
  const kubeconfig = resolve(options.kubeconfig ?? folder.file("kubeconfig"))
  const { url } = Context.get(server, Server.Endpoint)
  yield* Kubeconfig.write(kubeconfig, url, certificates)
  // Operator, node and pods have a token of their own: what they write is not taken for the owner's approval.
  const own = folder.file("own-kubeconfig")
  yield* Kubeconfig.write(own, url, { ...certificates, token: certificates.ownToken })
  const kube = yield* HttpKubeClient.make(yield* KubeConfig.load({ kubeconfig: own, env: {} }))
  yield* Layer.build(
    Layer.mergeAll(
      JobController.layer,
      Kubelet.layer({
        dataDirectory: folder.path,
        foremanCommand: { node: process.execPath, script: realpathSync(process.argv[1] ?? "") },
        hostEnv: hostPrograms(options.env),
        serviceAccountKubeconfig: own
      })
    ).pipe(Layer.provide(Layer.succeedContext(server)), Layer.provide(Layer.succeed(KubeClient, kube)))
  ).pipe(Effect.provideService(HiddenPaths, hiddenPaths(folder, kubeconfig)))
  return { kubeconfig, kube }
})

/** What the daemon is told unless its own flags say otherwise: checkouts in the data folder, tasks of every namespace. */
const agentDefaults = (dataDir: string): ReadonlyArray<string> => [
  `--workspace-dir=${join(dataDir, "workspaces")}`,
  "--task-namespace="
]

/** What opens the cluster, or is its state: not for a model's commands and for containers, which run as the same user. */
const ownFiles = ["kubeconfig", "own-kubeconfig", "tls", "store.db", "store.db-wal", "store.db-shm"]

const hiddenPaths = (folder: DataFolder.DataFolder, kubeconfig: string): ReadonlyArray<string> => [
  kubeconfig,
  ...ownFiles.map((name) => folder.file(name))
]

const daemonOptions = (options: Options, argv: ReadonlyArray<string>) => {
  const parsed = parseOptions([...agentDefaults(resolve(options.dataDir)), ...argv], options.env)
  return Result.mapError(parsed, ({ text }) => new AgentFlagsRefused({ message: text }))
}

/** Starts everything; it lives as long as the scope. What is started later ends first, so that a daemon drains into a live cluster. */
export const start = Effect.fn("up.start")(function* (options: Options) {
  // Flags that are refused leave no folder behind.
  const daemon =
    options.agentArgv === undefined
      ? undefined
      : yield* Effect.fromResult(daemonOptions(options, options.agentArgv))
  const folder = yield* DataFolder.open(resolve(options.dataDir))
  const { kubeconfig, kube } = yield* startCluster(options, folder)
  if (options.isOperatorRun) {
    yield* Operator.operator({ foremanNamespace: "foreman-system", allowCloudProviders: true }).pipe(
      Effect.catchDefect((defect) =>
        Effect.andThen(Effect.logError("the operator starts over", defect), Effect.fail("bug" as const))
      ),
      Effect.retry(restart),
      Effect.provideService(KubeClient, kube),
      Effect.forkScoped
    )
  }
  if (daemon !== undefined) {
    const ready = yield* Deferred.make<void>()
    const onReady = Effect.asVoid(Deferred.succeed(ready, undefined))
    yield* Agent.agent({ ...daemon, onReady }).pipe(
      Effect.tapError((error) => Effect.logError("the node daemon starts over", error)),
      Effect.retry(restart),
      Effect.provideService(KubeClient, kube),
      Effect.provideService(HiddenPaths, hiddenPaths(folder, kubeconfig)),
      Effect.forkScoped
    )
    // Its log says what holds it up; the cluster is of use without it.
    yield* Deferred.await(ready).pipe(Effect.timeoutOption(longestStart))
  }
  return { kubeconfig, kube }
})

/** A variable that is set to nothing counts as unset, as the XDG base directories have it. */
export const defaultDataDir = (env: NodeJS.ProcessEnv): string =>
  join(env["XDG_DATA_HOME"] || join(env["HOME"] || userInfo().homedir, ".local", "share"), "foreman")

const command = Command.make(
  "up",
  {
    dataDir: Flag.String("data-dir").pipe(
      Flag.withDefault(defaultDataDir(process.env)),
      Flag.withDescription("Folder that keeps everything; what is in it survives a restart")
    ),
    port: Flag.Int("port").pipe(
      Flag.filter(
        (port) => port >= 0 && port <= 65_535,
        (port) => `a port from 0 to 65535, not ${port}`
      ),
      Flag.withDefault(defaultPort),
      Flag.withDescription(
        `Port of the API server on 127.0.0.1, ${defaultPort} when absent; 0 is any free one`
      )
    ),
    kubeconfig: Flag.String("kubeconfig").pipe(
      Flag.optional,
      Flag.withDescription("Where the kubeconfig is written; the data folder's own when absent")
    ),
    noOperator: Flag.Boolean("no-operator").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Start no operator: nothing is scheduled")
    ),
    noAgent: Flag.Boolean("no-agent").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Start no node daemon: nothing is run here")
    ),
    agentFlags: Argument.String("agent-flags").pipe(
      Argument.variadic(),
      Argument.withDescription("After --, flags of foreman agent, such as -- --agent-mode=stub")
    )
  },
  ({ dataDir, port, kubeconfig, noOperator, noAgent, agentFlags }) =>
    Effect.gen(function* () {
      const up = yield* start({
        dataDir,
        port,
        kubeconfig: Option.getOrUndefined(kubeconfig),
        isOperatorRun: !noOperator,
        agentArgv: noAgent ? undefined : agentFlags,
        env: process.env
      })
      yield* Console.log(`export KUBECONFIG=${quotedIfNeeded(up.kubeconfig)}`)
      return yield* Effect.never
    }).pipe(Effect.scoped)
).pipe(Command.withDescription("Run everything on this machine: a small cluster, the operator and one node"))

export const main = launchCommand(command, { name: "up" })
