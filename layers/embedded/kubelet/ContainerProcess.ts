/**
 * One run of a container: a session of its own, whose output is one real pipe, so that stdout and stderr stay in order and a script
 * may open /dev/stderr (Node's own pipes are sockets, which cannot be opened again).
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { closeSync, constants as file, openSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import { constants } from "node:os"
import { join } from "node:path"

import { Deferred, Effect, Schema } from "effect"

export interface ContainerExit {
  /** 128 and the signal's number for a death by signal, as shells and Kubernetes say it. */
  readonly exitCode: number
  readonly signal: number | undefined
}

/** The command could not be started at all. `exitCode` is what a shell would say: 127 not there, 126 not allowed. */
export class CannotRun extends Schema.TaggedError<CannotRun>()("CannotRun", {
  exitCode: Schema.Int,
  message: Schema.String
}) {}

export interface ContainerProcess {
  /** Also the number of the process group. */
  readonly pid: number
  readonly exited: Deferred.Deferred<ContainerExit>
  /** All output was handed over. Waits for the last process that holds the pipe: end them first, or limit it. */
  readonly drained: Deferred.Deferred<void>
  /** Stops reading, whoever still writes. */
  readonly close: () => void
}

export interface Command {
  readonly argv: ReadonlyArray<string>
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** For the pipe's moment in the file system. */
  readonly folder: string
  readonly onOutput: (chunk: Buffer) => void
}

const cannotRun = (command: string, cause: unknown) => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  if (code === "ENOENT")
    return new CannotRun({ exitCode: 127, message: `exec: "${command}": executable file not found in $PATH` })
  if (code === "EACCES")
    return new CannotRun({ exitCode: 126, message: `exec: "${command}": permission denied` })
  return new CannotRun({
    exitCode: 128,
    message: `exec: "${command}": ${cause instanceof Error ? cause.message : String(cause)}`
  })
}

/** Not interruptible: from here on the caller owns the process and must end it. */
export const start = Effect.fn("ContainerProcess.start")(function* (
  command: Command
): Effect.fn.Return<ContainerProcess, CannotRun> {
  const [program = "", ...args] = command.argv
  const fifo = join(command.folder, "output")
  yield* makeFifo(fifo, program)
  return yield* Effect.callback<ContainerProcess, CannotRun>((resume) => {
    const exited = Deferred.makeUnsafe<ContainerExit>()
    const drained = Deferred.makeUnsafe<void>()
    const reader = openSync(fifo, file.O_RDONLY | file.O_NONBLOCK)
    const writer = openSync(fifo, file.O_WRONLY)
    rmSync(fifo)
    const output = new Socket({ fd: reader, readable: true, writable: false })
    output.on("data", command.onOutput)
    // A broken pipe and its end are the same to us; `close` follows both.
    output.on("error", () => {})
    output.on("close", () => Deferred.doneUnsafe(drained, Effect.void))

    const refuse = (cause: unknown) => {
      output.destroy()
      resume(Effect.fail(cannotRun(program, cause)))
    }
    let child: ChildProcess
    try {
      child = spawn(program, args, {
        cwd: command.cwd,
        env: command.env,
        detached: true,
        stdio: ["ignore", writer, writer]
      })
    } catch (cause) {
      // An argument that no system takes, such as one with a NUL.
      return refuse(cause)
    } finally {
      closeSync(writer)
    }
    child.once("error", refuse)
    child.once("exit", (code, name) => {
      const signal = name === null ? undefined : constants.signals[name]
      Deferred.doneUnsafe(exited, Effect.succeed({ exitCode: code ?? 128 + (signal ?? 0), signal }))
    })
    child.once("spawn", () => {
      const { pid } = child
      if (pid !== undefined) resume(Effect.succeed({ pid, exited, drained, close: () => output.destroy() }))
    })
  })
}, Effect.uninterruptible)

const makeFifo = (path: string, program: string) =>
  Effect.callback<void, CannotRun>((resume) => {
    rmSync(path, { force: true })
    execFile("mkfifo", ["-m", "600", path], (error) =>
      resume(error === null ? Effect.void : Effect.fail(cannotRun(program, error)))
    )
  })
