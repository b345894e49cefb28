/** What a container's process is started with: its words, its environment, its working directory, all rewritten to this machine. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { Effect, Schema } from "effect"

import { configMaps, secrets } from "../../../schema/Core.ts"
import type { Container, Pod } from "../../../schema/Job.ts"
import type { KubeClient, KubeError } from "../../../src/services/KubeClient.ts"
import type { Command } from "./ContainerProcess.ts"
import { type Mount, mountsOf, rewrite, terminationFile } from "./mounts.ts"
import { containerEnv, expand } from "./podEnv.ts"
import { containerFolder } from "./podFolder.ts"
import { markerVariable } from "./processTable.ts"
import type { Root } from "../../readOnlyRoot.ts"
import { find, secretBytes } from "./volumes.ts"

/** The container cannot be made, now (`isFinal` false: a Secret may still come) or ever. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  message: Schema.String,
  isFinal: Schema.Boolean
}) {}

export interface CommandOptions {
  readonly pod: Pod
  readonly container: Container
  readonly folder: string
  readonly claims: ReadonlyMap<string, string>
  /** Comes first in every PATH. */
  readonly shims: string
  /** What an image would say, where the container does not: its PATH is there. */
  readonly hostEnv: Readonly<Record<string, string>>
  readonly kubeconfig: string | undefined
}

/** What a container with a read-only root file system may still write, and what else it needs to see. */
export type OwnFolders = Pick<Root, "writable" | "readable" | "tmp">

export const markerOf = (pod: Pod, container: Container): string =>
  `${pod.metadata.uid ?? ""}/${container.name}`

/** Makes the container's folders, too. Doing it twice changes nothing. */
export const containerCommand = Effect.fn("containerCommand")(function* (
  options: CommandOptions
): Effect.fn.Return<
  Omit<Command, "onOutput"> & { readonly ownFolders: OwnFolders | undefined },
  ConfigError | KubeError,
  KubeClient
> {
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
      ...options.hostEnv,
      HOME: join(own, "home"),
      TMPDIR: tmpFolder(own, mounts),
      TERMINATION_LOG: terminationFile(folder, container.name),
      ...(options.kubeconfig === undefined ? {} : { KUBECONFIG: options.kubeconfig }),
      ...env,
      PATH: `${options.shims}:${env["PATH"] ?? options.hostEnv["PATH"] ?? ""}`,
      [markerVariable]: markerOf(pod, container)
    },
    cwd: workingFolder(own, container, mounts),
    folder: own,
    ownFolders:
      container.securityContext?.["readOnlyRootFilesystem"] === true
        ? ownFolders(own, container, mounts)
        : undefined
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

const tmpFolder = (own: string, mounts: ReadonlyArray<Mount>): string => {
  const mounted = rewrite("/tmp", mounts)
  return mounted === "/tmp" ? join(own, "tmp") : mounted
}

/** The file of the termination message is not among them: who has a read-only root says what it has to say in a volume. */
const ownFolders = (own: string, container: Container, mounts: ReadonlyArray<Mount>): OwnFolders => {
  const volumes = mounts.slice(1).map(({ folder }) => folder)
  const isReadOnly = (container.volumeMounts ?? []).map(({ readOnly }) => readOnly === true)
  return {
    writable: [own, ...volumes.filter((_, index) => isReadOnly[index] !== true)],
    readable: volumes.filter((_, index) => isReadOnly[index] === true),
    tmp: tmpFolder(own, mounts)
  }
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
