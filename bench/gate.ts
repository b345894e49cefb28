/**
 * A gate task from its creation to its verdict, beside the same Job run alone, and the checks beside the bare command. On an embedded
 * cluster that it starts, or on the one of `--kubeconfig`, where an agent in native mode has the role verifier, a git remote whose main
 * branch it can clone, and Node in the image of its tools.
 */
import { execFileSync, spawn } from "node:child_process"
import { cpSync } from "node:fs"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"

import { Effect, Stream } from "effect"

import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import { agents } from "../schema/Agent.ts"
import { type AgenticTask, agenticTasks } from "../schema/AgenticTask.ts"
import { jobs, pods } from "../schema/Job.ts"
import type { KubeObject, Resource } from "../schema/Resource.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import { p50 } from "./bare.ts"
import { gateCost } from "./gateCost.ts"
import { temporaryFolder } from "./cluster.ts"
import type { Measured, Options } from "./report.ts"

const root = resolve(import.meta.dirname, "..")
const namespace = "default"

/** A second of work and some output, as a small test suite has. */
const command = `node -e "const end = Date.now() + 1000; let n = 0; while (Date.now() < end) { if (n++ % 100000 === 0) console.log('line', n) }"`

const git = (cwd: string, ...args: ReadonlyArray<string>): void => {
  const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
  execFileSync("git", [...identity, ...args], { cwd, stdio: "ignore" })
}

/** `foreman up` from the bundle, on a folder of its own; its kubeconfig. */
const startUp = Effect.fnUntraced(function* (folder: string, repoURL: string) {
  const up = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [
          join(root, "dist", "foreman.mjs"),
          "up",
          `--data-dir=${join(folder, "data")}`,
          "--port=0",
          "--",
          "--roles=verifier",
          `--git-remote-url=${repoURL}`
        ],
        { stdio: ["ignore", "pipe", "ignore"] }
      )
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill()
      })
  )
  const line = yield* Effect.callback<string>((resume) => {
    createInterface({ input: up.stdout }).once("line", (text) => resume(Effect.succeed(text)))
  })
  return line.replace(/^export KUBECONFIG='?|'$/gu, "")
})

/** Milliseconds from a creation until what was created, or came of it, is as wanted. */
const timed = Effect.fnUntraced(function* <A extends KubeObject, B>(
  create: Effect.Effect<KubeObject, unknown, KubeClient>,
  resource: Resource<A>,
  where: { readonly namespace: string; readonly labelSelector?: string },
  pick: (object: A) => B | undefined
) {
  const kube = yield* KubeClient
  const { resourceVersion } = yield* kube.list(resource, where)
  const startedAt = performance.now()
  yield* create
  const seen = yield* kube.watch(resource, { ...where, resourceVersion }).pipe(
    Stream.map((event) =>
      event.type === "ADDED" || event.type === "MODIFIED" ? pick(event.object) : undefined
    ),
    Stream.filter((picked) => picked !== undefined),
    Stream.runHead
  )
  const millis = performance.now() - startedAt
  if (seen._tag === "None") return yield* Effect.die("the watch ended before its time")
  return { millis, picked: seen.value }
})

const gateTask = (name: string) => ({
  metadata: { name, namespace },
  spec: {
    kind: "verify",
    agentRef: { name: "bench-gate" },
    gateProfile: { language: "generic", commands: { test: command } },
    payload: { repo: "bench/slug", branch: "main" }
  }
})

const ended =
  (name: string) =>
  (task: AgenticTask): AgenticTask | undefined =>
    task.metadata.name === name && task.status?.verdict !== undefined ? task : undefined

const checkSeconds = (task: AgenticTask): number => {
  const extra: any = task.status?.result?.["extra"]
  if (task.status?.verdict !== "GATE-PASS") throw new Error(JSON.stringify(task.status?.result))
  return extra.checks.reduce((sum: number, check: any) => sum + check.seconds, 0)
}

/** The Job of a gate that has passed, once more and under nobody's eyes. */
const copyOf = (job: any, name: string) => {
  const { spec } = job.spec.template
  const labels = { "foreman-bench": name }
  return {
    metadata: { name, namespace: job.metadata.namespace, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: job.spec.activeDeadlineSeconds,
      template: { spec, metadata: { labels } }
    }
  }
}

const measure = Effect.fnUntraced(function* (rounds: number) {
  const kube = yield* KubeClient
  const run = Date.now().toString(36)
  yield* kube.patch(
    agents,
    { name: "bench-gate", namespace },
    {
      type: "apply",
      fieldManager: "foreman-bench",
      body: {
        apiVersion: "foreman.llmkube.dev/v1alpha1",
        kind: "Agent",
        metadata: { name: "bench-gate", namespace },
        spec: { role: "verifier", tools: ["run_gate_job"], requiredCapability: { roles: ["verifier"] } }
      }
    }
  )
  const whole: Array<number> = []
  const alone: Array<number> = []
  const checks: Array<number> = []
  const bare: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const name = `bench-${run}-${round}`
    const task = yield* timed(
      kube.create(agenticTasks, gateTask(name)),
      agenticTasks,
      { namespace },
      ended(name)
    )
    whole.push(task.millis)
    checks.push(checkSeconds(task.picked))

    const extra: any = task.picked.status?.result?.["extra"]
    const job = yield* kube.get(jobs, {
      name: extra.modelExtra.jobName,
      namespace: extra.modelExtra.namespace
    })
    const copy = `${name}-alone`
    const pod = yield* timed(
      kube.create(jobs, copyOf(job, copy)),
      pods,
      { namespace: job.metadata.namespace ?? "", labelSelector: `foreman-bench=${copy}` },
      ({ status }) => status?.containerStatuses?.find(({ name }) => name === "gate")?.state?.terminated
    )
    alone.push(pod.millis)
    yield* kube.delete(
      jobs,
      { name: copy, namespace: job.metadata.namespace },
      { propagationPolicy: "Background" }
    )
    yield* kube.delete(agenticTasks, { name, namespace })

    const startedAt = performance.now()
    execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "ignore"] })
    bare.push((performance.now() - startedAt) / 1000)
  }
  return { whole: p50(whole), alone: p50(alone), checks: p50(checks), bare: p50(bare) }
})

export const run = ({ isQuick, kubeconfig: given }: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const seed = join(folder, "seed")
    cpSync(join(root, "examples", "demo", "repository"), seed, { recursive: true })
    git(seed, "init", "-q", "-b", "main")
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "first")
    git(folder, "clone", "-q", "--bare", seed, join(folder, "slug.git"))
    const kubeconfig = given ?? (yield* startUp(folder, `file://${join(folder, "slug.git")}`))
    const kube = yield* HttpKubeClient.make(yield* KubeConfig.load({ kubeconfig, env: {} }))
    const { alone, bare, checks, whole } = yield* measure(isQuick ? 2 : 7).pipe(
      Effect.provideService(KubeClient, kube)
    )
    return {
      rows: [
        {
          measure: "gate task created → verdict, beside its Job's own pod",
          figures: [
            { name: "p50", value: whole / 1000, unit: "s" },
            { name: "more than the same Job alone", value: (whole - alone) / 1000, unit: "s", atMost: 0.5 }
          ],
          ceiling: `${(alone / 1000).toFixed(2)} s for the same Job alone`
        },
        {
          measure: "gate: wall time of the checks",
          figures: [
            { name: "p50", value: checks, unit: "s" },
            { name: "of the bare command", value: checks / bare, unit: "×", atMost: 1.05 }
          ],
          ceiling: `${bare.toFixed(2)} s for the bare command on this host`
        },
        ...gateCost(folder, isQuick)
      ]
    }
  }).pipe(Effect.scoped, Effect.runPromise)
