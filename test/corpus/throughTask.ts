/** Cases through tasks: one `foreman up`, a gate task a case, and its Job on the embedded cluster. */
import { join } from "node:path"
import { createInterface } from "node:readline"

import { Effect, Queue } from "effect"

import { persistentVolumeClaims } from "../../layers/embedded/kubelet/volumes.ts"
import * as HttpKubeClient from "../../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../../layers/kube/KubeConfig.ts"
import { agents } from "../../schema/Agent.ts"
import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import * as Reflector from "../../src/cache/Reflector.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import type { Case } from "./Case.ts"
import { type Said, saidBy } from "./judged.ts"
import type { Repository } from "./repository.ts"
import { startForeman } from "./startForeman.ts"

const namespace = "default"
const agent = "corpus-gate"
const cacheClaim = { name: "corpus-cache", namespace: "foreman-system" }
/** Of all cases: the limit is the node's. What eats memory without end meets it soon enough. */
const memoryLimit = "2Gi"

const startUp = Effect.fnUntraced(function* (folder: string, repository: Repository, slots: number) {
  const up = yield* Effect.acquireRelease(
    Effect.sync(() =>
      startForeman([
        "up",
        `--data-dir=${join(folder, "data")}`,
        "--port=0",
        "--",
        "--fleet-node-name=corpus",
        "--roles=verifier",
        `--slots=${slots}`,
        `--git-remote-url=file://${repository.path}`,
        `--gate-cache-pvc=${cacheClaim.name}`,
        `--gate-limits=memory=${memoryLimit}`
      ])
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGTERM")
      })
  )
  return yield* Effect.callback<string>((resume) => {
    let log = ""
    up.stderr.on("data", (chunk) => (log = `${log}${chunk}`.slice(-4_000)))
    up.once("exit", (code) => resume(Effect.die(new Error(`foreman up ended with ${code}:\n${log}`))))
    createInterface({ input: up.stdout }).once("line", (line) =>
      resume(Effect.succeed(line.replace(/^export KUBECONFIG='?|'$/gu, "")))
    )
  })
})

const nameOf = (each: Case): string => each.name.replace("/", "-")

const taskOf = (each: Case, { branches }: Repository) => ({
  metadata: { name: nameOf(each), namespace },
  spec: {
    kind: "verify",
    agentRef: { name: agent },
    payload: {
      repo: "corpus/cases",
      branch: branches.get(each)?.head ?? "",
      baseBranch: branches.get(each)?.base ?? ""
    }
  }
})

const endOf = ({ status }: AgenticTask): unknown =>
  status?.phase === "Succeeded" || status?.phase === "Failed" ? (status.result ?? {}) : undefined

/** All cases of the repository, in whatever order the scheduler has; `onSaid` hears of each. The folder is the caller's to remove. */
export const throughTasks = (
  folder: string,
  repository: Repository,
  slots: number,
  onSaid: (each: Case, said: Said) => void
): Promise<void> =>
  Effect.gen(function* () {
    const kubeconfig = yield* startUp(folder, repository, slots)
    const kube = yield* HttpKubeClient.make(yield* KubeConfig.load({ kubeconfig, env: {} }))
    const claim = {
      metadata: cacheClaim,
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }
    }
    yield* kube.create(persistentVolumeClaims, claim)
    yield* kube.create(agents, {
      metadata: { name: agent, namespace },
      spec: { role: "verifier", tools: ["run_gate_job"], requiredCapability: { roles: ["verifier"] } }
    })
    const cache = yield* Reflector.make(agenticTasks, { indexes: {}, namespace }).pipe(
      Effect.provideService(KubeClient, kube)
    )
    const changes = yield* cache.subscribe
    const waiting = new Map([...repository.branches.keys()].map((each) => [nameOf(each), each]))
    for (const each of waiting.values()) yield* kube.create(agenticTasks, taskOf(each, repository))
    while (waiting.size > 0) {
      const change = yield* Queue.take(changes)
      if (change.type === "delete") continue
      const { name } = change.after.metadata
      const each = waiting.get(name)
      const result = endOf(change.after)
      if (each === undefined || result === undefined) continue
      waiting.delete(name)
      onSaid(each, saidBy(result))
    }
  }).pipe(Effect.scoped, Effect.runPromise)
