/** `foreman demo`: a small real repository with a bug, and the whole pipeline on it, shown as it happens. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

import { Clock, Effect, Option, Queue, Schema } from "effect"
import { Command, Flag } from "effect/cli"

import * as Observability from "../layers/Observability.ts"
import { ModelScripts } from "../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../layers/scripted/ScriptedModelServer.ts"
import { agenticTasks } from "../schema/AgenticTask.ts"
import type { RunEvent } from "../src/executors/Executor.ts"
import { RunEvents } from "../src/executors/Executor.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import { follow } from "./demo/follow.ts"
import { applyExamples } from "./demo/manifests.ts"
import { DemoError, git, makeRemote, readExample } from "./demo/repository.ts"
import { makeScreen } from "./demo/screen.ts"
import { launchCommand } from "./launchCommand.ts"
import * as Up from "./up.ts"

const branch = "foreman/issue-7"

const flags = {
  fail: Flag.Boolean("fail").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Let the coder leave a file unformatted, so that the gate says GATE-FAIL")
  ),
  modelUrl: Flag.String("model-url").pipe(
    Flag.optional,
    Flag.withDescription("Base URL of an OpenAI-compatible endpoint to use instead of the scripted model")
  ),
  model: Flag.String("model").pipe(Flag.optional, Flag.withDescription("Name of the model at --model-url")),
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print one JSON object a line")
  ),
  keep: Flag.Boolean("keep").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Keep the cluster up until Ctrl-C, to look at it with kubectl")
  )
}

/** What each task must come to, by the road that was asked for. */
const expectations = (isFailing: boolean) => [
  { name: "fix-slug-code", label: "code", verdict: "GO" },
  { name: "fix-slug-gate", label: "gate", verdict: isFailing ? "GATE-FAIL" : "GATE-PASS" },
  { name: "fix-slug-review", label: "review", verdict: isFailing ? "INCOMPLETE" : "GO" }
]

const GateExtra = Schema.Struct({ modelExtra: Schema.Struct({ logTail: Schema.String }) })

const temporaryFolder = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => mkdtemp(join(tmpdir(), "foreman-demo-")),
    catch: (cause) =>
      new DemoError({
        message: `no folder can be made in ${tmpdir()}: ${String(cause)}. Point TMPDIR at one that can be written.`
      })
  }),
  (folder) =>
    Effect.promise(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
)

const startModel = Effect.fn("demo.startModel")(function* (isFailing: boolean) {
  const text = yield* readExample(`demo/${isFailing ? "script-fail" : "script"}.json`)
  const { scripts } = yield* Schema.decodeEffect(Schema.fromJsonString(ModelScripts))(text)
  const model = yield* ScriptedModelServer.start({ scripts })
  return model.baseURL
})

const demo = Effect.fn("demo")(function* (options: {
  readonly isFailing: boolean
  readonly modelURL: string | undefined
  readonly modelName: string | undefined
  readonly isJson: boolean
  readonly isKept: boolean
}) {
  if (options.isFailing && options.modelURL !== undefined) {
    return yield* new DemoError({
      message: "--fail is a part that only the scripted model plays: leave out --model-url"
    })
  }
  const startedAt = yield* Clock.currentTimeMillis
  const screen = yield* makeScreen({ isJson: options.isJson, startedAt })
  const folder = yield* temporaryFolder
  const remote = yield* makeRemote(folder)
  const issue = yield* readExample("demo/issue-7.md")
  const baseURL = options.modelURL ?? (yield* startModel(options.isFailing))

  yield* screen.say(
    options.modelURL === undefined
      ? "The model is scripted: it plays examples/demo. A real one takes part with --model-url URL --model NAME."
      : `The model is ${options.modelName ?? "the one that the Agents name"} at ${baseURL}.`
  )
  yield* screen.say(`Issue 7: ${issue.split("\n")[0]?.replace(/^# /u, "") ?? ""}`)

  const runEvents = yield* Queue.unbounded<RunEvent>()
  const up = yield* Up.start({
    dataDir: join(folder, "data"),
    port: 0,
    kubeconfig: undefined,
    isOperatorRun: true,
    agentArgv: [
      "--fleet-node-name=laptop",
      "--roles=worker,verifier",
      `--git-remote-url=${pathToFileURL(remote).href}`,
      "--commit-author-name=Foreman Bot",
      "--commit-author-email=foreman-bot@example.com"
    ],
    env: process.env
  }).pipe(Effect.provideService(RunEvents, (event) => Effect.asVoid(Queue.offer(runEvents, event))))

  const expected = expectations(options.isFailing)
  yield* screen.begin(expected.map(({ label }) => label))
  const isAsExpected = yield* Effect.gen(function* () {
    yield* applyExamples({ baseURL, name: options.modelName })
    return yield* follow({ expected, runEvents, show: screen.show })
  }).pipe(Effect.provideService(KubeClient, up.kube))
  yield* screen.end

  const pushed = yield* git(remote, "for-each-ref", "--format=%(refname:short)", `refs/heads/${branch}`)
  if (pushed.trim() !== "") {
    yield* screen.section(
      `The branch ${branch}, on the remote`,
      yield* git(remote, "log", "--format=%h %an: %s%n%n%b", `main..${branch}`)
    )
    yield* screen.section(
      "Its diff",
      yield* git(remote, "diff", screen.isColoured ? "--color=always" : "--no-color", `main...${branch}`)
    )
  }
  if (options.isFailing) yield* screen.section("The gate's log", yield* gateLog(up.kube, "fix-slug-gate"))
  yield* screen.section(
    "Look further",
    [
      ...(options.isKept
        ? [`export KUBECONFIG=${up.kubeconfig}`]
        : ["npm run demo -- --keep   # leaves the cluster up; then, with its KUBECONFIG:"]),
      "kubectl get workloads,agentictasks,fleetnodes",
      "kubectl describe agentictask fix-slug-gate",
      "kubectl get agentictask fix-slug-gate -o yaml",
      "kubectl -n foreman-system get jobs,pods",
      "kubectl -n foreman-system logs -l foreman.llmkube.dev/task-name=fix-slug-gate -c gate --tail=-1"
    ].join("\n")
  )
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  yield* screen.finish(isAsExpected, seconds)

  if (options.isKept) {
    yield* screen.say("The cluster stays up. Ctrl-C ends it and removes all of it.")
    return yield* Effect.never
  }
  if (!isAsExpected) return yield* new DemoError({ message: "not every verdict is as expected, see above" })
}, Effect.scoped)

const gateLog = (kube: KubeClient["Service"], name: string) =>
  kube.get(agenticTasks, { namespace: "default", name }).pipe(
    Effect.map((task) => {
      const extra = Schema.decodeUnknownOption(GateExtra)(task.status?.result?.["extra"])
      return Option.match(extra, { onNone: () => "", onSome: ({ modelExtra }) => modelExtra.logTail })
    })
  )

const command = Command.make("demo", flags, ({ fail, modelUrl, model, json, keep }) =>
  demo({
    isFailing: fail,
    modelURL: Option.getOrUndefined(modelUrl),
    modelName: Option.getOrUndefined(model),
    isJson: json,
    isKept: keep
  })
).pipe(
  Command.withDescription("Run code, gate and review on a small real repository, and show it as it happens")
)

/** As a shell says it of a program that Ctrl-C ended. */
const interrupted = 130

/** What the demo shows is its screen; of the log only what went wrong. Kept up, it is ended by Ctrl-C as it should be. */
export const main = (argv: ReadonlyArray<string>): void =>
  launchCommand(command, {
    name: "demo",
    observability: Observability.layer({ name: "demo", level: "Error" }),
    interruptedExitCode: argv.includes("--keep") ? 0 : interrupted
  })(argv)
