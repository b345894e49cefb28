/** The last commits of a repository's main line that changed code: what was merged, by merge, squash or push. */
import { Effect } from "effect"

import { git } from "../../layers/git/runGit.ts"
import { languageOf } from "../../src/gate/files.ts"
import { GateConfigError } from "./errors.ts"

export interface PastCommit {
  readonly commit: string
  /** Its first parent: the main line before it. */
  readonly base: string
  readonly subject: string
}

/** Read at a time. */
const page = 500
/** Looked through at most, for each that is wanted: a repository of documents has few that change code. */
const maxLookedAt = 20

const recordStart = "\u0001"
const idForm = /^[0-9a-f]{40,64}$/u

/** Commit, parents, subject and names of files, with NUL between them. What a name or a subject breaks apart has no commit in front. */
const parse = (text: string): ReadonlyArray<PastCommit & { readonly changesCode: boolean }> =>
  text.split(recordStart).flatMap((record) => {
    const [commit = "", parents = "", subject = "", ...names] = record.split("\0")
    const [base = ""] = parents.split(" ")
    if (!idForm.test(commit) || !idForm.test(base)) return []
    // The first name has the line feed before it that ends the header.
    return [
      { commit, base, subject, changesCode: names.some((name) => languageOf(name.trim()) !== undefined) }
    ]
  })

/** Newest first, at most `last`. The first commit of a history, and those whose parent a shallow clone lacks, are left out. */
export const pastCommits = Effect.fn("gate.pastCommits")(function* (
  repo: string,
  head: string,
  last: number
) {
  const found: Array<PastCommit> = []
  for (let skip = 0; found.length < last && skip < Math.max(page, last * maxLookedAt); skip += page) {
    const text = yield* git([
      "-C",
      repo,
      "log",
      "--first-parent",
      "--diff-merges=first-parent",
      "--name-only",
      "-z",
      "--no-renames",
      "--no-show-signature",
      `--format=${recordStart}%H%x00%P%x00%s`,
      `--max-count=${page}`,
      `--skip=${skip}`,
      head,
      "--"
    ]).pipe(Effect.mapError(({ message }) => new GateConfigError({ message: `git log: ${message}` })))
    const commits = parse(text)
    for (const { changesCode, ...commit } of commits) if (changesCode) found.push(commit)
    if (!text.includes(recordStart)) break
  }
  return found.slice(0, last)
})
