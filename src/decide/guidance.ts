/** What a repository itself says on how to work in it: which of its files, and what of them a model is shown. Pure. */
import { Result } from "effect"

import { folderOf, nameOf, type Entry } from "./taskFolders.ts"
import { decodeText } from "./textFile.ts"

/** The first says it for coding agents, the last for people. */
const names = ["agents.md", "claude.md", "contributing.md"]
/** Folders of the root in which code hosts and agents look for them, too. */
const besides = new Set([".github", "docs", ".claude"])

/** Bytes of a file that is read at all: a larger one is no guidance. */
const maxBytes = 256 * 1024
const maxTargetBytes = 4096
const maxFiles = 12
const maxHops = 5

/** A file of guidance, before it is read. */
export interface Guide {
  /** Under which it is known. */
  readonly path: string
  /** The file that holds it: itself, or what a link leads to. */
  readonly entry?: Entry
  /** Why it is not read. */
  readonly refused?: string
}

/** A folder and all above it, the root being "". */
const upwards = (folder: string): ReadonlyArray<string> =>
  folder === "" ? [""] : [folder, ...upwards(folderOf(folder))]

const depthOf = (path: string): number => path.split("/").length

/** Files of guidance that hold for these folders, the nearest first. */
export const guidesFor = (
  entries: ReadonlyArray<Entry>,
  folders: ReadonlyArray<string>
): ReadonlyArray<Entry> => {
  const wanted = new Set(folders.flatMap(upwards))
  const rank = ({ path }: Entry): number => names.indexOf(nameOf(path).toLowerCase())
  const homeOf = ({ path }: Entry): string => (besides.has(folderOf(path)) ? "" : folderOf(path))
  return entries
    .filter((entry) => rank(entry) >= 0 && wanted.has(homeOf(entry)))
    .toSorted(
      (one, other) =>
        // The root's own before those beside it.
        depthOf(`${homeOf(other)}/`) - depthOf(`${homeOf(one)}/`) ||
        (homeOf(other) === "" ? 0 : 1) - (homeOf(one) === "" ? 0 : 1) ||
        rank(one) - rank(other) ||
        depthOf(one.path) - depthOf(other.path) ||
        (one.path < other.path ? -1 : 1)
    )
    .slice(0, maxFiles)
}

/** A path of the repository, from a folder of it; `undefined` where it leads outside. */
const resolve = (folder: string, target: string): string | undefined => {
  if (target.startsWith("/") || /^[A-Za-z]:|\\|\0/u.test(target)) return undefined
  const parts = folder === "" ? [] : folder.split("/")
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join("/")
}

/** Where a guide's content is. `targetOf` is what a link of the base says. */
export const follow = (
  guide: Entry,
  find: (path: string) => Entry | undefined,
  targetOf: (link: Entry) => string | undefined
): Guide => {
  const { path } = guide
  let at = guide
  for (let hop = 0; at.kind === "link"; hop++) {
    if (hop === maxHops) return { path, refused: "it is a link that leads on and on" }
    const target = at.bytes > maxTargetBytes ? undefined : targetOf(at)
    const next = target === undefined ? undefined : resolve(folderOf(at.path), target)
    if (next === undefined) return { path, refused: "it is a link that leads outside of the repository" }
    const entry = find(next)
    if (entry === undefined) return { path, refused: "it is a link to no file of the repository" }
    at = entry
  }
  if (at.kind === "submodule") return { path, refused: "it is another repository" }
  if (at.bytes > maxBytes) {
    return { path, refused: `it is ${Math.ceil(at.bytes / 1024)} KiB long, too long to be shown` }
  }
  return { path, entry: at }
}

/** What no reader sees: control characters, marks that turn the direction of writing, tags and other signs without a shape. */
const unseen =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu

/** A text as a person sees it. */
export const visible = (text: string): string =>
  text.replace(/\r\n?/gu, "\n").replace(unseen, "").toWellFormed()

/** A text that only points to another guide. */
const pointer = /^\s*(?:#[^\n]*\n+)?\s*@(?:\.\/)?(\S+)\s*$/u

/** What a guide says; `undefined` where it says nothing, or no more than another. */
export const textOf = (bytes: Uint8Array): Result.Result<string, string> => {
  const file = decodeText(bytes)
  return Result.map(file, ({ text }) => visible(text).trim())
}

/** The file that a guide points to and says no more. */
export const pointsTo = (path: string, text: string): string | undefined => {
  const target = pointer.exec(text)?.[1]
  return target === undefined ? undefined : resolve(folderOf(path), target)
}
