/** The files below a folder that a person would look at: without `.git`, without what ignore files name, links not followed. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join, relative } from "node:path"

import type { Listing } from "../src/services/WorkspaceTools.ts"
import { trackedFiles } from "./git/trackedFiles.ts"
import { isIgnored, parseIgnore, type RuleSet } from "./ignoreRules.ts"

/** Files that one listing may name. */
const maxFiles = 200_000
/** What was left out is named up to so many. */
const maxNamed = 10
/** Entries that are looked at before others have a turn. */
const turnEntries = 1_000
const maxRuleBytes = 262_144

const readRules = (file: string): string => {
  try {
    // A link may lead out of the folder, and git does not follow one either.
    const stat = lstatSync(file)
    return stat.isFile() && stat.size <= maxRuleBytes ? readFileSync(file, "utf8") : ""
  } catch {
    return ""
  }
}

const rulesIn = (root: string, folder: string): ReadonlyArray<RuleSet> => {
  const names = [...(folder === "" ? [join(".git", "info", "exclude")] : []), ".gitignore", ".ignore"]
  const rules = names.flatMap((name) => parseIgnore(readRules(join(root, folder, name))))
  return rules.length === 0 ? [] : [{ folder: folder === "" ? "" : `${folder}/`, rules }]
}

/** Paths that `.gitmodules` names: folders of other repositories. */
export const submodulesOf = (root: string): ReadonlySet<string> =>
  new Set(
    Array.from(readRules(join(root, ".gitmodules")).matchAll(/^\s*path\s*=\s*(.+?)\s*$/gmu), ([, path]) =>
      (path ?? "").replace(/^"(.*)"$/u, "$1").replace(/\/+$/u, "")
    )
  )

/** The folders above `path`, from the root down, `path` not among them. */
const above = (path: string): ReadonlyArray<string> => {
  const parts = path.split("/")
  return path === "" ? [] : parts.map((_, index) => parts.slice(0, index).join("/"))
}

/** Tracked paths and the folders above them: ignore files do not count for these. Read when the first one is ignored. */
const makeIsTracked = (root: string): ((path: string) => boolean) => {
  let known: Set<string> | undefined
  return (path) => {
    if (known === undefined) {
      known = new Set()
      for (const tracked of trackedFiles(root)) {
        for (let part = tracked; part !== "" && !known.has(part);) {
          known.add(part)
          part = part.slice(0, Math.max(0, part.lastIndexOf("/")))
        }
      }
    }
    return known.has(path)
  }
}

/**
 * Lists what lies below `start`, an absolute path inside `root`, relative to the root and sorted. It pauses now and then, so that a large
 * folder does not hold up its caller. What was asked for by its name is listed even where an ignore file names it.
 */
export const listFolder = function* (
  root: string,
  start: string,
  withIgnored: boolean
): Generator<undefined, Listing> {
  const from = relative(root, start)
  if (lstatSync(start).isFile()) {
    return { files: [from], links: [], submodules: [], ignored: { count: 0, some: [] }, truncated: false }
  }
  const files: Array<string> = []
  const links: Array<string> = []
  const submodules: Array<string> = []
  const ignored: Array<string> = []
  let ignoredCount = 0
  let truncated = false
  const modules = submodulesOf(root)
  const isTracked = makeIsTracked(root)
  const outer = above(from)
  const outerRules = outer.flatMap((folder) => rulesIn(root, folder))
  const isNamed = [...outer.slice(1), from].some(
    (folder) => folder !== "" && isIgnored(outerRules, folder, true)
  )
  const readsRules = !withIgnored && !isNamed

  const folders: Array<{
    readonly path: string
    readonly rules: ReadonlyArray<RuleSet>
    readonly isIgnored: boolean
  }> = [{ path: from, rules: readsRules ? outerRules : [], isIgnored: false }]
  let seen = 0
  for (let folder = folders.pop(); folder !== undefined && !truncated; folder = folders.pop()) {
    const rules = readsRules ? [...folder.rules, ...rulesIn(root, folder.path)] : []
    let entries
    try {
      entries = readdirSync(join(root, folder.path), { withFileTypes: true })
    } catch (cause) {
      // The folder that was asked for must be there; another one may vanish, or not be ours to read.
      if (folder.path === from) throw cause
      continue
    }
    for (const entry of entries) {
      if (++seen % turnEntries === 0) yield
      const path = folder.path === "" ? entry.name : `${folder.path}/${entry.name}`
      if (entry.name === ".git") continue
      // Below an ignored folder everything is ignored but what is tracked.
      const isOut = folder.isIgnored || (rules.length > 0 && isIgnored(rules, path, entry.isDirectory()))
      if (isOut && !isTracked(path)) {
        ignoredCount++
        if (ignored.length < maxNamed) ignored.push(entry.isDirectory() ? `${path}/` : path)
      } else if (entry.isDirectory()) {
        if (modules.has(path)) submodules.push(path)
        else folders.push({ path, rules, isIgnored: isOut })
      } else if (entry.isFile()) files.push(path)
      else if (entry.isSymbolicLink()) links.push(path)
      if (files.length >= maxFiles) {
        truncated = true
        break
      }
    }
  }
  return {
    files: files.sort(),
    links: links.sort().map((path) => `${path} -> ${targetOf(join(root, path))}`),
    submodules: submodules.sort(),
    ignored: { count: ignoredCount, some: ignored },
    truncated
  }
}

const targetOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return "?"
  }
}
