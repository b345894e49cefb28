/** `foreman doctor`: whether what a run needs is there, a line for each thing, with what mends it. */
import { homedir } from "node:os"
import { join } from "node:path"

import { Array, Console, Duration, Effect, Layer, Result, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"

import * as ChatCompletionsClient from "../layers/ChatCompletionsClient.ts"
import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import * as Observability from "../layers/Observability.ts"
import * as ServerContextWindow from "../layers/ServerContextWindow.ts"
import type { Agent } from "../schema/Agent.ts"
import { baseURLOf } from "../schema/InferenceService.ts"
import { RunnerConfig } from "../src/executors/Executor.ts"
import { modelEndpoints } from "../src/executors/modelEndpoint.ts"
import type { Endpoint } from "../src/services/InferenceClient.ts"
import { probeCluster } from "./doctor/cluster.ts"
import { converse } from "./doctor/conversation.ts"
import { probeEndpoint } from "./doctor/endpoint.ts"
import { confinedLine, gateLine, remoteLine, workspaceLine } from "./doctor/host.ts"
import { fail, type Line, probe, skipped } from "./doctor/Line.ts"
import { table } from "./doctor/report.ts"
import { gitToken } from "./gitToken.ts"
import { launchCommand } from "./launchCommand.ts"
import { keyIn } from "./keyFile.ts"

/** Something that a run needs is not there. */
class Unwell extends Schema.TaggedError<Unwell>()("Unwell", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const parameters = {
  agent: Flag.String("agent").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Name of the Agent whose model is probe at")
  ),
  namespace: Flag.String("namespace").pipe(
    Flag.withAlias("n"),
    Flag.withDefault("default"),
    Flag.withDescription("Its namespace")
  ),
  kubeconfig: Flag.String("kubeconfig").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Path of a kubeconfig; KUBECONFIG, then ~/.kube/config when empty")
  ),
  endpoint: Flag.String("endpoint").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Base URL of a model, in place of the Agent's; no cluster is needed then")
  ),
  model: Flag.String("model").pipe(Flag.withDefault(""), Flag.withDescription("Its name there")),
  modelTokenFile: Flag.String("model-token-file").pipe(
    Flag.withDefault(""),
    Flag.withDescription("File with its API key")
  ),
  gitRemoteURL: Flag.String("git-remote-url").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Remote that tasks clone from and push to")
  ),
  repo: Flag.String("repo").pipe(
    Flag.withDefault("."),
    Flag.withDescription("Checkout whose gate is probe at")
  ),
  workspaceDir: Flag.String("workspace-dir").pipe(
    Flag.withDefault(join(homedir(), "foreman-workspaces")),
    Flag.withDescription("Where checkouts go")
  ),
  output: Flag.Literals("output", ["table", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDefault("table"),
    Flag.withDescription("Form of what is printed")
  )
}

interface Options {
  readonly agent: string
  readonly namespace: string
  readonly kubeconfig: string
  readonly endpoint: string
  readonly model: string
  readonly modelTokenFile: string
  readonly gitRemoteURL: string
  readonly repo: string
  readonly workspaceDir: string
  readonly isJson: boolean
}

/** What the resolution of an Agent's endpoint reads of a node's flags: none of them here. */
const noFlags = (workspaceRoot: string) =>
  RunnerConfig.of({
    workspaceRoot,
    keepWorkspace: false,
    gitRemoteURL: undefined,
    gitToken: undefined,
    author: undefined,
    committer: undefined,
    inferenceBaseURLOverride: undefined,
    inferenceBaseURLHostOverride: undefined,
    foremanNamespace: "foreman-system",
    gateCachePVC: undefined,
    gateImage: "",
    stubSleepMillis: 0
  })

/** The Agent's endpoints, the first of them first. */
const endpointsOf = (agent: Agent, namespace: string, workspaceDir: string) =>
  modelEndpoints(agent, namespace).pipe(
    Effect.provideService(RunnerConfig, noFlags(workspaceDir)),
    Effect.result
  )

const modelLines = Effect.fnUntraced(function* (endpoint: Endpoint, agentWindow: number) {
  const { isReached, lines } = yield* probeEndpoint(endpoint, agentWindow)
  if (!isReached) return lines
  return [...lines, ...(yield* converse(endpoint))]
})

const ofCluster = Effect.fnUntraced(function* (options: Options) {
  const { agent: name, endpoint, kubeconfig, namespace, workspaceDir } = options
  if (endpoint !== "" && name === "") return []
  const config = yield* Effect.result(KubeConfig.load({ kubeconfig }))
  if (Result.isFailure(config)) {
    const { message, source } = config.failure
    return [
      fail(
        "cluster",
        `${source}: ${message}`,
        "name a kubeconfig with --kubeconfig, or a model alone with --endpoint"
      )
    ]
  }
  const examined = Effect.gen(function* () {
    const { agent, lines } = yield* probeCluster(name, namespace)
    if (agent === undefined || endpoint !== "") return lines
    if (agent.spec.inferenceServiceRef === undefined && agent.spec.provider === "local") {
      return [...lines, skipped("endpoint", "the Agent has no model")]
    }
    const found = yield* endpointsOf(agent, namespace, workspaceDir)
    if (Result.isFailure(found)) {
      const { message, reason } = found.failure
      return [
        ...lines,
        fail(
          "endpoint",
          `${reason}: ${message}`,
          "mend what the Agent names, or name a model here with --endpoint"
        )
      ]
    }
    return [...lines, ...(yield* modelLines(found.success[0], agent.spec.contextWindowTokens ?? 0))]
  })
  return yield* Effect.provide(examined, HttpKubeClient.layer(config.success))
})

const ofEndpoint = ({ endpoint, model, modelTokenFile }: Options) => {
  if (endpoint === "") return Effect.succeed<ReadonlyArray<Line>>([])
  const apiKey = modelTokenFile === "" ? undefined : keyIn(modelTokenFile)
  if (modelTokenFile !== "" && apiKey === undefined) {
    const line = fail(
      "endpoint",
      `there is no key in ${modelTokenFile}`,
      "name a file that has the key in it"
    )
    return Effect.succeed([line])
  }
  return modelLines({ baseURL: baseURLOf(endpoint), model, ...(apiKey !== undefined && { apiKey }) }, 0)
}

/** For the requests to a slow model, each bounded by itself. */
const modelPatience = Duration.minutes(15)
const remotePatience = Duration.minutes(1)

const run = Effect.fn("doctor")(function* (options: Options) {
  const { gitRemoteURL, isJson, repo, workspaceDir } = options
  const isWatched = process.stderr.isTTY === true && !isJson
  const say = (what: string) =>
    isWatched ? Effect.sync(() => process.stderr.write(`${what} …\n`)) : Effect.void
  yield* say("the cluster and its Agent")
  const cluster = yield* probe("cluster", ofCluster(options), modelPatience)
  yield* say("the model")
  const endpoint = yield* probe("endpoint", ofEndpoint(options), modelPatience)
  yield* say("this host")
  const remote = remoteLine(gitRemoteURL, gitToken(process.env))
  const host = yield* Effect.all(
    [
      probe("git remote", Effect.map(remote, Array.of), remotePatience),
      probe("gate", Effect.map(gateLine(repo), Array.of)),
      probe("workspace", Effect.map(workspaceLine(workspaceDir), Array.of)),
      probe("confinement", Effect.map(confinedLine, Array.of))
    ],
    { concurrency: "unbounded" }
  )
  const lines = [...cluster, ...endpoint, ...host.flat()]
  const isColoured = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
  yield* Console.log(isJson ? JSON.stringify({ lines }, null, 2) : table(lines, isColoured))
  const wrong = lines.filter(({ status }) => status === "fail")
  if (wrong.length > 0) return yield* new Unwell({ message: wrong.map(({ check }) => check).join(", ") })
})

const command = Command.make("doctor", parameters, ({ output, ...values }) =>
  run({ ...values, isJson: output === "json" }).pipe(
    Effect.provide(Layer.merge(ChatCompletionsClient.layer, ServerContextWindow.layer))
  )
).pipe(
  Command.withDescription(
    "Look at what a run needs (cluster, Agent, model, remote, gate, host), and say what mends it"
  ),
  Command.withExamples([
    {
      command: "foreman doctor --agent coder --git-remote-url https://git.example/acme/slug.git",
      description: "All of it"
    },
    {
      command: "foreman doctor --endpoint http://localhost:8080/v1 --model qwen",
      description: "A model alone"
    }
  ])
)

export const main = launchCommand(command, {
  name: "doctor",
  observability: Observability.layer({ name: "doctor", level: "Error" })
})
