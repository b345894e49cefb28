/** A Foreman program as a process under measurement: the bundle that people run, with `counters.ts` loaded before it. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { join, resolve } from "node:path"

import { Effect, type Scope } from "effect"

import type { Counters } from "./counters.ts"

const bench = import.meta.dirname
export const bundle = resolve(bench, "..", "dist", "foreman.mjs")
/** Simulated nodes: not part of the bundle. */
export const fleet = join(bench, "fleet.ts")

export interface Program {
  readonly name: string
  readonly child: ChildProcess
  readonly counters: Effect.Effect<Counters>
}

export interface Options {
  readonly name: string
  /** The script and its arguments. */
  readonly command: ReadonlyArray<string>
  /** Text of its output after which it works; at once when absent. */
  readonly readyAt?: string
  /** Milliseconds that it may take to get there. */
  readonly readyWithinMillis?: number
}

/** What a program that did not do as it should said last. */
const tailLength = 4_000

/** `FOREMAN_BENCH_PROFILE=DIR`: every program leaves a CPU profile there when it ends. */
const profile = (): ReadonlyArray<string> => {
  const folder = process.env["FOREMAN_BENCH_PROFILE"]
  return folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${resolve(folder)}`]
}

/** A thousand daemons in one process: it must not pay for the garbage of all with the room of one. */
const fleetFlags = ["--max-semi-space-size=64"]

/** As the bundle's first line has them. */
const bundleFlags = (): ReadonlyArray<string> => {
  const [, flags = ""] = /^#!\S+ -S node (.*)$/mu.exec(readFileSync(bundle, "utf8").slice(0, 200)) ?? []
  return flags.split(" ").filter((flag) => flag !== "")
}

const flagsOf = (script: string | undefined): ReadonlyArray<string> =>
  script === fleet ? fleetFlags : script === bundle ? bundleFlags() : []

/** `counters.ts` as plain JavaScript: a program that must read TypeScript first has 20 MB more, which nobody who runs it has. */
const counters = `data:text/javascript,${encodeURIComponent(
  stripTypeScriptTypes(readFileSync(join(bench, "counters.ts"), "utf8"))
)}`

const spawnProgram = (command: ReadonlyArray<string>): ChildProcess =>
  spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      ...flagsOf(command[0]),
      ...profile(),
      "--import",
      counters,
      ...command
    ],
    { stdio: ["ignore", "pipe", "pipe", "ipc"], env: { ...process.env, NO_COLOR: "1" } }
  )

/** Ends with SIGTERM, as a kubelet would; what does not end within 30 s is killed. */
export const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    const late = setTimeout(() => child.kill("SIGKILL"), 30_000)
    child.once("exit", () => {
      clearTimeout(late)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
    // It may have been frozen.
    child.kill("SIGCONT")
  })

const askCounters = (child: ChildProcess): Effect.Effect<Counters> =>
  Effect.callback<Counters>((resume) => {
    const hear = (message: unknown): void => {
      if (typeof message !== "object" || message === null || !("counters" in message)) return
      child.off("message", hear)
      resume(Effect.succeed(message.counters as Counters))
    }
    child.on("message", hear)
    child.send("counters")
  })

/** Starts it and returns once it works; it is stopped when the scope closes. */
export const start = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Program, never, Scope.Scope> {
  if (options.command[0] === bundle && !existsSync(bundle)) {
    return yield* Effect.die(new Error("dist/foreman.mjs is not there: npm run build first"))
  }
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawnProgram(options.command)),
    stop
  )
  yield* ready(child, options)
  return { name: options.name, child, counters: askCounters(child) }
})

const ready = (child: ChildProcess, { name, readyAt, readyWithinMillis = 60_000 }: Options) =>
  Effect.callback<void>((resume) => {
    let tail = ""
    let isReady = readyAt === undefined
    if (isReady) resume(Effect.void)
    const end = (why: string): void => {
      if (isReady) return
      isReady = true
      resume(Effect.die(new Error(`${name} ${why}:\n${tail}`)))
    }
    const hear = (piece: string): void => {
      // Once it works nobody reads its log any more: a line for each task would cost the bench more than the task.
      if (isReady) return
      tail = (tail + piece).slice(-tailLength)
      if (readyAt === undefined || !tail.includes(readyAt)) return
      isReady = true
      resume(Effect.void)
    }
    child.stdout?.setEncoding("utf8").on("data", hear)
    child.stderr?.setEncoding("utf8").on("data", hear)
    child.once("exit", (code, signal) => end(`ended with ${code ?? signal}`))
    const late = setTimeout(() => end(`was not ready within ${readyWithinMillis} ms`), readyWithinMillis)
    late.unref()
  })

/** What a program used between two readings. */
export const between = (before: Counters, after: Counters): Counters => ({
  requests: Object.fromEntries(
    Object.entries(after.requests)
      .map(([name, count]) => [name, count - (before.requests[name] ?? 0)] as const)
      .filter(([, count]) => count > 0)
  ),
  bytes: after.bytes - before.bytes,
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  rssMegabytes: after.rssMegabytes,
  peakMegabytes: after.peakMegabytes
})

/** All that several programs used together. */
export const total = (counters: ReadonlyArray<Counters>): Counters => {
  const requests: Record<string, number> = {}
  for (const one of counters) {
    for (const [name, count] of Object.entries(one.requests)) requests[name] = (requests[name] ?? 0) + count
  }
  const sum = (of: (one: Counters) => number) => counters.reduce((all, one) => all + of(one), 0)
  return {
    requests,
    bytes: sum(({ bytes }) => bytes),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    rssMegabytes: sum(({ rssMegabytes }) => rssMegabytes),
    peakMegabytes: sum(({ peakMegabytes }) => peakMegabytes)
  }
}
