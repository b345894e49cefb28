/** A `run-task` as a process, ours or another one that reads the same flags, beside as much of an API server as it asks for. */
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

import { Effect, type Scope } from "effect"

import { apiserver } from "./bare.ts"

export interface Program {
  /** The words before `run-task`. */
  readonly words: readonly [string, ...Array<string>]
  /** Beside PATH, HOME and KUBECONFIG. */
  readonly env?: Readonly<Record<string, string>>
  /** The spec of a task with which it clones its remote and works on a branch; an issue-fix when absent. */
  readonly task?: Readonly<Record<string, unknown>>
}

export interface RunTask {
  readonly program: Program
  /** Its HOME; `remote.git` in it is what it clones. */
  readonly root: string
  readonly task: Readonly<Record<string, unknown>>
  readonly agent: Readonly<Record<string, unknown>>
  readonly modelURL: string
  readonly onStart?: (pid: number | undefined) => void
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
const objects = (task: RunTask["task"], agent: RunTask["agent"]) => ({
  ...discovery,
  [`${namespaced}/agentictasks/bench`]: {
    apiVersion,
    kind: "AgenticTask",
    metadata,
    spec: { ...task, agentRef: { name: "bench" } }
  },
  [`${namespaced}/agents/bench`]: { apiVersion, kind: "Agent", metadata, spec: agent }
})

const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bench",
    contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
    clusters: [{ name: "bench", cluster: { server } }],
    users: [{ name: "bench", user: { token: "bench" } }]
  })

/** Runs it to its end; its exit code. */
export const runTask = Effect.fnUntraced(function* ({
  agent,
  modelURL,
  onStart,
  program: { env, words },
  root,
  task
}: RunTask): Effect.fn.Return<number | null, never, Scope.Scope> {
  const api = yield* apiserver(objects(task, agent))
  const kubeconfig = join(root, "kubeconfig")
  writeFileSync(kubeconfig, kubeconfigOf(api.url))
  const [command, ...first] = words
  return yield* Effect.callback<number | null>((resume) => {
    const child = spawn(
      command,
      [
        ...first,
        "run-task",
        "--task=bench",
        `--workspace-dir=${join(root, "work")}`,
        `--git-remote-url=${join(root, "remote.git")}`,
        `--inference-base-url-override=${modelURL}`,
        "--commit-author-email=bench@example.com"
      ],
      {
        env: { PATH: process.env["PATH"] ?? "", HOME: root, KUBECONFIG: kubeconfig, ...env },
        stdio: ["ignore", "ignore", "pipe"]
      }
    )
    onStart?.(child.pid)
    child.stderr.resume()
    child.on("close", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
})
