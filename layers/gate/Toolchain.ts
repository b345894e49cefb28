/**
 * The judge's end of the exchange (`src/gate/exchange.ts`): commands go to the loop in `toolchain`, output and status come back. Commands
 * that are asked for at the same time run side by side; the next ones start once all of these have ended and nothing of theirs is alive.
 */
import { statfs } from "node:fs/promises"
import { dirname } from "node:path"

import { Clock, Deferred, type Duration, Effect, Layer, Queue, Schedule, type Scope } from "effect"

import type { GateLimit } from "../../schema/Result.ts"
import { laneFifos, maxCommandBytes } from "../../src/gate/exchange.ts"
import {
  defaultLimits,
  leastFreeBytes,
  type Limits,
  memoryBelow,
  processesWithin
} from "../../src/gate/limits.ts"
import * as FirstProcess from "./FirstProcess.ts"
import { makeFifos, removeFifos } from "./fifos.ts"
import { type GateError, gateError } from "../../src/services/GateError.ts"
import { type CommandResult, GateToolchain, type RunOptions } from "../../src/services/GateToolchain.ts"
import * as Lane from "./Lane.ts"
import * as Output from "./Output.ts"
import * as watch from "./watch.ts"

export interface ToolchainOptions {
  readonly exchangeDir: string
  readonly workDir: string
  /** Its size and its volume are watched. */
  readonly volumeDir: string
  readonly print: (output: Uint8Array) => void
  /** How long the loop may take to answer first. */
  readonly patience: Duration.Duration
  readonly limits?: Limits | undefined
}

const killed = 137
/** Checks at a time. */
const maxBatch = 8

/** A command that was asked for. */
interface Asked {
  readonly command: string
  readonly options: RunOptions
  readonly result: Deferred.Deferred<CommandResult, GateError>
  /** Nobody waits for it any more. */
  readonly isGivenUp: Deferred.Deferred<void>
}

export const layer = (options: ToolchainOptions): Layer.Layer<GateToolchain, GateError> =>
  Layer.effect(GateToolchain, open(options))

const open = Effect.fn("Toolchain.open")(function* (
  options: ToolchainOptions
): Effect.fn.Return<GateToolchain["Service"], GateError, Scope.Scope> {
  const { exchangeDir } = options
  const first = yield* FirstProcess.connect(exchangeDir, options.patience)
  const given = options.limits ?? defaultLimits
  const limits: Limits = {
    ...(first.memoryBytes !== undefined && { memoryBytes: memoryBelow(first.memoryBytes) }),
    ...given,
    processes: Math.min(given.processes, processesWithin(first.memoryBytes ?? Infinity))
  }
  const watched = yield* watch.make({ first, limits, folder: options.volumeDir })
  const collect = Output.make(options.print)
  const asked = yield* Queue.unbounded<Asked>()
  let lanes = 0

  /** Lanes are made while nothing of the candidate is alive, and armed before any of it is. */
  const armed = Effect.fnUntraced(function* (batch: ReadonlyArray<Asked>) {
    const names = batch.map(() => `lane-${++lanes}`)
    const files = names.flatMap((name) => Object.values(laneFifos(name)))
    yield* makeFifos(exchangeDir, files)
    const together = yield* Effect.forEach(batch, (one, index) =>
      Effect.gen(function* () {
        const output = yield* collect(limits, one.options.echo !== false, one.options.keepBytes)
        const name = names[index] ?? ""
        const spawn = first.lane(name)
        const lane = yield* Lane.open({ exchangeDir, name, spawn, kill: first.end, onOutput: output.take })
        yield* lane.arm(one.command)
        return { ...one, lane, output }
      })
    )
    yield* removeFifos(exchangeDir, files)
    return together
  })
  type Armed = Effect.Success<ReturnType<typeof armed>>[number]

  const runOne = Effect.fnUntraced(function* (one: Armed, passed: Effect.Effect<GateLimit, GateError>) {
    const { lane, output } = one
    const { timeout } = one.options
    const startedAt = yield* Clock.monotonicTimeNanos
    yield* lane.start
    const [exitCode, limit] = yield* Effect.raceAllFirst([
      lane.ended.pipe(Effect.map((code) => [code ?? killed, undefined] as const)),
      Effect.map(passed, (limit) => [killed, limit] as const),
      first.died,
      Effect.as(output.isTooMuch, [killed, "output"] as const),
      Effect.as(Deferred.await(one.isGivenUp), [killed, undefined] as const),
      ...(timeout === undefined ? [] : [Effect.as(Effect.sleep(timeout), [killed, "time"] as const)])
    ])
    const seconds = Number((yield* Clock.monotonicTimeNanos) - startedAt) / 1e9
    yield* lane.end
    return { exitCode, seconds, limit, logTail: output.tail() } satisfies CommandResult
  })

  const runBatch = (batch: ReadonlyArray<Asked>) =>
    Effect.gen(function* () {
      const together = yield* armed(batch)
      const passed = yield* watched.start
      const runs = yield* Effect.forEach(together, (one) => runOne(one, passed), {
        concurrency: "unbounded"
      })
      yield* first.sweep
      return runs
    }).pipe(Effect.scoped)

  const answer = Effect.fnUntraced(function* (batch: ReadonlyArray<Asked>) {
    const runs = yield* runBatch(batch)
    for (const [index, one] of batch.entries()) {
      const run = runs[index]
      if (run === undefined) continue
      // Who of several passed a limit that they share is not known: each is run again by itself.
      const again = batch.length > 1 && run.limit !== undefined && watch.isShared(run.limit)
      const [alone] = again ? yield* runBatch([one]) : [run]
      if (alone !== undefined) yield* Deferred.succeed(one.result, alone)
    }
  })

  yield* Queue.take(asked).pipe(
    // What is asked for in the same breath belongs together.
    Effect.tap(Effect.yieldNow),
    Effect.tap(Effect.yieldNow),
    Effect.flatMap((one) => Effect.map(takeMore(asked), (more) => [one, ...more])),
    Effect.flatMap((batch) =>
      answer(batch).pipe(
        Effect.catchCause((cause) =>
          Effect.forEach(batch, ({ result }) => Deferred.failCause(result, cause), { discard: true })
        )
      )
    ),
    Effect.repeat(Schedule.forever),
    Effect.forkScoped
  )

  return {
    isApart: first.isFirst,
    requireRoom: requireRoom(options.workDir),
    run: Effect.fnUntraced(function* (command, runOptions = {}) {
      const bytes = Buffer.byteLength(command)
      if (bytes > maxCommandBytes || command.includes("\0")) {
        return yield* gateError(
          "ConfigInvalid",
          `a command of ${bytes} bytes cannot be handed to the toolchain`
        )
      }
      const one: Asked = {
        command,
        options: runOptions,
        result: yield* Deferred.make<CommandResult, GateError>(),
        isGivenUp: yield* Deferred.make<void>()
      }
      yield* Queue.offer(asked, one)
      return yield* Deferred.await(one.result).pipe(
        Effect.onInterrupt(() => Deferred.succeed(one.isGivenUp, undefined))
      )
    })
  }
})

/** Those that wait already, as many as may run beside the first. */
const takeMore = Effect.fnUntraced(function* (asked: Queue.Queue<Asked>) {
  const more: Array<Asked> = []
  while (more.length < maxBatch - 1 && (yield* Queue.size(asked)) > 0) more.push(yield* Queue.take(asked))
  return more
})

/** The folder itself may be gone: the check had it in its hands. */
const requireRoom = (workDir: string): Effect.Effect<void, GateError> =>
  Effect.promise(() => statfs(dirname(workDir))).pipe(
    Effect.flatMap(({ bavail, bsize }) =>
      bavail * bsize >= leastFreeBytes
        ? Effect.void
        : Effect.fail(gateError("DiskFull", "the volume of the checkout is full"))
    )
  )
