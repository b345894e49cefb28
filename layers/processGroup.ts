/** Runs a program as the leader of a process group of its own; when it is over, for whatever reason, the whole group is gone. */
import { spawn } from "node:child_process"
import { constants } from "node:os"

import { Effect, Schema } from "effect"

/** The program could not be started: not there, not executable, a folder that does not exist. */
export class SpawnError extends Schema.TaggedError<SpawnError>()("SpawnError", {
  program: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.program}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly directory: string
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** What it reads from its stdin; nothing when absent. */
  readonly input?: string | undefined
  readonly timeoutMillis: number
  /** Bytes of each stream that are kept: from its start, or half of them from its start and half from its end. */
  readonly maxBytes: number
  /** Whether the end is kept, too; it is not when absent. */
  readonly keepsEnd?: boolean | undefined
}

export interface Ended {
  /** 128 and the signal's number when a signal ended it, -1 when that was ours at the timeout. */
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly timedOut: boolean
  readonly truncated: boolean
}

/** What the program's own exit leaves in the pipes arrives at once; a grandchild that holds them may not hold us. */
const drainMillis = 200
/** A killed program is gone at once, unless the kernel waits for a disk that does not answer. */
const killPatience = "5 seconds"

/** A byte that goes on a character of UTF-8. */
const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

class Kept {
  private readonly head: Array<Buffer> = []
  private headSize = 0
  private tail = Buffer.alloc(0)
  private total = 0
  private readonly headLimit: number
  private readonly tailLimit: number
  constructor(limit: number, keepsEnd: boolean) {
    this.tailLimit = keepsEnd ? Math.floor(limit / 2) : 0
    this.headLimit = limit - this.tailLimit
  }
  get truncated(): boolean {
    return this.total > this.headLimit + this.tailLimit
  }
  readonly push = (chunk: Buffer): void => {
    this.total += chunk.length
    const part = chunk.subarray(0, Math.max(0, this.headLimit - this.headSize))
    if (part.length > 0) this.head.push(part)
    this.headSize += part.length
    const rest = chunk.subarray(part.length)
    if (this.tailLimit === 0 || rest.length === 0) return
    this.tail = Buffer.concat([this.tail, rest.subarray(-this.tailLimit)]).subarray(-this.tailLimit)
  }
  readonly bytes = (): Buffer => {
    const head = Buffer.concat(this.head)
    if (!this.truncated || this.tailLimit === 0) return Buffer.concat([head, this.tail])
    // Cut between characters.
    let end = head.length
    while (end > head.length - 4 && isContinuation(head[end - 1])) end--
    const lead = head[end - 1]
    if (lead !== undefined && lead >= 0xc0) end--
    else end = head.length
    let start = 0
    while (start < 4 && isContinuation(this.tail[start])) start++
    const left = this.total - end - (this.tail.length - start)
    const note = Buffer.from(`\n[${left} bytes left out]\n`)
    return Buffer.concat([head.subarray(0, end), note, this.tail.subarray(start)])
  }
}

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // ESRCH: nobody is left in the group, which is what we want.
  }
}

export const runGroup = (command: Command): Effect.Effect<Ended, SpawnError> =>
  Effect.callback<Ended, SpawnError>((resume) => {
    const child = spawn(command.program, [...command.args], {
      cwd: command.directory,
      env: command.env,
      detached: true,
      stdio: [command.input === undefined ? "ignore" : "pipe", "pipe", "pipe"]
    })
    // A program that ends early says why by its exit; the pipe that it left is not a fault.
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(command.input)
    const stdout = new Kept(command.maxBytes, command.keepsEnd === true)
    const stderr = new Kept(command.maxBytes, command.keepsEnd === true)
    let timedOut = false
    let isOver = false
    let drain: NodeJS.Timeout | undefined

    const timeout = setTimeout(() => {
      timedOut = true
      killGroup(child.pid)
    }, command.timeoutMillis)

    const close = (): void => {
      isOver = true
      clearTimeout(timeout)
      clearTimeout(drain)
      killGroup(child.pid)
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (isOver) return
      close()
      resume(
        Effect.succeed({
          exitCode: timedOut ? -1 : (code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
          stdout: stdout.bytes(),
          stderr: stderr.bytes(),
          timedOut,
          truncated: stdout.truncated || stderr.truncated
        })
      )
    }

    child.stdout?.on("data", stdout.push)
    child.stderr?.on("data", stderr.push)
    child.on("error", (cause) => {
      if (isOver) return
      close()
      resume(Effect.fail(new SpawnError({ program: command.program, cause })))
    })
    child.on("close", end)
    child.on("exit", (code, signal) => {
      if (isOver) return
      drain = setTimeout(() => end(code, signal), drainMillis)
    })
    // Whoever interrupts may take away what the program was writing: it has to be gone by then.
    return Effect.callback<void>((gone) => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) gone(Effect.void)
      else child.once("exit", () => gone(Effect.void))
      close()
    }).pipe(Effect.timeoutOption(killPatience), Effect.asVoid)
  })
