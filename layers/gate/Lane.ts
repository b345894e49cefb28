/** One check on its way: the judge's ends of a lane's FIFOs (`src/gate/exchange.ts`). */
import { randomUUID } from "node:crypto"
import { join } from "node:path"

import { Deferred, Effect, type Scope } from "effect"

import { armed, encodeRequest, exitCodeOf, laneFifos } from "../../src/gate/exchange.ts"
import { read, readLines, writer } from "./fifos.ts"
import type { GateError } from "../../src/services/GateError.ts"

export interface Lane {
  /** Hands the command over; it does not start yet. */
  readonly arm: (command: string) => Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** The exit code; `undefined` when the lane died before it could tell. Complete once all output was printed. */
  readonly ended: Effect.Effect<number | undefined>
  /** Ends the check, not the lane. */
  readonly end: Effect.Effect<void, GateError>
}

export interface LaneOptions {
  readonly exchangeDir: string
  /** The FIFOs are made already, and have their names until the lane was armed. */
  readonly name: string
  /** Has the loop start the lane's process, and returns its number. */
  readonly spawn: Effect.Effect<number, GateError>
  readonly kill: (pid: number) => Effect.Effect<void, GateError>
  readonly onOutput: (chunk: Uint8Array) => void
}

export const open = Effect.fn("Lane.open")(function* (
  options: LaneOptions
): Effect.fn.Return<Lane, GateError, Scope.Scope> {
  const names = laneFifos(options.name)
  const path = (name: string) => join(options.exchangeDir, name)
  const nonce = randomUUID()
  const isArmed = yield* Deferred.make<void>()
  const status = yield* Deferred.make<number | undefined>()

  const request = yield* writer(path(names.request))
  yield* readLines(
    path(names.status),
    (line) => {
      if (line === armed) Deferred.doneUnsafe(isArmed, Effect.void)
      const code = exitCodeOf(line, nonce)
      if (code !== undefined) Deferred.doneUnsafe(status, Effect.succeed(code))
    },
    // The lane alone holds the other end: the check was started without it.
    () => {
      Deferred.doneUnsafe(status, Effect.undefined)
      Deferred.doneUnsafe(isArmed, Effect.void)
    }
  )
  yield* read(path(names.output), { onData: options.onOutput, onEnd: () => {} })
  const pid = yield* options.spawn

  return {
    arm: (command) =>
      Effect.andThen(
        Effect.sync(() => request(encodeRequest(nonce, command))),
        Deferred.await(isArmed)
      ),
    start: Effect.sync(() => request("go\n")),
    // The output was in its pipe before the status was in its own: two turns of the event loop read it to the end.
    ended: Deferred.await(status).pipe(Effect.tap(nextTurn), Effect.tap(nextTurn)),
    end: options.kill(pid)
  }
})

const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
