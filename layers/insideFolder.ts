/**
 * Files below one folder. A path is resolved, links and all, then opened without following a last link; on Linux the opened file says
 * where it really is, so that a link put in between is noticed, too. All of it throws. The system resolves: Node's own way looks at every
 * folder of a path from JavaScript.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
  ftruncateSync
} from "node:fs"
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path"

import type { Listing } from "../src/services/WorkspaceTools.ts"
import { listFolder, submodulesOf } from "./listFolder.ts"

/** The path is, or leads, outside. */
export class OutsideFolder extends Error {}

/** Bytes of a file that may be read whole. */
const maxReadBytes = 16_777_216

const isInside = (root: string, path: string): boolean => path === root || path.startsWith(root + sep)

const mustBeInside = (root: string, path: string, asked: string): string => {
  if (isInside(root, path)) return path
  throw new OutsideFolder(`${asked} is outside the workspace`)
}

const locate = (root: string, asked: string): string => {
  if (asked.includes("\0")) throw new OutsideFolder("a path has no NUL")
  const path = isAbsolute(asked) ? resolve(asked) : resolve(root, asked)
  return mustBeInside(root, path, asked)
}

const exists = (path: string): boolean => {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

/** What was opened lies inside, whatever happened to the path since it was resolved. Only Linux can say. */
const mustBeOpenedInside = (root: string, file: number, asked: string): void => {
  if (process.platform !== "linux") return
  mustBeInside(root, readlinkSync(`/proc/self/fd/${file}`), asked)
}

const withFile = <A>(
  root: string,
  path: string,
  asked: string,
  flags: number,
  use: (file: number, size: number) => A
): A => {
  // Non-blocking: a pipe that a command left under this name would hold the whole daemon.
  const file = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o644)
  try {
    mustBeOpenedInside(root, file, asked)
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new Error(`${asked} is not a regular file`)
    if (stat.size > maxReadBytes)
      throw new Error(`${asked} has ${stat.size} bytes, more than ${maxReadBytes}`)
    return use(file, stat.size)
  } finally {
    closeSync(file)
  }
}

export const readInside = (root: string, asked: string): Uint8Array => {
  const path = mustBeInside(root, realpathSync.native(locate(root, asked)), asked)
  return withFile(root, path, asked, constants.O_RDONLY, (file) => readFileSync(file))
}

/** The deepest folder on the way that is there already. */
const existingParent = (path: string): string => (exists(path) ? path : existingParent(dirname(path)))

export const writeInside = (root: string, asked: string, content: string | Uint8Array): number => {
  const path = locate(root, asked)
  if (path === root) throw new Error(`${asked} is a folder`)
  const parent = dirname(path)
  // Before a folder is made, and again after one was: a link among the parents must not lead out.
  const deepest = existingParent(parent)
  let folder = mustBeInside(root, realpathSync.native(deepest), asked)
  if (deepest !== parent) {
    mkdirSync(parent, { recursive: true })
    folder = mustBeInside(root, realpathSync.native(parent), asked)
  }
  const wanted = join(folder, basename(path))
  const target = exists(wanted) ? mustBeInside(root, realpathSync.native(wanted), asked) : wanted
  mustBeOurs(root, target, asked)
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content
  return withFile(root, target, asked, constants.O_RDWR | constants.O_CREAT, (file, size) => {
    const before = readFileSync(file)
    try {
      writeFrom(file, bytes)
    } catch (cause) {
      // A full disk, most likely: what was there has its room still.
      writeFrom(file, before)
      ftruncateSync(file, before.length)
      throw cause
    }
    // Once it is known to be ours, and only where something is left: cutting costs as much as all the rest.
    if (size > bytes.length) ftruncateSync(file, bytes.length)
    return bytes.length
  })
}

const writeFrom = (file: number, bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, at)
}

/** The folder of a name, and the name: a link under it is meant itself, its folder is resolved. */
const named = (root: string, asked: string): { readonly folder: string; readonly name: string } => {
  const path = locate(root, asked)
  if (path === root) throw new Error(`${asked} is the workspace itself`)
  const folder = mustBeInside(root, realpathSync.native(dirname(path)), asked)
  mustBeOurs(root, join(folder, basename(path)), asked)
  return { folder, name: basename(path) }
}

/**
 * Uses the path of a name in a folder that stays the folder it is, whatever is put in its place meanwhile. Only Linux can; elsewhere it
 * is the path as it was.
 */
const withFolder = <A>(root: string, folder: string, asked: string, use: (folder: string) => A): A => {
  const file = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    mustBeOpenedInside(root, file, asked)
    return use(process.platform === "linux" ? `/proc/self/fd/${file}` : folder)
  } finally {
    closeSync(file)
  }
}

/** Deletes a file, a link or an empty folder. */
export const deleteInside = (root: string, asked: string): void => {
  const { folder, name } = named(root, asked)
  withFolder(root, folder, asked, (within) => {
    const path = join(within, name)
    if (lstatSync(path).isDirectory()) rmdirSync(path)
    else unlinkSync(path)
  })
}

/** Moves a file, a folder or a link to a name that is free. */
export const moveInside = (root: string, from: string, to: string): void => {
  const source = named(root, from)
  const target = locate(root, to)
  if (target.startsWith(join(source.folder, source.name) + sep)) throw new Error(`${to} lies inside ${from}`)
  const deepest = existingParent(dirname(target))
  mustBeOurs(root, join(mustBeInside(root, realpathSync.native(deepest), to), "x"), to)
  const moved = relative(root, join(source.folder, source.name)).replaceAll(sep, "/")
  for (const module of submodulesOf(root)) {
    if (module.startsWith(`${moved}/`))
      throw new Error(`${from} holds the submodule ${module}, another repository`)
  }
  withFolder(root, source.folder, from, (within) => {
    lstatSync(join(within, source.name))
    mkdirSync(dirname(target), { recursive: true })
    const { folder, name } = named(root, to)
    withFolder(root, folder, to, (into) => {
      if (exists(join(into, name))) throw new Error(`${to} is there already`)
      renameSync(join(within, source.name), join(into, name))
    })
  })
}

/** Not git's own files, and not those of another repository: a commit of this one would not have the change. */
const mustBeOurs = (root: string, path: string, asked: string): void => {
  const parts = relative(root, path).split(sep)
  if (parts.some((part) => part.toLowerCase() === ".git")) throw new Error(`${asked} is git's own`)
  if (!exists(join(root, ".git"))) return
  const modules = submodulesOf(root)
  parts.forEach((_, index) => {
    const folder = parts.slice(0, index + 1).join("/")
    if (!modules.has(folder) && !exists(join(root, folder, ".git"))) return
    throw new Error(
      `${asked} is in the submodule ${folder}, another repository: a change there is no part of this one's commit`
    )
  })
}

/** Lists the files below a path, see `listFolder`. */
export const listInside = (
  root: string,
  asked: string,
  withIgnored: boolean
): Generator<undefined, Listing> => {
  const start = mustBeInside(root, realpathSync.native(locate(root, asked)), asked)
  return listFolder(root, start, withIgnored)
}
