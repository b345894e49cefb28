/** Flags of the node daemon, and what they come to. Contract §3.2. */
import { homedir, hostname } from "node:os"
import { join, resolve } from "node:path"

import { Duration, type Effect, type Redacted, Result } from "effect"

import type { MirrorOptions } from "../layers/git/mirror.ts"
import type { Stated } from "../layers/probe/capability.ts"
import type { ResourceRequirements } from "../schema/Agent.ts"
import { clampInt32, parseLabels, sanitizeName } from "../src/decide/capability.ts"
import { type AgentMode, parseAgentMode } from "../src/decide/executor.ts"
import type { RunnerConfig } from "../src/executors/Executor.ts"
import type { Identity } from "../src/node/register.ts"
import { gitToken } from "./gitToken.ts"
import { bool, csv, duration, int, parse, string, type Values, zapFlags } from "./goFlags.ts"
import { keyIn } from "./keyFile.ts"
import { version } from "./version.ts"

const table = {
  "fleet-node-name": string("", "Name of this node; the host's name when empty", { env: "FLEET_NODE_NAME" }),
  "tailscale-addr": string("", "Address of this host in its private network, for people"),
  kubeconfig: string("", "Path of a kubeconfig; the pod's own account when absent"),
  "kube-context": string("", "Context of the kubeconfig"),
  "workspace-dir": string("", "Where checkouts go; $HOME/foreman-workspaces when empty"),
  "opencode-bin": string("", "Accepted for compatibility; has no effect"),
  roles: csv(["worker"], "Roles of this node"),
  accelerator: string("", "metal, cuda, vulkan or none; what is found when empty"),
  "installed-models": csv(
    [],
    "Names of the models on this host; in a pod its cluster's InferenceServices when empty"
  ),
  "heartbeat-interval": duration("30s", "Pause between two heartbeats"),
  "max-context-tokens": int(0, "Largest context window on offer"),
  "tokens-per-second": int(0, "Generation speed"),
  "total-ram-gb": int(0, "Memory in GiB that tasks may count on; what is found when 0"),
  slots: int(1, "How many tasks may run here at once"),
  "task-poll-interval": duration(
    "5s",
    "Pause after a failed list or watch; three in a row end an idle daemon"
  ),
  "max-wait": duration(
    "15m",
    "How long a run waits for a model's endpoint that is away or says later, in one piece"
  ),
  "task-namespace": string("default", "Namespace of the tasks; empty means all"),
  "stub-sleep": duration("10s", "How long the stub executor sleeps"),
  "agent-mode": string("native", "native or stub"),
  "git-remote-url": string("", "Repository to clone from and push to, where the task names none"),
  "inference-base-url-override": string("", "Base URL of every model, whatever its InferenceService says"),
  "model-token-file": string(
    "",
    "File with the API key of the endpoint that --inference-base-url-override names; it goes to no other",
    { env: "FOREMAN_MODEL_TOKEN_FILE" }
  ),
  "inference-base-url-host-override": string("", "Host of every model's base URL"),
  "commit-author-name": string("Foreman Bot", "Author of commits"),
  "commit-author-email": string("", "Author's address; without one nothing is committed"),
  "commit-committer-name": string("", "Committer; the author when empty"),
  "commit-committer-email": string("", "Committer's address; the author's when empty"),
  "mirror-dir": string("", "Where mirrors of remotes stay between tasks; in the workspace folder when empty"),
  "mirror-max-gb": int(20, "GB that mirrors may take before the least used goes; 0 clones each task anew"),
  "checkpoint-remote": bool(
    false,
    "Keep each turn of a run on the task's remote, too, as refs/foreman/..., so that another node can go on with it"
  ),
  "keep-workspace": bool(false, "Leave checkouts after a run"),
  "foreman-namespace": string("foreman-system", "Namespace of Jobs and of the nodes' Leases"),
  "coder-git-secret": string("foreman-git-credentials", "Secret with the git token of coder Jobs"),
  "coder-git-secret-key": string("token", "Key in that Secret"),
  "coder-model-secret": string("", "Secret whose key token opens the model's endpoint; none when empty"),
  "coder-image": string(
    `foreman-builder:${version}`,
    "Image of coder Jobs, where the Agent names none: Foreman, git and a toolchain",
    { env: "FOREMAN_CODER_IMAGE" }
  ),
  "coder-requests": string("", "What a coder Job asks for, as cpu=2,memory=4Gi"),
  "coder-limits": string("", "What a coder Job may use, as cpu=4,memory=8Gi"),
  "coder-journal-pvc": string(
    "",
    "PersistentVolumeClaim on which coder Jobs keep their runs, a folder a task; they go with their pod when empty"
  ),
  "node-labels": string("", "Labels of the FleetNode, as k=v,k2=v2"),
  "gate-cache-pvc": string("", "PersistentVolumeClaim for the gate's caches; none when empty"),
  "gate-image": string(`foreman:${version}`, "Image of the gate's judge: Foreman's own", {
    env: "FOREMAN_GATE_IMAGE"
  }),
  "gate-toolchain-image": string("", "Image of the gate's tools where neither task nor profile names one"),
  "gate-requests": string("", "What the gate's tools ask for, as cpu=2,memory=4Gi"),
  "gate-limits": string("", "What the gate's tools may use, as cpu=4,memory=8Gi"),
  "gate-deadline": duration("30m", "Wall time of a gate Job"),
  "events-bind-address": string(
    "",
    "Address of the journals of this node's runs, as 127.0.0.1:8084; none when empty or 0"
  ),
  "drain-timeout": duration("20s", "What runs have to end after SIGTERM before they are handed back"),
  "self-update": bool(true, "Accepted for compatibility; has no effect"),
  "install-root": string("", "Accepted for compatibility; has no effect"),
  version: bool(false, "Print the version and exit"),
  ...zapFlags
}

export interface Options {
  readonly identity: Identity
  /** What the host calls itself, where that is no usable name. */
  readonly renamedFrom: string | undefined
  readonly mode: AgentMode
  readonly stated: Stated
  /** Offer the cluster's InferenceServices: in a pod that was told no models. */
  readonly isServingClusterModels: boolean
  readonly slots: number
  readonly heartbeatInterval: Duration.Duration
  readonly pollInterval: Duration.Duration
  readonly drainTimeout: Duration.Duration
  /** Where the journals of this node's runs are served; nowhere when empty. */
  readonly eventsAddress: string
  readonly runner: RunnerConfig["Service"]
  /** `undefined`: each task clones anew. */
  readonly mirrors: MirrorOptions | undefined
  /** Runs once the node is registered and takes tasks. */
  readonly onReady?: Effect.Effect<void>
}

export type Flags = Values<typeof table>
type Env = Readonly<Record<string, string | undefined>>

/** Why there are no options: print `text` there and exit so. */
export interface Refusal {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  readonly exitCode: number
}

const refuse = (text: string): Result.Result<never, Refusal> =>
  Result.fail({ stream: "stderr", text: `foreman-agent: ${text}`, exitCode: 1 })

const accelerators = ["metal", "cuda", "vulkan", "none"] as const

const positive = (key: string, value: number) => (value > 0 ? { [key]: clampInt32(value) } : {})

const statedOf = (flags: Flags, accelerator: (typeof accelerators)[number] | undefined): Stated => ({
  ...(accelerator === undefined ? {} : { accelerator }),
  ...positive("totalRAMGB", flags["total-ram-gb"]),
  ...positive("maxContextTokens", flags["max-context-tokens"]),
  ...positive("tokensPerSecond", flags["tokens-per-second"]),
  ...(flags["installed-models"].length === 0 ? {} : { installedModels: flags["installed-models"] }),
  slots: Math.max(1, clampInt32(flags.slots))
})

const resourcesOf = (asked: string, allowed: string): ResourceRequirements | undefined => {
  const requests = parseLabels(asked)
  const limits = parseLabels(allowed)
  return requests === undefined || limits === undefined ? undefined : { requests, limits }
}

const orAbsent = (text: string): string | undefined => (text === "" ? undefined : text)

const bytesPerGB = 1_000_000_000

const mirrorsOf = (flags: Flags, workspaceRoot: string): MirrorOptions | undefined =>
  flags["mirror-max-gb"] > 0
    ? {
        folder: resolve(orAbsent(flags["mirror-dir"]) ?? join(workspaceRoot, ".mirrors")),
        maxBytes: flags["mirror-max-gb"] * bytesPerGB
      }
    : undefined

/** A run without a reply gives its slot back after this: the task is parked, and nothing is lost but its checkout. */
const longestFirstWait = Duration.minutes(2)

const runnerOf = (
  flags: Flags,
  env: Env,
  resources: { readonly gate: ResourceRequirements; readonly coder: ResourceRequirements },
  overrideToken: Redacted.Redacted<string> | undefined
): RunnerConfig["Service"] => {
  const email = flags["commit-author-email"]
  const author = email === "" ? undefined : { name: flags["commit-author-name"], email }
  return {
    workspaceRoot: orAbsent(flags["workspace-dir"]) ?? join(env["HOME"] ?? homedir(), "foreman-workspaces"),
    maxWait: flags["max-wait"],
    firstWait: Duration.min(longestFirstWait, flags["max-wait"]),
    keepWorkspace: flags["keep-workspace"],
    checkpointRemote: flags["checkpoint-remote"],
    gitRemoteURL: orAbsent(flags["git-remote-url"]),
    gitToken: gitToken(env),
    author,
    committer:
      author === undefined
        ? undefined
        : {
            name: orAbsent(flags["commit-committer-name"]) ?? author.name,
            email: orAbsent(flags["commit-committer-email"]) ?? author.email
          },
    inferenceBaseURLOverride: orAbsent(flags["inference-base-url-override"]),
    inferenceBaseURLHostOverride: orAbsent(flags["inference-base-url-host-override"]),
    overrideToken,
    foremanNamespace: flags["foreman-namespace"],
    gateCachePVC: orAbsent(flags["gate-cache-pvc"]),
    gateImage: flags["gate-image"],
    gateToolchainImage: orAbsent(flags["gate-toolchain-image"]),
    gateResources: resources.gate,
    gateDeadlineSeconds: Math.max(60, Math.round(Duration.toSeconds(flags["gate-deadline"]))),
    gitSecret: { name: flags["coder-git-secret"], key: flags["coder-git-secret-key"] },
    coder: {
      image: flags["coder-image"],
      modelSecret: orAbsent(flags["coder-model-secret"]),
      resources: resources.coder,
      journalPVC: orAbsent(flags["coder-journal-pvc"])
    },
    stubSleepMillis: Duration.toMillis(flags["stub-sleep"])
  }
}

export const optionsOf = (flags: Flags, env: Env): Result.Result<Options, Refusal> => {
  const mode = parseAgentMode(flags["agent-mode"])
  if (mode === undefined) return refuse(`--agent-mode is native or stub, not "${flags["agent-mode"]}"`)
  const labels = parseLabels(flags["node-labels"])
  if (labels === undefined) return refuse(`--node-labels is k=v,k2=v2, not "${flags["node-labels"]}"`)
  const gate = resourcesOf(flags["gate-requests"], flags["gate-limits"])
  const coder = resourcesOf(flags["coder-requests"], flags["coder-limits"])
  if (gate === undefined) return refuse("--gate-requests and --gate-limits are lists as cpu=2,memory=4Gi")
  if (coder === undefined) return refuse("--coder-requests and --coder-limits are lists as cpu=2,memory=4Gi")
  const accelerator = accelerators.find((known) => known === flags.accelerator)
  if (accelerator === undefined && flags.accelerator !== "") {
    return refuse(`--accelerator is one of ${accelerators.join(", ")}, not "${flags.accelerator}"`)
  }
  const wanted = orAbsent(flags["fleet-node-name"]) ?? hostname()
  const nodeName = sanitizeName(wanted)
  const tokenFile = orAbsent(flags["model-token-file"])
  const token = tokenFile === undefined ? undefined : keyIn(tokenFile)
  if (tokenFile !== undefined) {
    if (flags["inference-base-url-override"] === "") {
      return refuse("--model-token-file needs --inference-base-url-override: it is that endpoint's key")
    }
    if (token === undefined) return refuse(`--model-token-file: there is no key in ${tokenFile}`)
  }
  const runner = runnerOf(flags, env, { gate, coder }, token)
  return Result.succeed({
    identity: {
      nodeName,
      tailscaleAddr: orAbsent(flags["tailscale-addr"]),
      roles: flags.roles.length === 0 ? undefined : flags.roles,
      labels,
      taskNamespace: orAbsent(flags["task-namespace"])
    },
    renamedFrom: nodeName === wanted ? undefined : wanted,
    mode,
    stated: statedOf(flags, accelerator),
    isServingClusterModels:
      flags["installed-models"].length === 0 && env["KUBERNETES_SERVICE_HOST"] !== undefined,
    slots: Math.max(1, clampInt32(flags.slots)),
    heartbeatInterval: flags["heartbeat-interval"],
    pollInterval: flags["task-poll-interval"],
    drainTimeout: flags["drain-timeout"],
    eventsAddress: flags["events-bind-address"],
    runner,
    mirrors: mirrorsOf(flags, runner.workspaceRoot)
  })
}

/** Prints nothing itself: a refusal says what to print. */
export const parseFlags = (argv: ReadonlyArray<string>, env: Env): Result.Result<Flags, Refusal> =>
  Result.flatMap(parse({ name: "foreman-agent", table, argv, env }), ({ args, values }) => {
    if (values.version) return Result.fail({ stream: "stdout", text: version, exitCode: 0 })
    return args.length === 0 ? Result.succeed(values) : refuse(`unexpected argument "${args[0]}"`)
  })

/** The options that flags and environment ask for. */
export const parseOptions = (argv: ReadonlyArray<string>, env: Env): Result.Result<Options, Refusal> =>
  Result.flatMap(parseFlags(argv, env), (flags) => optionsOf(flags, env))
