/** Runs a container once: its process, its end, and what it said last. */
import { Clock, Deferred, Duration, Effect, Exit, Option } from "effect"

import type { KubeClient, KubeError } from "../../../src/services/KubeClient.ts"
import { isProgram } from "../../confinedShell.ts"
import {
  type CommandOptions,
  type ConfigError,
  containerCommand,
  markerOf,
  type OwnFolders
} from "./containerCommand.ts"
import * as ContainerProcess from "./ContainerProcess.ts"
import { endProcesses, signal } from "./endProcesses.ts"
import { LogFiles, type LogWriter } from "./LogFiles.ts"
import { logFolder, type StartedGroup } from "./podFolder.ts"
import { membersOf, readProcessTable, startTimeOf } from "./processTable.ts"
import { outputTail, terminationMessage } from "./terminationMessage.ts"

export interface ContainerEnd extends ContainerProcess.ContainerExit {
  readonly reason: "Completed" | "Error" | "ContainerCannotRun"
  readonly message: string | undefined
  readonly startedAtMillis: number
  readonly finishedAtMillis: number
}

/** `ownFolders` are those of a container with a read-only root file system. */
export type Confine = (
  argv: ReadonlyArray<string>,
  ownFolders: OwnFolders | undefined
) => ReadonlyArray<string>

export interface RunOptions extends CommandOptions {
  /** Which run of this container it is, from 0. */
  readonly run: number
  /** Between SIGTERM and SIGKILL, asked for when it is needed: a shutdown has less time than a delete. */
  readonly grace: () => Duration.Duration
  /** What hides from the container what is not its own. */
  readonly confine: Confine
  /** Before the process is there: from now on the pod counts as started. */
  readonly onStart: Effect.Effect<void>
  readonly onStarted: (group: StartedGroup, startedAtMillis: number) => Effect.Effect<void>
}

/** A process that hangs in the kernel outlives SIGKILL; the pod does not wait for it. */
const killLimit = Duration.seconds(5)
const killed: ContainerProcess.ContainerExit = { exitCode: 137, signal: 9 }
/** Output that is still in the pipe when everything that could write to it has ended. */
const drainLimit = Duration.seconds(2)

/** Runs to the end, also when interrupted: then the process is ended first, and `onEnd` still hears how. */
export const run = Effect.fn("ContainerRun.run")(function* (
  options: RunOptions,
  onEnd: (end: ContainerEnd) => Effect.Effect<void>
): Effect.fn.Return<ContainerEnd, ConfigError | KubeError, KubeClient | LogFiles> {
  const { pod, container, folder } = options
  const files = yield* LogFiles
  const clock = yield* Clock.Clock
  const command = yield* containerCommand(options)
  const marker = markerOf(pod, container)

  const use = (writer: LogWriter, restore: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>) =>
    Effect.gen(function* () {
      const tail = outputTail()
      yield* options.onStart
      const startedAtMillis = clock.currentTimeMillisUnsafe()
      // What cannot be started is for the system to name.
      const isThere = [command.argv[0] ?? "", "unshare", "mount", "setpriv"].every((name) =>
        isProgram(name, command.env["PATH"] ?? "", command.cwd)
      )
      const started = yield* ContainerProcess.start({
        ...command,
        argv: isThere ? options.confine(command.argv, command.ownFolders) : command.argv,
        onOutput: (chunk) => {
          writer.append(chunk, clock.currentTimeMillisUnsafe())
          tail.append(chunk)
        }
      }).pipe(Effect.result)
      if (started._tag === "Failure") {
        const { exitCode, message } = started.failure
        const finishedAtMillis = clock.currentTimeMillisUnsafe()
        const reason = "ContainerCannotRun"
        const end = {
          exitCode,
          message,
          signal: undefined,
          reason,
          startedAtMillis,
          finishedAtMillis
        } as const
        yield* onEnd(end)
        return end
      }
      const { pid, exited, drained, close } = started.success
      const group = { container: container.name, pid, startTime: startTimeOf(pid) }
      // A full disk must not leave a process that nobody knows of.
      yield* options.onStarted(group, startedAtMillis).pipe(Effect.onError(() => endProcesses([pid], marker)))

      const waited = yield* restore(Deferred.await(exited)).pipe(Effect.exit)
      const isInterrupted = Exit.isFailure(waited)
      const seen = isInterrupted ? membersOf(readProcessTable(), { groups: [pid], marker }) : []
      if (isInterrupted) {
        signal(-pid, "SIGTERM")
        yield* patience(exited, options.grace)
      }
      // As when the first process of a pid namespace ends: everything ends with it.
      yield* endProcesses([pid], marker, seen)
      const exit = yield* Deferred.await(exited).pipe(
        Effect.timeoutOption(killLimit),
        Effect.map(Option.getOrElse(() => killed))
      )
      yield* Deferred.await(drained).pipe(Effect.timeoutOption(drainLimit))
      close()

      const end: ContainerEnd = {
        ...exit,
        reason: exit.exitCode === 0 ? "Completed" : "Error",
        message: terminationMessage(folder, container, exit.exitCode, tail.text()),
        startedAtMillis,
        finishedAtMillis: clock.currentTimeMillisUnsafe()
      }
      yield* onEnd(end)
      return isInterrupted ? yield* Effect.interrupt : end
    })

  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.acquireUseRelease(
      files.write(logFolder(folder, container.name), options.run),
      (writer) => use(writer, restore),
      (writer) => Effect.sync(writer.end)
    )
  )
})

/** Waits for the end for as long as there is grace, which may shrink while we wait. */
const patience = Effect.fnUntraced(function* (
  exited: Deferred.Deferred<ContainerProcess.ContainerExit>,
  grace: () => Duration.Duration
) {
  const step = 100
  for (let waited = 0; waited < Duration.toMillis(grace()); waited += step) {
    const ended = yield* Deferred.await(exited).pipe(Effect.timeoutOption(step))
    if (Option.isSome(ended)) return
  }
})
