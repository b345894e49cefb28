/**
 * There is no file system of its own for a pod here, so a mount is a name: what is a container's mountPath, or lies below it, is
 * rewritten to the folder that holds the volume (design §3.13). Programs find their paths in their environment and arguments.
 */
import { join, normalize } from "node:path"

import type { Container } from "../../../schema/Job.ts"
import { containerFolder, volumeFolder } from "./podFolder.ts"

export interface Mount {
  /** As the pod says it, without a slash at its end. */
  readonly mountPath: string
  readonly folder: string
}

/** Where Kubernetes looks for a termination message when the pod does not say. */
export const defaultTerminationPath = "/dev/termination-log"

/** The longest mountPath that fits decides, so that a mount inside a mount is its own folder. */
export const rewrite = (value: string, mounts: ReadonlyArray<Mount>): string => {
  // An option and its path may be one argument: `--workspace-dir=/workspace`.
  const option = /^--?[\w.-]+=(?=\/)/u.exec(value)?.[0] ?? ""
  const path = value.slice(option.length)
  const fitting = mounts
    .filter(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length)
    .at(0)
  return fitting === undefined ? value : option + fitting.folder + path.slice(fitting.mountPath.length)
}

/**
 * The mounts of a container, the file of its termination message among them. `readOnly` is not enforced for emptyDirs and claims:
 * that takes a mount namespace. Refuses, with a sentence, what would lead out of the volume.
 */
export const mountsOf = (
  folder: string,
  container: Container,
  claims: ReadonlyMap<string, string>
): ReadonlyArray<Mount> | { readonly refused: string } => {
  const mounts: Array<Mount> = [
    {
      mountPath: container.terminationMessagePath ?? defaultTerminationPath,
      folder: terminationFile(folder, container.name)
    }
  ]
  for (const mount of container.volumeMounts ?? []) {
    const mountPath = normalize(mount.mountPath).replace(/\/+$/u, "")
    if (!mountPath.startsWith("/") || isOutside(mount.subPath ?? ""))
      return { refused: `volumeMount "${mount.name}" of container "${container.name}" has an invalid path` }
    const root = claims.get(mount.name) ?? volumeFolder(folder, mount.name)
    mounts.push({ mountPath, folder: join(root, mount.subPath ?? "") })
  }
  return mounts
}

/** Whether a path from a manifest, meant to be below a folder, is not. */
export const isOutside = (path: string): boolean =>
  path.startsWith("/") || path.split("/").includes("..") || path.includes("\0")

export const terminationFile = (folder: string, container: string): string =>
  join(containerFolder(folder, container), "termination-log")
