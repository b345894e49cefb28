/** The judge's end of the exchange (`src/gate/exchange.ts`): commands go to the loop in `toolchain`, output and status come back. */
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"

import { Deferred, type Duration, Effect, type Scope } from "effect"

import { encodeRequest, exitCodeOf, fifos, maxCommandBytes, ready } from "../../src/gate/exchange.ts"
import { GateStopped } from "./GateStopped.ts"

export interface Toolchain {
  /** Runs one command and hands back its exit code, once all of its output was printed. Dies with the loop, not with the command. */
  readonly run: (command: string) => Effect.Effect<number, GateStopped>
}

export interface ToolchainOptions {
  readonly exchangeDir: string
  readonly print: (output: Uint8Array) => void
  /** How long the loop may take to answer first. */
  readonly patience: Duration.Input
}

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
  output.on("data", (chunk: Uint8Array) => options.print(chunk))
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

  return {
    run: Effect.fnUntraced(function* (command) {
      if (Buffer.byteLength(command) > maxCommandBytes || command.includes("\0")) {
        return yield* new GateStopped({
          fault: "ConfigInvalid",
          message: `a command of ${Buffer.byteLength(command)} bytes cannot be handed to the toolchain`
        })
      }
      const nonce = randomUUID()
      const deferred = yield* Deferred.make<number>()
      answer = { nonce, deferred }
      yield* Effect.sync(() => writeSync(request, encodeRequest(nonce, command)))
      const code = yield* Effect.raceFirst(Deferred.await(deferred), Deferred.await(died))
      // The output was in its pipe before the status was in its own: two turns of the event loop read it to the end.
      yield* nextTurn
      yield* nextTurn
      return code
    })
  }
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
