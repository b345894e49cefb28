/** One run of a `run-task` as a process, ours or another one that reads the same flags: when it asks the model, and what it takes. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Effect, type Scope } from "effect"

import type { Turn } from "../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../layers/scripted/ScriptedModelServer.ts"
import { apiserver } from "./bare.ts"

export interface Program {
  /** The words before `run-task`. */
  readonly words: readonly [string, ...Array<string>]
  /** Beside PATH, HOME and KUBECONFIG. */
  readonly env?: Readonly<Record<string, string>>
}
/** What the model has done in each turn: a file read, then edited, and so on; or a small command. */
export type Work = "files" | "commands"

export interface TaskRun {
  readonly firstRequestMillis: number
  readonly secondRequestMillis: number
  /** From the end of a reply to the next request, from the second request on. */
  readonly replyToRequestMillis: ReadonlyArray<number>
  readonly maxRSSMegabytes: number
}

const git = (cwd: string, ...args: ReadonlyArray<string>): void => {
  const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
  execFileSync("git", [...identity, ...args], { cwd, stdio: "ignore" })
}

const turnOf = (name: string, args: Readonly<Record<string, string | number>>): Turn => ({
  reply: { type: "tool_calls", calls: [{ name, arguments: args }] }
})

const fileTurn = (index: number): Turn => {
  const count = index >> 1
  const edit = { path: "source.txt", old_string: `count ${count};`, new_string: `count ${count + 1};` }
  return index % 2 === 0 ? turnOf("read_file", { path: "source.txt" }) : turnOf("str_replace", edit)
}

/** The last edit makes it a change, so that every program may end with GO. */
const turnsOf = (work: Work, count: number): ReadonlyArray<Turn> => [
  ...Array.from({ length: count - 1 }, (_, index) =>
    work === "files" || index === count - 2
      ? fileTurn(work === "files" ? index : 1)
      : turnOf("bash", { command: `head -n ${(index % 50) + 1} source.txt | tail -n 1` })
  ),
  turnOf("submit_result", { verdict: "GO", summary: "done", commit_message: "done" })
]

/** VmHWM: the most that was resident so far. Linux only. */
const peakMegabytes = (pid: number | undefined): number => {
  const path = `/proc/${pid}/status`
  const kilobytes = existsSync(path) ? /VmHWM:\s+(\d+)/u.exec(readFileSync(path, "utf8"))?.[1] : undefined
  return kilobytes === undefined ? NaN : Number(kilobytes) / 1024
}

const resources = (groupVersion: string, kinds: ReadonlyArray<string>) => ({
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion,
  resources: kinds.map((kind) => ({
    name: `${kind.toLowerCase()}s`,
    singularName: kind.toLowerCase(),
    namespaced: true,
    kind,
    verbs: ["get", "list", "watch", "create", "patch"]
  }))
})

/** What a client that discovers the API asks for first. */
const discovery = {
  "/api": { kind: "APIVersions", apiVersion: "v1", versions: ["v1"] },
  "/api/v1": resources("v1", ["ConfigMap", "Secret"]),
  "/apis": {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: [
      {
        name: "foreman.llmkube.dev",
        versions: [{ groupVersion: "foreman.llmkube.dev/v1alpha1", version: "v1alpha1" }],
        preferredVersion: { groupVersion: "foreman.llmkube.dev/v1alpha1", version: "v1alpha1" }
      }
    ]
  },
  "/apis/foreman.llmkube.dev/v1alpha1": resources("foreman.llmkube.dev/v1alpha1", ["AgenticTask", "Agent"])
}

const namespaced = "/apis/foreman.llmkube.dev/v1alpha1/namespaces/default"
const apiVersion = "foreman.llmkube.dev/v1alpha1"
const metadata = { name: "bench", namespace: "default", uid: "bench" }
const off = { repeatedToolThreshold: 0, editFreeTurnsLimit: 0, contextSoftCap: 0, contextHardCap: 0 }

const objects = (turns: number) => ({
  ...discovery,
  [`${namespaced}/agentictasks/bench`]: {
    apiVersion,
    kind: "AgenticTask",
    metadata,
    spec: { kind: "freeform", agentRef: { name: "bench" }, payload: { prompt: "count up" } }
  },
  [`${namespaced}/agents/bench`]: {
    apiVersion,
    kind: "Agent",
    metadata,
    spec: {
      role: "coder",
      inferenceServiceRef: { name: "bench" },
      maxTurns: turns + 5,
      tools: ["read_file", "str_replace", "bash", "submit_result"],
      contextWindowTokens: 10_000_000,
      stuckLoopDetection: off
    }
  }
})

const repository = (root: string): void => {
  const seed = join(root, "seed")
  mkdirSync(seed)
  git(seed, "init", "-q", "-b", "main")
  writeFileSync(join(seed, "source.txt"), `count 0;\n${"a line of source text\n".repeat(60)}`)
  git(seed, "add", "-A")
  git(seed, "commit", "-q", "-m", "first")
  git(root, "clone", "-q", "--bare", seed, join(root, "remote.git"))
}

const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bench",
    contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
    clusters: [{ name: "bench", cluster: { server } }],
    users: [{ name: "bench", user: { token: "bench" } }]
  })

const measured = Effect.fnUntraced(function* (
  { env, words: [command, ...words] }: Program,
  work: Work,
  turns: number
): Effect.fn.Return<TaskRun, ScriptedModelServer.ScriptedModelError, Scope.Scope> {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  repository(root)
  let startedAt = 0
  let answeredAt = 0
  let firstRequestMillis = NaN
  let secondRequestMillis = NaN
  let maxRSSMegabytes = NaN
  let pid: number | undefined
  const gaps: Array<number> = []
  const model = yield* ScriptedModelServer.start({
    scripts: [{ name: "bench", turns: turnsOf(work, turns) }],
    keepRequests: false,
    onMoment: (moment) => {
      const now = performance.now()
      if (moment === "answered") {
        answeredAt = now
        return
      }
      if (answeredAt === 0) firstRequestMillis = now - startedAt
      else if (Number.isNaN(secondRequestMillis)) secondRequestMillis = now - startedAt
      else gaps.push(now - answeredAt)
      maxRSSMegabytes = peakMegabytes(pid)
    }
  })
  const api = yield* apiserver(objects(turns))
  const kubeconfig = join(root, "kubeconfig")
  writeFileSync(kubeconfig, kubeconfigOf(api.url))
  const exitCode = yield* Effect.callback<number | null>((resume) => {
    startedAt = performance.now()
    const child = spawn(
      command,
      [
        ...words,
        "run-task",
        "--task=bench",
        `--workspace-dir=${join(root, "work")}`,
        `--git-remote-url=${join(root, "remote.git")}`,
        `--inference-base-url-override=${model.baseURL}`,
        "--commit-author-email=bench@example.com"
      ],
      {
        env: { PATH: process.env["PATH"] ?? "", HOME: root, KUBECONFIG: kubeconfig, ...env },
        stdio: ["ignore", "ignore", "pipe"]
      }
    )
    pid = child.pid
    child.stderr.resume()
    child.on("close", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
  return exitCode === 0 && gaps.length === turns - 2
    ? { firstRequestMillis, secondRequestMillis, replyToRequestMillis: gaps, maxRSSMegabytes }
    : yield* Effect.die(new Error(`${command} ended with ${exitCode} after ${gaps.length + 2} requests`))
})

/** Runs the program over a fresh repository with a model that answers at once. Fails where it does not come to its last turn. */
export const taskRun = (program: Program, work: Work, turns: number): Promise<TaskRun> =>
  Effect.runPromise(Effect.scoped(measured(program, work, turns)))
