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
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
  ftruncateSync
} from "node:fs"
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path"

/** The path is, or leads, outside. */
export class OutsideFolder extends Error {}

/** Bytes of a file that may be read whole. */
const maxReadBytes = 16_777_216
/** Files that one listing may name. */
const maxFiles = 100_000

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

export const writeInside = (root: string, asked: string, bytes: Uint8Array): number => {
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
  const named = join(folder, basename(path))
  const target = exists(named) ? mustBeInside(root, realpathSync.native(named), asked) : named
  return withFile(root, target, asked, constants.O_WRONLY | constants.O_CREAT, (file, size) => {
    writeFileSync(file, bytes)
    // Once it is known to be ours, and only where something is left: cutting costs as much as all the rest.
    if (size > bytes.length) ftruncateSync(file, bytes.length)
    return bytes.length
  })
}

/** Relative to `root`, sorted, without `.git` and without links. */
export const regularFiles = (root: string, asked: string): ReadonlyArray<string> => {
  const start = mustBeInside(root, realpathSync.native(locate(root, asked)), asked)
  if (lstatSync(start).isFile()) return [relative(root, start)]
  const found: Array<string> = []
  const folders = [start]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && entry.name !== ".git") folders.push(path)
      if (entry.isFile()) found.push(relative(root, path))
      if (found.length > maxFiles) throw new Error(`${asked} has more than ${maxFiles} files`)
    }
  }
  return found.sort()
}

/** Of names relative to `root`, those of regular files, sorted, each once. */
export const onlyRegular = (root: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found = [...new Set(names)].filter(
    (name) => lstatSync(join(root, name), { throwIfNoEntry: false })?.isFile() === true
  )
  if (found.length > maxFiles) throw new Error(`there are more than ${maxFiles} files`)
  return found.sort()
}
