/** Looks at what checks use up while they run: the one thing of the gate that polls, since nobody tells of it. */
import { execFile } from "node:child_process"
import { statfs } from "node:fs/promises"

import { Deferred, Duration, Effect, Schedule, type Scope } from "effect"

import type { GateLimit } from "../../schema/Result.ts"
import { leastFreeBytes, type Limits, passed } from "../../src/gate/limits.ts"
import type { FirstProcess } from "./FirstProcess.ts"
import { type GateError, gateError } from "../../src/services/GateError.ts"

/** A program that takes all it can gets about a gigabyte in this time: less than the tenth that is left to it. */
const interval = Duration.millis(200)

export interface WatchOptions {
  readonly first: FirstProcess
  readonly limits: Limits
  /** What is measured: all that checks may write to, caches aside. */
  readonly folder: string
}

/** Limits of all that runs together, not of one check. */
export const isShared = (limit: GateLimit): boolean => limit !== "time" && limit !== "output"

export const make = Effect.fnUntraced(function* ({ first, folder, limits }: WatchOptions) {
  const pageBytes = yield* pageSize

  const usage = first.isFirst
    ? Effect.map(first.look, ({ pages, processes }) =>
        passed({ processes, memoryBytes: pages * pageBytes }, limits)
      )
    : Effect.undefined
  const diskFrom = (freeAtStart: number) => {
    let most = freeAtStart
    return Effect.gen(function* () {
      const free = yield* freeBytes(folder)
      if (free < leastFreeBytes) return "disk" as const
      // Who first clears away what an earlier check left may not fill its place twice.
      most = Math.max(most, free)
      // Others write to the volume, too: what the check itself holds is asked only when it may be too much.
      return most - free > limits.diskBytes && (yield* sizeOf(folder)) > limits.diskBytes
        ? ("disk" as const)
        : undefined
    })
  }

  /** Watches until the scope ends; the effect inside waits for a limit to be passed. */
  const start: Effect.Effect<Effect.Effect<GateLimit, GateError>, GateError, Scope.Scope> = Effect.gen(
    function* () {
      const freeAtStart = yield* freeBytes(folder)
      if (freeAtStart < leastFreeBytes) {
        return yield* gateError("DiskFull", "the volume of the checkout is full")
      }
      const limit = yield* Deferred.make<GateLimit, GateError>()
      const disk = diskFrom(freeAtStart)
      yield* Effect.sleep(interval).pipe(
        Effect.andThen(Effect.flatMap(usage, (found) => (found ? Effect.succeed(found) : disk))),
        Effect.repeat({ schedule: Schedule.forever, until: (found) => found !== undefined }),
        Effect.flatMap((found) => (found === undefined ? Effect.never : Effect.succeed(found))),
        Effect.exit,
        Effect.flatMap((exit) => Deferred.done(limit, exit)),
        Effect.forkScoped
      )
      return Deferred.await(limit)
    }
  )
  return { start }
})

const freeBytes = (folder: string): Effect.Effect<number> =>
  Effect.promise(() => statfs(folder)).pipe(Effect.map(({ bavail, bsize }) => bavail * bsize))

/** What a command prints; undefined when it cannot be run, or takes a minute. */
const printed = (program: string, args: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const child = execFile(program, [...args], { timeout: 60_000 }, (_, stdout) =>
      resume(Effect.succeed(stdout))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Bytes of the folder on its own volume. */
const sizeOf = (folder: string): Effect.Effect<number> =>
  Effect.map(printed("du", ["-skx", folder]), (text) => (Number.parseInt(text, 10) || 0) * 1024)

const pageSize: Effect.Effect<number> = Effect.map(
  printed("getconf", ["PAGESIZE"]),
  (text) => Number.parseInt(text, 10) || 4_096
)
