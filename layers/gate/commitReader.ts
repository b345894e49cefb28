/**
 * Base and commit of a gate as they are read from a repository at hand: its own object store, no clone, no work tree. For what needs no
 * run, and for many commits one after the other: lists of files and texts are kept, since neighbours share most of them.
 */
import { Effect } from "effect"

import type { Change } from "../../src/gate/change.ts"
import { type GateError, gateError } from "../../src/services/GateError.ts"
import type { Reading } from "../../src/stages/staticChecks.ts"
import { git, gitBytes, type GitFailed } from "../git/runGit.ts"
import { readChange } from "./readChange.ts"
import { markdownWith, mentions, type Run } from "./search.ts"

export interface CommitReading extends Reading {
  readonly change: Effect.Effect<Change, GateError>
}

/** Kept at most: lists of files, and texts. The oldest go first. */
const maxLists = 8
const maxTexts = 256

const remembered = <A, E>(max: number, read: (key: string) => Effect.Effect<A, E>) => {
  const known = new Map<string, A>()
  return Effect.fnUntraced(function* (key: string): Effect.fn.Return<A, E> {
    const kept = known.get(key)
    if (kept !== undefined) return kept
    const value = yield* read(key)
    for (const oldest of known.keys()) {
      if (known.size < max) break
      known.delete(oldest)
    }
    known.set(key, value)
    return value
  })
}

const failed = ({ message }: GitFailed): GateError => gateError("JudgeFailed", `git: ${message}`)

/** Blobs of a commit by path: links and submodules are no files. */
const parseTree = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\0").flatMap((line): ReadonlyArray<readonly [string, string]> => {
      const [, kind, id, path] = /^(\d+ \w+) ([0-9a-f]+)\t(.*)$/su.exec(line) ?? []
      return kind === undefined || id === undefined || path === undefined ? [] : [[path, id]]
    })
  )

/** `repoDir` is a work tree or a bare repository. Both arguments of what it returns are names of commits. */
export const make = (repoDir: string) => {
  const run: Run = (...args) => git(["-C", repoDir, ...args])
  const filesOf = remembered(maxLists, (commit) =>
    Effect.map(run("ls-tree", "-r", "-z", "--full-tree", commit), parseTree)
  )
  const textOf = remembered(maxTexts, (blob) => run("cat-file", "blob", blob))

  return (base: string, commit: string): CommitReading => ({
    readBase: (path) =>
      filesOf(base).pipe(
        Effect.flatMap((files) => {
          const blob = files.get(path)
          return blob === undefined ? Effect.undefined : textOf(blob)
        }),
        Effect.mapError(failed)
      ),
    baseFiles: filesOf(base).pipe(
      Effect.map((files) => [...files.keys()]),
      Effect.mapError(failed)
    ),
    files: filesOf(commit).pipe(
      Effect.map((files) => [...files.keys()]),
      Effect.mapError(failed)
    ),
    mentions: (words) => mentions(run, commit, words).pipe(Effect.mapError(failed)),
    markdownWith: (words) => markdownWith(run, commit, words).pipe(Effect.mapError(failed)),
    change: readChange(
      (args, input) => gitBytes(["-C", repoDir, ...args], input === undefined ? {} : { input }),
      base,
      commit
    ).pipe(Effect.mapError(failed))
  })
}
