/** The judge's end of the exchange (`src/gate/exchange.ts`): commands go to the loop in `toolchain`, output and status come back. */
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"

import { Clock, Deferred, type Duration, Effect, type Scope, Semaphore } from "effect"

import type { GateLimit } from "../../schema/Result.ts"
import { encodeRequest, exitCodeOf, fifos, maxCommandBytes, ready } from "../../src/gate/exchange.ts"
import { GateStopped } from "./GateStopped.ts"
import { tail } from "./tail.ts"

export interface RunOptions {
  /** Wall time; no limit of its own when absent. */
  readonly timeout?: Duration.Duration | undefined
  /** Whether the log shows the output; it does when absent. */
  readonly echo?: boolean | undefined
}

/** How one command ended. */
export interface Run {
  readonly exitCode: number
  /** By a clock that nobody sets. */
  readonly seconds: number
  /** The limit that ended it; absent when it ended by itself. */
  readonly limit?: GateLimit | undefined
  /** The last 32 KiB of what it printed, whole characters. */
  readonly logTail: string
}

export interface Toolchain {
  /** Runs one command, beside those that are running. Fails with the loop, not with the command. */
  readonly run: (command: string, options?: RunOptions) => Effect.Effect<Run, GateStopped>
}

export interface ToolchainOptions {
  readonly exchangeDir: string
  readonly print: (output: Uint8Array) => void
  /** How long the loop may take to answer first. */
  readonly patience: Duration.Input
}

const logTailBytes = 32 * 1024
/** A line of `status` is a nonce and a number; what is longer is noise. */
const maxLineLength = 256

export const open = Effect.fn("Toolchain.open")(function* (
  options: ToolchainOptions
): Effect.fn.Return<Toolchain, GateStopped, Scope.Scope> {
  const path = (name: (typeof fifos)[number]) => join(options.exchangeDir, name)
  yield* makeFifos(options.exchangeDir)

  // Opened for both directions where we only write: the open never waits for the loop.
  const request = yield* acquireFd(() => openSync(path("request"), constants.O_RDWR | constants.O_NONBLOCK))
  const status = yield* acquireSocket(path("status"))
  const output = yield* acquireSocket(path("output"))

  const died = yield* Deferred.make<never, GateStopped>()
  const isReady = yield* Deferred.make<void>()
  let answer: { readonly nonce: string; readonly deferred: Deferred.Deferred<number> } | undefined
  let rest = ""
  let onOutput = options.print
  const oneAtATime = yield* Semaphore.make(1)
  const toolchainDied = new GateStopped({
    fault: "ToolchainDied",
    message: "the toolchain container ended before its checks did"
  })

  const receive = (line: string): void => {
    if (line === ready) Deferred.doneUnsafe(isReady, Effect.void)
    const code = answer === undefined ? undefined : exitCodeOf(line, answer.nonce)
    if (answer !== undefined && code !== undefined) {
      Deferred.doneUnsafe(answer.deferred, Effect.succeed(code))
    }
  }
  output.on("data", (chunk: Uint8Array) => onOutput(chunk))
  status.on("data", (chunk: Uint8Array) => {
    const lines = (rest + Buffer.from(chunk).toString("latin1")).split("\n")
    rest = (lines.pop() ?? "").slice(0, maxLineLength)
    lines.forEach(receive)
  })
  // The loop alone holds the other end: the check was started without it.
  for (const event of ["end", "error"] as const) {
    status.on(event, () => Deferred.doneUnsafe(died, Effect.fail(toolchainDied)))
  }
  output.on("error", () => Deferred.doneUnsafe(died, Effect.fail(toolchainDied)))

  yield* Deferred.await(isReady).pipe(
    Effect.raceFirst(Deferred.await(died)),
    Effect.timeoutOrElse({
      duration: options.patience,
      orElse: () =>
        Effect.fail(
          new GateStopped({
            fault: "ToolchainSilent",
            message: "the toolchain container never answered; does its image have /bin/sh?"
          })
        )
    })
  )

  // Both ends are open. Without their names the FIFOs are out of the reach of what runs next: nobody adds a request or a status.
  yield* Effect.sync(() => fifos.forEach((name) => unlinkSync(path(name))))

  const runNow = Effect.fnUntraced(function* (
    command: string,
    { echo = true }: RunOptions
  ): Effect.fn.Return<Run, GateStopped> {
    if (Buffer.byteLength(command) > maxCommandBytes || command.includes("\0")) {
      return yield* new GateStopped({
        fault: "ConfigInvalid",
        message: `a command of ${Buffer.byteLength(command)} bytes cannot be handed to the toolchain`
      })
    }
    const nonce = randomUUID()
    const deferred = yield* Deferred.make<number>()
    const log = tail(logTailBytes)
    answer = { nonce, deferred }
    onOutput = (chunk) => {
      log.append(chunk)
      if (echo) options.print(chunk)
    }
    const startedAt = yield* Clock.monotonicTimeNanos
    yield* Effect.sync(() => writeSync(request, encodeRequest(nonce, command)))
    const exitCode = yield* Effect.raceFirst(Deferred.await(deferred), Deferred.await(died))
    // The output was in its pipe before the status was in its own: two turns of the event loop read it to the end.
    yield* nextTurn
    yield* nextTurn
    const seconds = Number((yield* Clock.monotonicTimeNanos) - startedAt) / 1e9
    return { exitCode, seconds, logTail: log.text() }
  })

  return { run: (command, options = {}) => oneAtATime.withPermits(1)(runNow(command, options)) }
})

const makeFifos = (exchangeDir: string): Effect.Effect<void, GateStopped> =>
  Effect.callback((resume, signal) => {
    execFile("mkfifo", ["-m", "600", ...fifos], { cwd: exchangeDir, signal }, (error, _, stderr) => {
      resume(
        error === null
          ? Effect.void
          : Effect.fail(
              new GateStopped({ fault: "JudgeFailed", message: `mkfifo: ${stderr.trim() || error.message}` })
            )
      )
    })
  })

const acquireFd = (open: () => number) =>
  Effect.acquireRelease(Effect.sync(open), (fd) => Effect.sync(() => closeSync(fd)))

const acquireSocket = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(
      () =>
        new Socket({
          fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
          readable: true,
          writable: false
        })
    ),
    (socket) => Effect.sync(() => socket.destroy())
  )

const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
