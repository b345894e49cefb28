/** Words in the files of a commit, found by `git grep`. */
import { Effect } from "effect"

import type { GitFailed } from "../git/runGit.ts"

/** Git in a repository that has the commit. */
export type Run = (...args: ReadonlyArray<string>) => Effect.Effect<string, GitFailed>

/** `git grep` says so by its exit. */
const isNothingFound = ({ exitCode }: GitFailed): boolean => exitCode === 1

/** How often each word stands in the files of the commit. */
export const mentions = (
  run: Run,
  commit: string,
  words: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, number>, GitFailed> =>
  words.length === 0
    ? Effect.succeed(new Map())
    : run("grep", "-I", "-h", "-o", "-w", "-F", ...words.flatMap((word) => ["-e", word]), commit).pipe(
        Effect.catchIf(isNothingFound, () => Effect.succeed("")),
        Effect.map(countLines)
      )

const countLines = (text: string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const line of text.split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}

const maxMarkdown = 100

/** Markdown of the commit that has any of these words: at most 100 texts, by path. */
export const markdownWith = Effect.fnUntraced(function* (
  run: Run,
  commit: string,
  words: ReadonlyArray<string>
) {
  const texts = new Map<string, string>()
  if (words.length === 0) return texts
  const search = ["grep", "-I", "-l", "-z", "-F", ...words.flatMap((word) => ["-e", word])]
  const found = yield* run(...search, commit, "--", "*.md", "*.markdown").pipe(
    Effect.catchIf(isNothingFound, () => Effect.succeed(""))
  )
  for (const name of found.split("\0").slice(0, maxMarkdown)) {
    if (name !== "") texts.set(name.slice(commit.length + 1), yield* run("cat-file", "blob", name))
  }
  return texts
})
