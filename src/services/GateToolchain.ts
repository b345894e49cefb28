/** Where the commands of a gate run: apart from the judge, under limits, and with nothing of theirs left alive between two. */
import { Context, type Duration, type Effect } from "effect"

import type { GateLimit } from "../../schema/Result.ts"
import type { GateError } from "./GateError.ts"

export interface RunOptions {
  /** Wall time; no limit of its own when absent. */
  readonly timeout?: Duration.Duration | undefined
  /** Whether the log shows the output; it does when absent. */
  readonly echo?: boolean | undefined
  /** Bytes of the end of its output that the result keeps, at most 8 MiB; 32 KiB when absent. */
  readonly keepBytes?: number | undefined
}

/** How one command ended. */
export interface CommandResult {
  /** 137 also for a command that was stopped at a limit, or that killed its own command channel. */
  readonly exitCode: number
  /** Wall time by a monotonic clock. */
  readonly seconds: number
  /** The limit that ended it; absent when it ended by itself. */
  readonly limit?: GateLimit | undefined
  /** The last 32 KiB (or `keepBytes`) of what it printed, whole characters. */
  readonly logTail: string
}

export class GateToolchain extends Context.Service<
  GateToolchain,
  {
    /** Runs one command for `/bin/sh`, beside those that are asked for at the same time. Fails with the toolchain, not with the command. */
    readonly run: (command: string, options?: RunOptions) => Effect.Effect<CommandResult, GateError>
    /** Whether checks run in namespaces of their own: they see no other process, and none outlives them. */
    readonly isApart: boolean
    /** Fails with DiskFull when the volume of the checkout has too little room left for a result to say anything about the change. */
    readonly requireRoom: Effect.Effect<void, GateError>
  }
>()("foreman/services/GateToolchain") {}
