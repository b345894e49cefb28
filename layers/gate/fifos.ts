/** FIFOs of the exchange, opened so that nobody waits for the other end. */
import { execFile } from "node:child_process"
import { closeSync, constants, openSync, rmSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"

import { Effect, type Scope } from "effect"

import { type GateError, gateError } from "../../src/services/GateError.ts"

/** Makes them in that order. Whatever has such a name already is not ours. */
export const makeFifos = (folder: string, names: ReadonlyArray<string>): Effect.Effect<void, GateError> =>
  Effect.callback((resume, signal) => {
    for (const name of names) rmSync(join(folder, name), { recursive: true, force: true })
    execFile("mkfifo", ["-m", "600", ...names], { cwd: folder, signal }, (error, _, stderr) => {
      resume(
        error === null
          ? Effect.void
          : Effect.fail(gateError("JudgeFailed", `mkfifo: ${stderr.trim() || error.message}`))
      )
    })
  })

export const removeFifos = (folder: string, names: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.sync(() => names.forEach((name) => rmSync(join(folder, name), { force: true })))

/** Opened for both directions where we only write: the open never waits for a reader. The text must fit into a pipe's buffer. */
export const writer = (path: string): Effect.Effect<(text: string) => void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => openSync(path, constants.O_RDWR | constants.O_NONBLOCK)),
    (fd) => Effect.sync(() => closeSync(fd))
  ).pipe(Effect.map((fd) => (text) => void writeSync(fd, text)))

export interface Reader {
  readonly onData: (chunk: Uint8Array) => void
  /** The last writer is gone, or the pipe is broken. */
  readonly onEnd: () => void
}

export const read = (path: string, reader: Reader): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const socket = new Socket({ fd, readable: true, writable: false })
      socket.on("data", reader.onData)
      for (const event of ["end", "error"] as const) socket.on(event, reader.onEnd)
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(Effect.asVoid)

/** A line of ours is short; what is longer is noise. */
const maxLineLength = 256

export const readLines = (
  path: string,
  onLine: (line: string) => void,
  onEnd: () => void
): Effect.Effect<void, never, Scope.Scope> => {
  let rest = ""
  const onData = (chunk: Uint8Array) => {
    const lines = (rest + Buffer.from(chunk).toString("latin1")).split("\n")
    rest = (lines.pop() ?? "").slice(0, maxLineLength)
    lines.forEach(onLine)
  }
  return read(path, { onData, onEnd })
}
