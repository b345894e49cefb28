/**
 * Where a pod lives on this machine, and what is written down about it, so that a kubelet that was killed knows what it left behind.
 * `<data>/pods/<namespace>_<name>_<uid>/` holds record.json, logs, volumes and a folder for each container; `_` is in no DNS name.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

import { Option, Schema } from "effect"

import { type Pod, PodStatus } from "../../../schema/Job.ts"
import { writeAtomically } from "../../atomicFile.ts"

/** A process group that was started for the pod. The start time tells it from a later process with the same number. */
export const StartedGroup = Schema.Struct({
  container: Schema.String,
  pid: Schema.Int,
  startTime: Schema.String
})
export type StartedGroup = typeof StartedGroup.Type

export const PodRecord = Schema.Struct({
  uid: Schema.String,
  containers: Schema.Array(Schema.String),
  initContainers: Schema.Array(Schema.String),
  /** The `kubectl.kubernetes.io/default-container` annotation. */
  defaultContainer: Schema.optionalKey(Schema.String),
  /** Written before the first process is: from then on the pod is never started again. */
  isStarted: Schema.Boolean,
  groups: Schema.Array(StartedGroup),
  /** How the pod ended; written before the API server hears of it. */
  final: Schema.optionalKey(PodStatus)
})
export type PodRecord = typeof PodRecord.Type

export const podsFolder = (dataDirectory: string): string => join(dataDirectory, "pods")
export const shimsFolder = (dataDirectory: string): string => join(dataDirectory, "bin")
/** Claims outlive pods. */
export const claimFolder = (dataDirectory: string, namespace: string, claim: string): string =>
  join(dataDirectory, "volumes", namespace, claim)

export const podFolder = (dataDirectory: string, pod: Pod): string =>
  join(
    podsFolder(dataDirectory),
    `${pod.metadata.namespace ?? ""}_${pod.metadata.name}_${pod.metadata.uid ?? ""}`
  )
export const volumeFolder = (folder: string, volume: string): string => join(folder, "volumes", volume)
export const containerFolder = (folder: string, container: string): string =>
  join(folder, "containers", container)
export const logFolder = (folder: string, container: string): string => join(folder, "logs", container)

/** Of a pod that was not started. */
export const recordOf = (pod: Pod): PodRecord => {
  const defaultContainer = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"]
  return {
    uid: pod.metadata.uid ?? "",
    containers: pod.spec.containers.map(({ name }) => name),
    initContainers: (pod.spec.initContainers ?? []).map(({ name }) => name),
    ...(defaultContainer === undefined ? {} : { defaultContainer }),
    isStarted: false,
    groups: []
  }
}

const recordFile = (folder: string): string => join(folder, "record.json")
const decodeRecord = Schema.decodeUnknownOption(Schema.fromJsonString(PodRecord))

/** `undefined` when the folder has none or one that cannot be read: nothing of that pod was started. */
export const readRecord = (folder: string): PodRecord | undefined =>
  existsSync(recordFile(folder))
    ? Option.getOrUndefined(decodeRecord(readFileSync(recordFile(folder), "utf8")))
    : undefined

/** Throws the system's error. */
export const writeRecord = (folder: string, record: PodRecord): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeAtomically(recordFile(folder), JSON.stringify(record))
}

/** The folder of the pod with that name; of the newest one, where an older pod of the same name is still ending. */
export const findPodFolder = (
  dataDirectory: string,
  ref: { readonly namespace: string; readonly name: string }
): string | undefined =>
  listPodFolders(dataDirectory)
    .filter((folder) => folder.startsWith(join(podsFolder(dataDirectory), `${ref.namespace}_${ref.name}_`)))
    .map((folder) => ({ folder, born: statSync(folder).birthtimeMs }))
    .toSorted((a, b) => b.born - a.born)
    .at(0)?.folder

export const listPodFolders = (dataDirectory: string): ReadonlyArray<string> =>
  existsSync(podsFolder(dataDirectory))
    ? readdirSync(podsFolder(dataDirectory)).map((name) => join(podsFolder(dataDirectory), name))
    : []

const dnsName = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/u

/** Every name that becomes part of a path. The API server that made the pod is ours, but its objects are anybody's. */
export const unsafeName = (pod: Pod): string | undefined => {
  const { spec, metadata } = pod
  const claims = (spec.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? [])
  const names = [
    metadata.name,
    metadata.namespace ?? "",
    metadata.uid ?? "",
    ...[...(spec.initContainers ?? []), ...spec.containers, ...(spec.volumes ?? [])].map(({ name }) => name),
    ...claims
  ]
  return names.find((name) => !dnsName.test(name))
}
