/**
 * Mixed load for half an hour while daemons join, leave, are killed and frozen, the operator is killed and the API server restarted: no
 * task lost, none ended twice, memory and file descriptors flat.
 *
 * On a cluster of `--kubeconfig` the API server dies and comes back by two commands of the environment: FOREMAN_CLUSTER_SIGNAL and
 * FOREMAN_CLUSTER_START. Without them it stays up, and the report says so.
 */
import { exec } from "node:child_process"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { promisify } from "node:util"

import { Effect, Schedule } from "effect"

import { agents } from "../schema/Agent.ts"
import { workloads } from "../schema/Workload.ts"
import * as Cluster from "./cluster.ts"
import * as Finishes from "./finishes.ts"
import { percentile } from "./load.ts"
import type { Figure, Measured, Options } from "./report.ts"
import { type Sample, type Supervised, keep } from "./supervised.ts"
import { seenTasks } from "./watch.ts"

const { namespace } = Cluster

/** What each daemon's tasks take. Two run at once on each. */
const lengths = ["0s", "200ms", "500ms", "1s", "2s", "4s"]

/** Once in it everything has happened; a third of half an hour is three of them. */
const cycleSeconds = 200

/** Tasks a second, and a Workload of three steps for every tenth. */
const tasksPerSecond = 2

/** An end is watched for this long before its task is deleted: longer than a daemon that held it can be frozen. */
const keptMillis = 120_000

type Act = readonly [atSecond: number, what: string, act: Effect.Effect<void>]

const shell = (command: string): Effect.Effect<void> =>
  Effect.promise(() => promisify(exec)(command).then(() => undefined))

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** The cluster, and how its API server is crashed and brought back; without the latter when nobody said how. */
const openCluster = Effect.fnUntraced(function* (kubeconfig: string | undefined) {
  const folder = yield* Cluster.temporaryFolder
  if (kubeconfig !== undefined) {
    const cluster = yield* Cluster.openGiven(folder, kubeconfig)
    const down = process.env["FOREMAN_CLUSTER_SIGNAL"]
    const up = process.env["FOREMAN_CLUSTER_START"]
    const isCommanded = down !== undefined && up !== undefined
    const crash = isCommanded ? Effect.andThen(shell(down), Effect.delay(shell(up), "2 seconds")) : undefined
    return { cluster, crash }
  }
  const port = yield* freePort
  const up = yield* keep("foreman up", Cluster.startEmbedded(folder, port))
  const { cluster } = yield* Cluster.connect(folder)
  return { cluster, crash: Effect.sync(() => up.signal("SIGKILL")) }
})

/** Every fault once, each at its second of the cycle. The operator dies in every third cycle only, so that its memory has time to grow. */
const faults = (
  cycle: number,
  operator: Supervised,
  daemons: ReadonlyArray<Supervised>,
  crash: Effect.Effect<void> | undefined
): ReadonlyArray<Act> => {
  const victim = (offset: number): Supervised => {
    // The first is never touched: its memory is that of one long life.
    const found = daemons[1 + ((cycle + offset) % (daemons.length - 1))]
    if (found === undefined) throw new Error("a soak needs two daemons")
    return found
  }
  const freeze = (daemon: Supervised, seconds: number) =>
    Effect.sync(() => daemon.signal("SIGSTOP")).pipe(
      Effect.andThen(Effect.sleep(seconds * 1000)),
      Effect.andThen(Effect.sync(() => daemon.signal("SIGCONT")))
    )
  const leave = (daemon: Supervised, signal: NodeJS.Signals, seconds: number) =>
    Effect.sync(() => {
      daemon.stayDown(seconds * 1000)
      daemon.signal(signal)
    })
  return [
    [10, "a daemon is killed, and back in a second", leave(victim(0), "SIGKILL", 1)],
    [25, "a daemon is frozen for 5 s", freeze(victim(1), 5)],
    ...(crash === undefined ? [] : [[45, "the API server crashes", crash] as const]),
    [75, "a daemon leaves, and joins again after 20 s", leave(victim(2), "SIGTERM", 20)],
    ...(cycle % 3 === 1
      ? [[100, "the operator is killed", Effect.sync(() => operator.signal("SIGKILL"))] as const]
      : []),
    [110, "a daemon is frozen for 60 s, longer than its Lease", freeze(victim(3), 60)],
    [120, "a daemon is killed, and stays away for 55 s", leave(victim(4), "SIGKILL", 55)]
  ]
}

export const run = ({ kubeconfig, minutes }: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const { cluster, crash } = yield* openCluster(kubeconfig)
    const { kube } = cluster
    const seconds = minutes * 60
    const startedAt = performance.now()
    const elapsed = () => (performance.now() - startedAt) / 1000
    const say = (what: string) => Effect.sync(() => console.error(`  ${Math.round(elapsed())} s: ${what}`))
    const orSay = <E extends { readonly message: string }>(effect: Effect.Effect<unknown, E>) =>
      effect.pipe(
        Effect.catch((error) => say(error.message)),
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
    }).pipe(Effect.forkScoped, Effect.repeat(Schedule.fixed(1000 / tasksPerSecond)))

    const clean = Effect.gen(function* () {
      const before = Date.now() - keptMillis
      for (const task of finishes.tasks.values()) {
        const end = finishes.ends.get(task.metadata.uid ?? "")
        const isOld = end !== undefined && end.atMillis < before
        const owner = task.metadata.ownerReferences?.[0]
        if (isOld && owner === undefined)
          yield* orSay(kube.delete(seenTasks, { name: task.metadata.name, namespace }))
        // The steps go with their Workload.
        const isLast = task.metadata.name.endsWith("-c")
        if (isOld && isLast && owner !== undefined)
          yield* orSay(kube.delete(workloads, { name: owner.name, namespace }))
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
    yield* Effect.sync(() => undefined).pipe(
      Effect.repeat({ until: () => finishes.open().length === 0, schedule: Schedule.spaced("500 millis") }),
      Effect.timeoutOption("3 minutes")
    )

    const unended = finishes.open().length
    const unseen = [...made].filter((uid) => !finishes.seen.has(uid)).length
    for (const line of [...finishes.twice, ...finishes.lost.map((key) => `${key}: gone without an end`)])
      yield* say(line)
    const failed = [...finishes.ends.values()].filter(({ phase }) => phase === "Failed").length

    /** The last third beside the middle one; the programs' medians, together. */
    const flat = (of: (sample: Sample) => number, names: ReadonlyArray<string>): number => {
      const third = (from: number) =>
        names.reduce((sum, name) => {
          const values = (samples.get(name) ?? [])
            .filter(({ at }) => at >= from && at < from + seconds / 3)
            .map(of)
          return sum + percentile(values, 0.5)
        }, 0)
      return third((2 * seconds) / 3) / third(seconds / 3)
    }
    const everyone = [operator, ...daemons].map(({ name }) => name)
    const ratio = (name: string, value: number): Figure => ({ name, value, unit: "×", atMost: 1.05 })
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
            ratio(
              "operator memory",
              flat(({ rssMegabytes }) => rssMegabytes, ["operator"])
            ),
            ratio(
              "all programs' memory",
              flat(({ rssMegabytes }) => rssMegabytes, everyone)
            ),
            ratio(
              "all programs' file descriptors",
              flat(({ fileDescriptors }) => fileDescriptors, everyone)
            )
          ],
          ceiling: "1 ×"
        }
      ],
      series: everyone.map((name) => ({
        name: `memory of ${name}`,
        points: (samples.get(name) ?? []).map(({ at, rssMegabytes }) => [at, rssMegabytes] as const)
      }))
    }
  }).pipe(Effect.scoped, Effect.runPromise)
