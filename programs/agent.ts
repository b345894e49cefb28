/** The node daemon; `run-task` as the first argument is another program. Contract §3.1. */
import { randomUUID } from "node:crypto"
import { resolve } from "node:path"

import { Duration, Effect, Layer, Result } from "effect"

import { HiddenPaths, PrivateFolders } from "../layers/confinedShell.ts"
import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import * as Observability from "../layers/Observability.ts"
import * as RunEventServer from "../layers/RunEventServer.ts"
import * as ProcessToken from "../layers/ProcessToken.ts"
import * as HostFleetProbe from "../layers/probe/HostFleetProbe.ts"
import * as ServedModels from "../layers/probe/ServedModels.ts"
import * as registry from "../src/executors/registry.ts"
import * as Daemon from "../src/node/daemon.ts"
import { type Options, optionsOf, parseFlags } from "./agentOptions.ts"
import { credentialPaths } from "./credentialPaths.ts"
import { loggingOf } from "./goFlags.ts"
import { launch } from "./launch.ts"
import { runnerLayer } from "./runnerLayer.ts"
import { version } from "./version.ts"

/** What people wonder about later, said once at the start. */
const announce = Effect.fnUntraced(function* (options: Options) {
  const { identity, mode, renamedFrom, runner } = options
  if (renamedFrom !== undefined) {
    yield* Effect.logInfo("the node's name was made a DNS label").pipe(
      Effect.annotateLogs({ from: renamedFrom, to: identity.nodeName })
    )
  }
  if (mode === "stub") return
  if (runner.gitRemoteURL === undefined) {
    yield* Effect.logInfo(
      "--git-remote-url is unset: tasks that name no repository of their own end with GitRemoteURLNotConfigured; gates need none"
    )
  }
  if (runner.author === undefined) {
    yield* Effect.logInfo("--commit-author-email is unset: tasks that commit cannot run here; gates can")
  }
})

const goArch: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" }

const probeOf = (options: Options) =>
  options.isServingClusterModels
    ? ServedModels.layer.pipe(Layer.provide(HostFleetProbe.layer(options.stated)))
    : HostFleetProbe.layer(options.stated)

/** The daemon, until it is interrupted or fails. */
export const agent = Effect.fn("agent")(function* (options: Options) {
  yield* announce(options)
  const eventsPort = yield* RunEventServer.make({
    bind: { address: options.eventsAddress, flag: "--events-bind-address" },
    workspaceRoot: options.runner.workspaceRoot
  })
  if (eventsPort !== undefined) {
    yield* Effect.logInfo("the journals of runs are served").pipe(Effect.annotateLogs({ port: eventsPort }))
  }
  const processToken = yield* ProcessToken.make(options.runner.workspaceRoot)
  return yield* Daemon.run({
    identity: options.identity,
    self: {
      agentVersion: version,
      os: process.platform,
      arch: goArch[process.arch] ?? process.arch
    },
    interval: options.heartbeatInterval,
    slots: options.slots,
    pollInterval: options.pollInterval,
    drainTimeout: options.drainTimeout,
    foremanNamespace: options.runner.foremanNamespace,
    processToken,
    onReady: options.onReady,
    newClaimId: Effect.sync(() => randomUUID()),
    executor: {
      kind: registry.resultKind(options.mode),
      execute: registry.execute(options.mode),
      isJob: registry.isJob(options.mode)
    }
  }).pipe(
    Effect.provide(Layer.merge(runnerLayer(options.runner, options.mirrors), probeOf(options))),
    Effect.provideService(PrivateFolders, [
      resolve(options.runner.workspaceRoot),
      ...(options.mirrors === undefined ? [] : [options.mirrors.folder])
    ])
  )
}, Effect.scoped)

/** How the daemon may end by itself. */
export type AgentError = Effect.Error<ReturnType<typeof agent>>

export const main = (argv: ReadonlyArray<string>, env: NodeJS.ProcessEnv): void => {
  if (argv[0] === "run-task") {
    void import("./run-task.ts").then((program) => program.main(argv.slice(1), env))
    return
  }
  const parsed = Result.flatMap(parseFlags(argv, env), (flags) =>
    Result.map(optionsOf(flags, env), (options) => ({ flags, options }))
  )
  if (Result.isFailure(parsed)) {
    const { exitCode, stream, text } = parsed.failure
    process[stream].write(`${text}\n`)
    process.exitCode = exitCode
    return
  }
  const { flags, options } = parsed.success
  const kube = Layer.unwrap(
    Effect.map(
      KubeConfig.load({ kubeconfig: flags.kubeconfig, context: flags["kube-context"], env }),
      (config) => HttpKubeClient.layer(config)
    )
  )
  const program = agent(options).pipe(
    Effect.provideService(HiddenPaths, credentialPaths(flags.kubeconfig, env, flags["model-token-file"])),
    Effect.provide(kube)
  )
  launch(program, {
    name: "foreman-agent",
    hasPlainExitCodes: true,
    // Draining takes 5 s, the runs their time, the Lease 5 s at most.
    grace: Duration.sum(options.drainTimeout, Duration.seconds(11)),
    observability: Observability.layer({
      name: "foreman-agent",
      ...loggingOf(flags),
      env
    })
  })
}
