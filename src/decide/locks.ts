/**
 * Which tasks may not change a repository at once: two that write and declare overlapping paths. A path covers what lies below it; a glob
 * counts as the folder before its first wildcard, so it may cover more than it matches and never less. A task that declares no paths
 * locks nothing.
 */
import type { TaskKind, TaskSpec } from "../../schema/AgenticTask.ts"
import { putInto, takeFrom } from "./sets.ts"

/** The kinds whose work is a change of files; the others read. */
const writes: Readonly<Record<TaskKind, boolean>> = {
  "issue-fix": true,
  freeform: true,
  integrate: true,
  reconcile: true,
  review: false,
  verify: false
}

export interface Locks {
  /** As owner/name. */
  readonly repo: string
  /** Each with its repository before it and a slash behind it: one covers another when the other begins with it. */
  readonly folders: ReadonlyArray<string>
}

const folderOf = (path: string): string => {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".")
  const wild = parts.findIndex((part) => /[*?]/u.test(part))
  return (wild === -1 ? parts : parts.slice(0, wild)).map((part) => `${part}/`).join("")
}

/** What a task locks while it is in flight; `undefined` for nothing. */
export const locksOf = ({ kind, payload: { repo, paths } }: TaskSpec): Locks | undefined => {
  if (!writes[kind] || repo === undefined || paths === undefined || paths.length === 0) return undefined
  const root = `${repo.toLowerCase()}:/`
  return { repo, folders: [...new Set(paths.map((path) => root + folderOf(path)))].sort() }
}

/** Whoever has or wants locks, by folder. */
class FolderIndex<A extends { readonly locks: Locks | undefined }> {
  /** By the folder itself. */
  readonly #at = new Map<string, Set<A>>()
  /** By each folder above it, and itself. */
  readonly #under = new Map<string, Set<A>>()

  add(it: A): void {
    for (const folder of it.locks?.folders ?? []) {
      putInto(this.#at, folder, it)
      for (const above of aboveOf(folder)) putInto(this.#under, above, it)
    }
  }

  delete(it: A): void {
    for (const folder of it.locks?.folders ?? []) {
      takeFrom(this.#at, folder, it)
      for (const above of aboveOf(folder)) takeFrom(this.#under, above, it)
    }
  }

  /** Those that overlap, each once, in no order. */
  overlapping(locks: Locks): ReadonlySet<A> {
    const found = new Set<A>()
    for (const folder of locks.folders) {
      for (const it of this.#under.get(folder) ?? []) found.add(it)
      for (const above of aboveOf(folder)) for (const it of this.#at.get(above) ?? []) found.add(it)
    }
    return found
  }
}

/** A task in flight. */
export interface Holder {
  readonly key: string
  readonly locks: Locks | undefined
}

/** Whoever waits for a lock. */
export interface Wanter {
  readonly locks: Locks | undefined
  /** Of all that are in the way, the first by name. */
  blocker: Holder | undefined
}

/** Who holds which paths, and who is blocked by it, kept up to date by difference. */
export class PathLocks<H extends Holder, W extends Wanter> {
  readonly #held = new FolderIndex<H>()
  readonly #wanted = new FolderIndex<W>()

  /** Returns those whose blocker this changed. */
  hold(holder: H): ReadonlyArray<W> {
    if (holder.locks === undefined) return []
    this.#held.add(holder)
    const blocked = [...this.#wanted.overlapping(holder.locks)].filter(
      ({ blocker }) => blocker === undefined || holder.key < blocker.key
    )
    for (const wanter of blocked) wanter.blocker = holder
    return blocked
  }

  /** Returns those whose blocker this changed. */
  free(holder: H): ReadonlyArray<W> {
    if (holder.locks === undefined) return []
    this.#held.delete(holder)
    const freed = [...this.#wanted.overlapping(holder.locks)].filter(({ blocker }) => blocker === holder)
    for (const wanter of freed) wanter.blocker = this.#blockerOf(wanter)
    return freed
  }

  want(wanter: W): void {
    this.#wanted.add(wanter)
    wanter.blocker = this.#blockerOf(wanter)
  }

  giveUp(wanter: W): void {
    this.#wanted.delete(wanter)
  }

  #blockerOf({ locks }: W): Holder | undefined {
    let first: Holder | undefined
    if (locks === undefined) return first
    for (const holder of this.#held.overlapping(locks)) {
      if (first === undefined || holder.key < first.key) first = holder
    }
    return first
  }
}

/** The path of the holder that is in the way, as a person would write it. */
const pathInTheWay = (wanted: Locks, held: Locks): string => {
  const folder = held.folders.find((held) =>
    wanted.folders.some((it) => it.startsWith(held) || held.startsWith(it))
  )
  return folder?.slice(folder.indexOf(":/") + 2, -1) || "any path"
}

/** `task default/a changes src/decide of owner/repo`. */
export const blockedWords = (wanted: Locks, holder: Holder): string =>
  `task ${holder.key} changes ${holder.locks === undefined ? "it" : pathInTheWay(wanted, holder.locks)} of ${wanted.repo}`

/** The folder, and each that contains it. */
const aboveOf = (folder: string): ReadonlyArray<string> => {
  const folders = [folder]
  const root = folder.indexOf(":/") + 1
  for (let slash = folder.length - 1; slash > root;) {
    slash = folder.lastIndexOf("/", slash - 1)
    folders.push(folder.slice(0, slash + 1))
  }
  return folders
}
