/** Packages of one repository that name each other: what each of them reaches, so that a change asks only those that it can break. */
import picomatch from "picomatch/posix.js"

import { isPlainFolder } from "./Project.ts"

export interface Package {
  /** Folder from the root, without a slash at its end. */
  readonly folder: string
  readonly name: string
  /** Names of packages, of this repository or not. */
  readonly needs: ReadonlyArray<string>
}

/** Folders among `folders` that a workspace's patterns name; a pattern that begins with `!` takes out what it matches. */
export const membersOf = (
  patterns: ReadonlyArray<string>,
  folders: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const clean = (pattern: string) => pattern.replace(/^!/u, "").replace(/^\.\//u, "").replace(/\/+$/u, "")
  const wanted = patterns.filter((pattern) => !pattern.startsWith("!")).map(clean)
  const unwanted = patterns.filter((pattern) => pattern.startsWith("!")).map(clean)
  if (wanted.length === 0) return []
  const isWanted = picomatch(wanted)
  const isUnwanted = unwanted.length === 0 ? () => false : picomatch(unwanted)
  return folders
    .filter((folder) => isPlainFolder(folder) && isWanted(folder) && !isUnwanted(folder))
    .toSorted()
}

/** A package and all packages of the repository that it needs, directly or not. */
export const reachOf = <P extends Package>(one: P, all: ReadonlyArray<P>): ReadonlyArray<P> =>
  closure(one, (each) => all.filter(({ name }) => each.needs.includes(name)))

/** A package and all packages of the repository that need it, directly or not. */
export const dependentsOf = <P extends Package>(one: P, all: ReadonlyArray<P>): ReadonlyArray<P> =>
  closure(one, (each) => all.filter(({ needs }) => needs.includes(each.name)))

const closure = <P extends Package>(one: P, next: (each: P) => ReadonlyArray<P>): ReadonlyArray<P> => {
  const reached = new Set([one])
  for (const each of reached) for (const more of next(each)) reached.add(more)
  return [...reached]
}

/** Those that others need come first; a circle stays in its order. */
export const inBuildOrder = <P extends Package>(all: ReadonlyArray<P>): ReadonlyArray<P> => {
  const ordered = new Set<P>()
  const visiting = new Set<P>()
  const visit = (one: P): void => {
    if (visiting.has(one)) return
    visiting.add(one)
    for (const each of all) if (one.needs.includes(each.name)) visit(each)
    ordered.add(one)
  }
  for (const one of all) visit(one)
  return [...ordered]
}

/** Globs of what decides about a package: its folder, those of the packages that it needs, and `shared`. */
export const pathsOf = (
  packages: ReadonlyArray<Package>,
  shared: ReadonlyArray<string>
): ReadonlyArray<string> => [...packages.map(({ folder }) => `${folder}/**`), ...shared]
