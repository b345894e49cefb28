/** Fills a pod's volumes before its first container starts. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

import { Effect, Schema } from "effect"

import { configMaps, secrets } from "../../../schema/Core.ts"
import type { Pod, Volume } from "../../../schema/Job.ts"
import { ObjectMeta } from "../../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../../schema/Resource.ts"
import { KubeClient, type KubeError } from "../../../src/services/KubeClient.ts"
import { isOutside } from "./mounts.ts"
import { claimFolder, volumeFolder } from "./podFolder.ts"

/** Not now: the pod stays Pending, with the event and sentence that Kubernetes has for it, and is looked at again. */
export class VolumeWaiting extends Schema.TaggedError<VolumeWaiting>()("VolumeWaiting", {
  reason: Schema.Literals(["FailedScheduling", "FailedMount"]),
  message: Schema.String
}) {}

const PersistentVolumeClaim = Schema.Struct({ metadata: ObjectMeta })
export const persistentVolumeClaims: Resource<typeof PersistentVolumeClaim.Type> = {
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  singular: "persistentvolumeclaim",
  shortNames: ["pvc"],
  namespaced: true,
  schema: PersistentVolumeClaim
}

/** As the kubelet writes them when the volume does not say. */
const defaultSecretMode = 0o644

/** `undefined` when there is no such object. */
export const find = Effect.fnUntraced(function* <A extends KubeObject>(
  resource: Resource<A>,
  namespace: string,
  name: string
): Effect.fn.Return<A | undefined, KubeError, KubeClient> {
  const kube = yield* KubeClient
  return yield* kube
    .get(resource, { namespace, name })
    .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.succeed<A | undefined>(undefined)))
})

/** A Secret's values as text. Bytes that are no UTF-8 reach files whole, and variables as Kubernetes would refuse them: replaced. */
export const secretBytes = (data: Readonly<Record<string, string>> | undefined) =>
  Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64")] as const)

/** Makes the folders and returns those of claims, by volume. Running it twice changes nothing but fresh contents. */
export const prepareVolumes = Effect.fn("volumes.prepare")(function* (
  dataDirectory: string,
  folder: string,
  pod: Pod
): Effect.fn.Return<ReadonlyMap<string, string>, VolumeWaiting | KubeError, KubeClient> {
  const claims = new Map<string, string>()
  for (const volume of pod.spec.volumes ?? []) {
    const claim = yield* prepare(dataDirectory, folder, pod, volume)
    if (claim !== undefined) claims.set(volume.name, claim)
  }
  return claims
})

const prepare = Effect.fnUntraced(function* (
  dataDirectory: string,
  folder: string,
  pod: Pod,
  volume: Volume
) {
  const namespace = pod.metadata.namespace ?? ""
  const own = volumeFolder(folder, volume.name)
  const mount = (message: string) =>
    new VolumeWaiting({
      reason: "FailedMount",
      message: `MountVolume.SetUp failed for volume "${volume.name}" : ${message}`
    })

  if (volume.persistentVolumeClaim !== undefined) {
    const { claimName } = volume.persistentVolumeClaim
    if ((yield* find(persistentVolumeClaims, namespace, claimName)) === undefined)
      return yield* new VolumeWaiting({
        reason: "FailedScheduling",
        message: `persistentvolumeclaim "${claimName}" not found`
      })
    const kept = claimFolder(dataDirectory, namespace, claimName)
    mkdirSync(kept, { recursive: true, mode: 0o700 })
    return kept
  }
  mkdirSync(own, { recursive: true, mode: 0o700 })
  if (volume.secret !== undefined) {
    const { secretName, optional, items, defaultMode } = volume.secret
    const secret = yield* find(secrets, namespace, secretName)
    if (secret === undefined && optional !== true) return yield* mount(`secret "${secretName}" not found`)
    const missing = writeFiles(
      own,
      secretBytes(secret?.data),
      items,
      optional === true,
      defaultMode ?? defaultSecretMode
    )
    if (missing !== undefined) return yield* mount(missing)
  }
  if (volume.configMap !== undefined) {
    const { name, optional, items } = volume.configMap
    const configMap = yield* find(configMaps, namespace, name)
    if (configMap === undefined && optional !== true) return yield* mount(`configmap "${name}" not found`)
    const text = Object.entries(configMap?.data ?? {}).map(
      ([key, value]) => [key, Buffer.from(value)] as const
    )
    const all = [...text, ...secretBytes(configMap?.binaryData)]
    const missing = writeFiles(own, all, items, optional === true, defaultSecretMode)
    if (missing !== undefined) return yield* mount(missing)
  }
  return undefined
})

/** Nobody but the owner reads them, whatever the mode says about others: on a shared machine there is no container around them. */
const writeFiles = (
  folder: string,
  values: ReadonlyArray<readonly [string, Buffer]>,
  items: ReadonlyArray<{ readonly key: string; readonly path: string }> | undefined,
  isOptional: boolean,
  mode: number
): string | undefined => {
  const byKey = new Map(values)
  const files = items ?? values.map(([key]) => ({ key, path: key }))
  for (const { key, path } of files) {
    const bytes = byKey.get(key)
    if (isOutside(path) || path === "") return `invalid path ${JSON.stringify(path)}`
    if (bytes === undefined) {
      if (isOptional) continue
      return `references non-existent secret key: ${key}`
    }
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // A second preparation meets files that are perhaps read-only.
    rmSync(file, { force: true })
    writeFileSync(file, bytes, { mode: 0o600 })
    chmodSync(file, mode & 0o700)
  }
  return undefined
}
