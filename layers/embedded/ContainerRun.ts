/** Runs a container once: its environment, its folders, its process, its end, and what it said last. */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"

import { Clock, Deferred, Duration, Effect, Exit, Option, Schema } from "effect"

import { configMaps, secrets } from "../../schema/Core.ts"
import type { Container, Pod } from "../../schema/Job.ts"
import { KubeClient, type KubeError } from "../../src/services/KubeClient.ts"
import * as ContainerProcess from "./ContainerProcess.ts"
import { endProcesses, signal } from "./endProcesses.ts"
import { LogFiles } from "./LogFiles.ts"
import { type Mount, mountsOf, rewrite, terminationFile } from "./mounts.ts"
import { containerEnv, expand } from "./podEnv.ts"
import { containerFolder, logFolder, type StartedGroup } from "./podFolder.ts"
import { markerVariable, membersOf, readProcessTable, startTimeOf } from "./processTable.ts"
import { find, secretBytes } from "./volumes.ts"

/** The container cannot be made, now (`isFinal` false: a Secret may still come) or ever. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  message: Schema.String,
  isFinal: Schema.Boolean
}) {}

export interface ContainerEnd extends ContainerProcess.ContainerExit {
  readonly reason: "Completed" | "Error" | "ContainerCannotRun"
  readonly message: string | undefined
  readonly startedAtMillis: number
  readonly finishedAtMillis: number
}

export interface RunOptions {
  readonly pod: Pod
  readonly container: Container
  readonly folder: string
  readonly claims: ReadonlyMap<string, string>
  /** Which run of this container it is, from 0. */
  readonly run: number
  /** PATH of a container that has none of its own; the folder of our shims comes before either. */
  readonly shims: string
  readonly hostPath: string
  readonly kubeconfig: string | undefined
  /** Between SIGTERM and SIGKILL, asked for when it is needed: a shutdown has less time than a delete. */
  readonly grace: () => Duration.Duration
  /** Before the process is there: from now on the pod counts as started. */
  readonly onStart: Effect.Effect<void>
  readonly onStarted: (group: StartedGroup, startedAtMillis: number) => Effect.Effect<void>
}

/** As Kubernetes bounds them. */
const messageBytes = 4096
const fallbackBytes = 2048
const fallbackLines = 80
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
  const command = yield* prepare(options)
  const writer = yield* files.write(logFolder(folder, container.name), options.run)
  const tail = outputTail()

  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* options.onStart
      const startedAtMillis = clock.currentTimeMillisUnsafe()
      const started = yield* ContainerProcess.start({
        ...command,
        onOutput: (chunk) => {
          writer.append(chunk, clock.currentTimeMillisUnsafe())
          tail.append(chunk)
        }
      }).pipe(Effect.result)
      if (started._tag === "Failure") {
        writer.end()
        const { exitCode, message } = started.failure
        const finishedAtMillis = clock.currentTimeMillisUnsafe()
        const end: ContainerEnd = {
          exitCode,
          message,
          signal: undefined,
          reason: "ContainerCannotRun",
          startedAtMillis,
          finishedAtMillis
        }
        yield* onEnd(end)
        return end
      }
      const process = started.success
      const group = { container: container.name, pid: process.pid, startTime: startTimeOf(process.pid) }
      yield* options.onStarted(group, startedAtMillis)

      const waited = yield* restore(Deferred.await(process.exited)).pipe(Effect.exit)
      const marker = markerOf(pod, container)
      const seen = Exit.isSuccess(waited)
        ? []
        : membersOf(readProcessTable(), { groups: [process.pid], marker })
      if (Exit.isFailure(waited)) {
        signal(-process.pid, "SIGTERM")
        yield* patience(process.exited, options.grace)
      }
      // As when the first process of a pid namespace ends: everything ends with it.
      yield* endProcesses([process.pid], marker, seen)
      const exit = yield* Deferred.await(process.exited).pipe(
        Effect.timeoutOption(killLimit),
        Effect.map(Option.getOrElse(() => killed))
      )
      yield* Deferred.await(process.drained).pipe(Effect.timeoutOption(drainLimit))
      process.close()
      writer.end()

      const end: ContainerEnd = {
        ...exit,
        reason: exit.exitCode === 0 ? "Completed" : "Error",
        message: terminationMessage(folder, container, exit.exitCode, tail.text()),
        startedAtMillis,
        finishedAtMillis: clock.currentTimeMillisUnsafe()
      }
      yield* onEnd(end)
      return Exit.isFailure(waited) ? yield* Effect.interrupt : end
    })
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

const markerOf = (pod: Pod, container: Container): string => `${pod.metadata.uid ?? ""}/${container.name}`

const prepare = Effect.fnUntraced(function* (options: RunOptions) {
  const { pod, container, folder } = options
  const mounts = mountsOf(folder, container, options.claims)
  if ("refused" in mounts) return yield* new ConfigError({ message: mounts.refused, isFinal: true })
  if (container.command === undefined || container.command.length === 0)
    return yield* new ConfigError({
      message: `container "${container.name}" needs an explicit command: the embedded cluster runs processes, not images`,
      isFinal: true
    })
  const declared = yield* environmentOf(pod, container)
  const own = makeFolders(folder, container, mounts)
  const env = Object.fromEntries(
    Object.entries(declared).map(([name, value]) => [name, rewrite(value, mounts)])
  )
  const words = [...container.command, ...(container.args ?? [])]
  return {
    argv: words.map((word) => rewrite(expand(word, declared), mounts)),
    env: {
      HOME: join(own, "home"),
      TMPDIR: rewrite("/tmp", mounts) === "/tmp" ? join(own, "tmp") : rewrite("/tmp", mounts),
      TERMINATION_LOG: terminationFile(folder, container.name),
      ...(options.kubeconfig === undefined ? {} : { KUBECONFIG: options.kubeconfig }),
      ...env,
      PATH: `${options.shims}:${env["PATH"] ?? options.hostPath}`,
      [markerVariable]: markerOf(pod, container)
    },
    cwd: workingFolder(own, container, mounts),
    folder: own
  }
})

const environmentOf = Effect.fnUntraced(function* (pod: Pod, container: Container) {
  const namespace = pod.metadata.namespace ?? ""
  const references = (container.env ?? []).map(({ valueFrom }) => valueFrom)
  const secretNames = new Set(references.flatMap((from) => from?.secretKeyRef?.name ?? []))
  const configMapNames = new Set(references.flatMap((from) => from?.configMapKeyRef?.name ?? []))
  const secretData = new Map<string, Readonly<Record<string, string>>>()
  for (const name of secretNames) {
    const secret = yield* find(secrets, namespace, name)
    if (secret !== undefined)
      secretData.set(
        name,
        Object.fromEntries(secretBytes(secret.data).map(([key, bytes]) => [key, bytes.toString("utf8")]))
      )
  }
  const configMapData = new Map<string, Readonly<Record<string, string>>>()
  for (const name of configMapNames) {
    const configMap = yield* find(configMaps, namespace, name)
    if (configMap !== undefined) configMapData.set(name, configMap.data ?? {})
  }
  const environment = containerEnv(pod, container, {
    secret: (name) => secretData.get(name),
    configMap: (name) => configMapData.get(name)
  })
  return environment._tag === "Env"
    ? environment.env
    : yield* new ConfigError({ message: environment.message, isFinal: false })
})

const makeFolders = (folder: string, container: Container, mounts: ReadonlyArray<Mount>): string => {
  const own = containerFolder(folder, container.name)
  for (const name of ["home", "tmp"]) mkdirSync(join(own, name), { recursive: true, mode: 0o700 })
  for (const mount of mounts.slice(1)) mkdirSync(mount.folder, { recursive: true, mode: 0o700 })
  rmSync(terminationFile(folder, container.name), { force: true })
  writeFileSync(terminationFile(folder, container.name), "", { mode: 0o600 })
  return own
}

/** A working directory that is in no volume exists for this container alone; Kubernetes makes one that its image lacks, too. */
const workingFolder = (own: string, container: Container, mounts: ReadonlyArray<Mount>): string => {
  const asked = container.workingDir ?? ""
  const mounted = rewrite(asked, mounts)
  const folder =
    asked === "" ? join(own, "home") : mounted === asked ? join(own, "root", join("/", asked)) : mounted
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

const terminationMessage = (
  folder: string,
  container: Container,
  exitCode: number,
  outputEnd: string
): string | undefined => {
  const message = readTermination(terminationFile(folder, container.name))
  if (message !== "") return message
  return exitCode !== 0 && container.terminationMessagePolicy === "FallbackToLogsOnError" && outputEnd !== ""
    ? outputEnd
    : undefined
}

/** The container may have replaced the file by a link, a pipe or a device: only a plain file is read. */
const readTermination = (path: string): string => {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      if (!fstatSync(file).isFile()) return ""
      const buffer = Buffer.alloc(messageBytes)
      const text = buffer.subarray(0, readSync(file, buffer)).toString("utf8")
      // A character that was cut is left out: three bytes at most.
      return text.replace(/\uFFFD{1,3}$/u, "")
    } finally {
      closeSync(file)
    }
  } catch {
    return ""
  }
}

/** The last of the output, for `FallbackToLogsOnError`: 80 lines or 2 KiB, the smaller. */
const outputTail = () => {
  let kept = Buffer.alloc(0)
  return {
    append: (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk.subarray(-fallbackBytes)]).subarray(-fallbackBytes)
    },
    text: () =>
      kept
        .toString("utf8")
        .replace(/^\uFFFD+/u, "")
        .split("\n")
        .slice(-fallbackLines - 1)
        .join("\n")
  }
}
