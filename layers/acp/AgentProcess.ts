/** The program of a coding agent: lines in, lines out, and nothing of it left when the scope closes. */
import { spawn } from "node:child_process"
import { constants } from "node:os"

import { Deferred, Effect, type Scope } from "effect"

import { AgentNotStarted, CodingAgentError, ProtocolBroken } from "../../src/services/CodingAgent.ts"
import type { ShellCommand } from "../confinedShell.ts"
import { LineSplitter } from "./LineSplitter.ts"

/** Bytes of what it last wrote to stderr, for the person who reads how the run ended. */
const maxStderrBytes = 2_048
/** Once its output is closed the program has this long to end by itself. */
const exitPatience = "1 second"
/** A killed program is gone at once, unless the kernel waits for a disk that does not answer. */
const killPatience = "5 seconds"

export interface Started extends ShellCommand {
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

export interface AgentProcess {
  readonly send: (line: string) => void
  /** The next lines; `undefined` once there are no more. Fails with a line that is too long. */
  readonly lines: Effect.Effect<ReadonlyArray<string> | undefined, CodingAgentError>
  /** How it ended, with its last words. Waits until it has, but not long. */
  readonly ending: Effect.Effect<string>
}

export const open = Effect.fn("AgentProcess.open")(function* (
  started: Started
): Effect.fn.Return<AgentProcess, CodingAgentError, Scope.Scope> {
  const exited = yield* Deferred.make<string>()
  let stderr = Buffer.alloc(0)
  const child = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof launch>, CodingAgentError>((resume) => {
      const launched = launch(started)
      launched.once("spawn", () => resume(Effect.succeed(launched)))
      launched.once("error", (cause) => resume(Effect.fail(notStarted(started.program, cause))))
    }),
    (launched) =>
      Effect.callback<void>((gone) => {
        if (launched.exitCode !== null || launched.signalCode !== null) gone(Effect.void)
        else launched.once("exit", () => gone(Effect.void))
        killGroup(launched.pid)
        launched.stdin.destroy()
        launched.stdout.destroy()
        launched.stderr.destroy()
      }).pipe(Effect.timeoutOption(killPatience), Effect.asVoid)
  )
  // A program that ends early says why by its exit; the pipe that it left is not a fault.
  child.stdin.on("error", () => undefined)
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-maxStderrBytes)
  })
  child.on("exit", (code, signal) => {
    const how = signal === null ? `exit ${code}` : `${signal} (${constants.signals[signal]})`
    Deferred.doneUnsafe(exited, Effect.succeed(how))
  })

  const splitter = new LineSplitter()
  const chunks = child.stdout[Symbol.asyncIterator]()
  const next = Effect.tryPromise({
    try: () => chunks.next(),
    catch: (cause) => broken(`its output cannot be read: ${String(cause)}`)
  })
  return {
    send: (line) => {
      if (child.stdin.writable) child.stdin.write(`${line}\n`)
    },
    lines: Effect.flatMap(next, ({ done, value }) => {
      if (done === true) return Effect.undefined
      const lines = splitter.push(value as Buffer)
      return lines === undefined
        ? Effect.fail(broken(`a line of the agent has more than ${splitter.maxBytes} bytes`))
        : Effect.succeed(lines)
    }),
    ending: Deferred.await(exited).pipe(
      Effect.timeoutOrElse({
        duration: exitPatience,
        orElse: () => Effect.succeed("its output is closed, but it has not ended")
      }),
      Effect.map((how) => {
        const said = stderr.toString("utf8").trim()
        return said === "" ? how : `${how}: ${said}`
      })
    )
  }
})

const launch = ({ args, directory, env, program }: Started) =>
  spawn(program, [...args], { cwd: directory, env, detached: true, stdio: ["pipe", "pipe", "pipe"] })

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // Nobody is left in the group.
  }
}

const broken = (message: string) =>
  new CodingAgentError({ reason: new ProtocolBroken({ message, party: "server" }) })

const notStarted = (program: string, cause: Error) =>
  new CodingAgentError({
    reason: new AgentNotStarted({
      message: `the agent cannot be started: ${program}: ${cause.message}`,
      party: "configuration"
    })
  })
