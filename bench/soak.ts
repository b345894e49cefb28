/**
 * Mixed load for half an hour while daemons join, leave, are killed and frozen, the operator is killed and the API server restarted: no
 * task lost, none ended twice, memory and file descriptors flat.
 *
 * On a cluster of `--kubeconfig` the API server dies and comes back by the two commands that `npm run test:cluster` takes, too:
 * `$FOREMAN_CLUSTER_SIGNAL apiserver KILL` and `$FOREMAN_CLUSTER_START apiserver`. Without them it stays up, and the report says so.
 */
import { Effect, References, Schedule } from "effect"

import { agents } from "../schema/Agent.ts"
import { workloads } from "../schema/Workload.ts"
import type { KubeError } from "../src/services/KubeClient.ts"
import * as Cluster from "./cluster.ts"
import { cycleSeconds, faults, openCluster } from "./faults.ts"
import * as Finishes from "./finishes.ts"
import { percentile } from "./load.ts"
import type { Figure, Measured, Options } from "./report.ts"
import { type Sample, keep } from "./supervised.ts"
import { seenTasks } from "./watch.ts"

const { namespace } = Cluster

/** What each daemon's tasks take. Two run at once on each, so that all together end five a second. */
const lengths = ["1s", "2s", "3s", "4s", "5s", "6s"]

/** Made in a second; every tenth is a Workload of three steps. Half of what the daemons can do: faults make a queue that then goes. */
const madePerSecond = 2

/** An end is watched for this long before its task is deleted: longer than a daemon that held it can be frozen. */
const keptMillis = 120_000

export const run = ({ kubeconfig, minutes }: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const { cluster, crash } = yield* openCluster(kubeconfig)
    const { kube } = cluster
    const seconds = minutes * 60
    const startedAt = performance.now()
    const elapsed = () => (performance.now() - startedAt) / 1000
    const say = (what: string) => Effect.sync(() => console.error(`  ${Math.round(elapsed())} s: ${what}`))
    /** While the API server is away nothing is made and nothing deleted; that is no news. */
    const orSay = (effect: Effect.Effect<unknown, KubeError>) =>
      effect.pipe(
        Effect.catch((error) => (error.isTransient ? Effect.void : say(error.message))),
        Effect.asVoid
      )

    yield* kube
      .create(agents, {
        metadata: { name: "bench", namespace },
        spec: { role: "verifier", tools: ["run_gate_job"] }
      })
      .pipe(Effect.catchReason("KubeError", "AlreadyExists", () => Effect.void))
    const operator = yield* keep("operator", Cluster.startOperator(cluster))
    const daemons = yield* Effect.forEach(lengths, (stubSleep, index) => {
      const name = `bench-daemon-${index}`
      return keep(name, Cluster.startDaemon(cluster, name, { stubSleep, slots: 2 }))
    })
    const finishes = yield* Finishes.make(kube)

    const made = new Set<string>()
    let number = 0
    const make = Effect.suspend(() => {
      const name = `soak-${number++}`
      const spec = { kind: "freeform", payload: { prompt: "nothing" }, priority: number % 5 }
      const task = kube.create(seenTasks, { metadata: { name, namespace }, spec })
      const step = (step: string, dependsOn: ReadonlyArray<string>) => ({
        name: step,
        kind: "freeform",
        agentRef: { name: "bench" },
        payload: { prompt: "nothing" },
        dependsOn
      })
      const workload = kube.create(workloads, {
        metadata: { name, namespace },
        spec: { intent: "soak", pipeline: [step("a", []), step("b", ["a"]), step("c", ["b"])] }
      })
      return orSay(
        number % 10 === 0
          ? workload
          : Effect.tap(task, ({ metadata }) => Effect.sync(() => made.add(metadata.uid ?? name)))
      )
    }).pipe(Effect.forkScoped, Effect.repeat(Schedule.spaced(1000 / madePerSecond)))

    /** Deleted before, while the watch was cut. */
    const gone = (effect: Effect.Effect<void, KubeError>) =>
      orSay(Effect.catchReason(effect, "KubeError", "NotFound", () => Effect.void))

    const clean = Effect.gen(function* () {
      const before = Date.now() - keptMillis
      for (const task of finishes.tasks.values()) {
        const end = finishes.ends.get(task.metadata.uid ?? "")
        const isOld = end !== undefined && end.atMillis < before
        const owner = task.metadata.ownerReferences?.[0]
        if (isOld && owner === undefined) {
          yield* gone(kube.delete(seenTasks, { name: task.metadata.name, namespace }))
        }
        // The steps go with their Workload.
        const isLast = task.metadata.name.endsWith("-c")
        if (isOld && isLast && owner !== undefined) {
          yield* gone(kube.delete(workloads, { name: owner.name, namespace }))
        }
      }
    }).pipe(Effect.repeat(Schedule.spaced("5 seconds")))

    const chaos = Effect.gen(function* () {
      for (let cycle = 0; ; cycle++) {
        for (const [at, what, act] of faults(cycle, operator, daemons, crash)) {
          const due = cycle * cycleSeconds + at
          // Nothing begins that would reach into the end.
          if (due > seconds - 60) return yield* Effect.never
          yield* Effect.sleep(Math.max(0, due - elapsed()) * 1000)
          yield* say(what)
          yield* Effect.forkScoped(act)
        }
      }
    })

    const samples = new Map<string, Array<Sample & { readonly at: number }>>()
    const take = Effect.sync(() => {
      for (const program of [operator, ...daemons]) {
        const sample = program.sample()
        const known = samples.get(program.name) ?? []
        if (sample !== undefined) samples.set(program.name, [...known, { ...sample, at: elapsed() }])
      }
    }).pipe(Effect.repeat(Schedule.fixed("5 seconds")))

    const report = Effect.suspend(() =>
      say(
        `${finishes.seen.size} tasks seen, ${finishes.ends.size} ended, ${finishes.open().length} open, ${finishes.retaken()} taken back, ${finishes.twice.length} ended twice, ${finishes.lost.length} lost`
      )
    ).pipe(Effect.repeat(Schedule.fixed("60 seconds")))

    yield* Effect.raceAllFirst([make, clean, chaos, take, report]).pipe(Effect.timeoutOption(seconds * 1000))
    yield* Effect.void.pipe(
      Effect.repeat({ until: () => finishes.open().length === 0, schedule: Schedule.spaced("500 millis") }),
      Effect.timeoutOption("3 minutes")
    )

    const unended = finishes.open().length
    const unseen = [...made].filter((uid) => !finishes.seen.has(uid)).length
    for (const line of [...finishes.twice, ...finishes.lost.map((key) => `${key}: gone without an end`)])
      yield* say(line)
    const failed = [...finishes.ends.values()].filter(({ phase }) => phase === "Failed").length

    const everyone = [operator, ...daemons].map(({ name }) => name)
    /** The last third beside the middle one: the programs' medians, together. */
    const flat = (name: string, programs: ReadonlyArray<string>, of: (sample: Sample) => number): Figure => {
      const third = (from: number) =>
        programs.reduce((sum, program) => {
          const within = (samples.get(program) ?? []).filter(
            ({ at }) => at >= from && at < from + seconds / 3
          )
          return sum + percentile(within.map(of), 0.5)
        }, 0)
      const value = third((2 * seconds) / 3) / third(seconds / 3)
      // In less than this, programs have no age at which they could be compared.
      return { name, value, unit: "×", ...(minutes < 20 ? {} : { atMost: 1.05 }) }
    }
    return {
      rows: [
        {
          measure: `soak of ${minutes} minutes: no task lost, none finished twice`,
          figures: [
            { name: "ended", value: finishes.ends.size, unit: "tasks" },
            { name: "lost", value: finishes.lost.length + unended + unseen, unit: "", atMost: 0 },
            { name: "finished twice", value: finishes.twice.length, unit: "", atMost: 0 },
            { name: "taken back from silent nodes", value: finishes.retaken(), unit: "" },
            { name: "Failed", value: failed, unit: "" }
          ],
          ceiling: "none known",
          note:
            crash === undefined
              ? "The API server was not restarted: nobody said how."
              : "API server, operator and daemons died and came back."
        },
        {
          measure: `soak of ${minutes} minutes: memory and file descriptors, the last third beside the middle one`,
          figures: [
            flat("operator memory", ["operator"], ({ rssMegabytes }) => rssMegabytes),
            flat("all programs' memory", everyone, ({ rssMegabytes }) => rssMegabytes),
            flat("all programs' file descriptors", everyone, ({ fileDescriptors }) => fileDescriptors)
          ],
          ceiling: "1 ×"
        }
      ],
      series: everyone.map((name) => ({
        name: `memory of ${name}`,
        points: (samples.get(name) ?? []).map(({ at, rssMegabytes }) => [at, rssMegabytes] as const)
      }))
    }
  }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "Error"), Effect.runPromise)
