/** The judge's ends of the FIFOs of the loop's first process: orders go down, answers come back in their order. */
import { join } from "node:path"

import { Deferred, Duration, Effect, type Scope, Semaphore } from "effect"

import { fifos, laneOf, lookOf, order, type Ready, readyOf } from "../../src/gate/exchange.ts"
import { makeFifos, readLines, removeFifos, writer } from "./fifos.ts"
import { type GateError, gateError } from "../../src/services/GateError.ts"

export interface FirstProcess extends Ready {
  readonly lane: (name: string) => Effect.Effect<number, GateError>
  readonly end: (pid: number) => Effect.Effect<void, GateError>
  /** Kills all that checks left behind, lanes included, where the loop is the first process of its namespace. */
  readonly sweep: Effect.Effect<void, GateError>
  /** Fails when the loop is no more. */
  readonly died: Effect.Effect<never, GateError>
  readonly look: Effect.Effect<{ readonly processes: number; readonly pages: number }, GateError>
}

/** The loop forks nothing to answer; among thousands of busy processes its turn takes a while to come. */
const patience = Duration.seconds(30)

const toolchainDied = gateError("ToolchainDied", "the toolchain container ended before its checks did")
const silent = (message: string) => gateError("ToolchainSilent", message)
const neverAnswered = silent("the toolchain container never answered; does its image have /bin/sh?")
const stoppedAnswering = silent("the toolchain container answers no more; a check may have stopped it")

export const readOnly = (folder: string) =>
  gateError(
    "FolderReadOnly",
    `${folder} cannot be written: the checks need a home, a folder for temporary files and a cache that they may write`
  )

/** Waits for the loop to say that it is there. */
export const connect = Effect.fn("FirstProcess.connect")(function* (
  exchangeDir: string,
  startPatience: Duration.Duration
): Effect.fn.Return<FirstProcess, GateError, Scope.Scope> {
  const died = yield* Deferred.make<never, GateError>()
  const ready = yield* Deferred.make<Ready>()
  const oneAtATime = yield* Semaphore.make(1)
  /** Takes the answer that is waited for, and leaves everything else: what a check writes there is noise, as it is in a status. */
  let hear: (line: string) => void = () => {}

  yield* makeFifos(exchangeDir, fifos)
  const send = yield* writer(join(exchangeDir, "orders"))
  yield* readLines(
    join(exchangeDir, "answers"),
    (line) => {
      const said = readyOf(line)
      if (said === undefined) hear(line)
      else Deferred.doneUnsafe(ready, Effect.succeed(said))
    },
    () => Deferred.doneUnsafe(died, Effect.fail(toolchainDied))
  )
  const within =
    (limit: Duration.Duration, late: GateError) =>
    <A>(wait: Effect.Effect<A, GateError>) =>
      Effect.raceFirst(wait, Deferred.await(died)).pipe(
        Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.fail(late) })
      )
  const said = yield* Deferred.await(ready).pipe(within(startPatience, neverAnswered))
  // Both ends are open. Without their names the FIFOs are out of the reach of what runs next.
  yield* removeFifos(exchangeDir, fifos)

  if (said.locked !== undefined) return yield* readOnly(said.locked)

  const tell = (text: string) => Effect.sync(() => send(text))
  // Not interruptible: an answer that nobody waits for would be taken for the next one.
  const ask = <A>(text: string, read: (line: string) => A | undefined): Effect.Effect<A, GateError> =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<A>()
      hear = (line) => {
        const said = read(line)
        if (said !== undefined) Deferred.doneUnsafe(answer, Effect.succeed(said))
      }
      yield* tell(text)
      return yield* Deferred.await(answer).pipe(within(patience, stoppedAnswering))
    }).pipe(Effect.uninterruptible, oneAtATime.withPermits(1))

  return {
    ...said,
    lane: (name) => ask(order.lane(name), laneOf),
    end: (pid) => tell(order.end(pid)),
    sweep: Effect.asVoid(ask(order.sweep, (line) => line === "swept" || undefined)),
    died: Deferred.await(died),
    look: ask(order.look, lookOf)
  }
})
