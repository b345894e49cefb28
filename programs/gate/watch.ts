/** `foreman gate --watch`: a verdict for each commit that the branch gets, while somebody works on it. */
import { watch } from "node:fs"
import { dirname, join } from "node:path"

import { Duration, Effect, Queue, Stream } from "effect"

import { git } from "../../layers/git/runGit.ts"
import { find } from "./candidate.ts"
import { GateConfigError } from "./errors.ts"
import { type GateOptions, judgeFound } from "./judgeOnce.ts"
import { tell } from "./output.ts"

/** A rebase writes many commits: the last one counts. */
const quietTime = Duration.millis(300)
/** For what no event tells of: reftables, network file systems. Costs one git process. */
const pollInterval = Duration.seconds(15)

/** Where git writes when a branch or HEAD moves: the files themselves are replaced, so their folders are watched. */
const watchedFolders = Effect.fn("gate.watchedFolders")(function* (repo: string, head: string) {
  const answer = (...args: ReadonlyArray<string>) =>
    git(["-C", repo, "rev-parse", "--path-format=absolute", ...args]).pipe(
      Effect.map((text) => text.trim()),
      Effect.catchTag("GitFailed", () => Effect.succeed(""))
    )
  const own = yield* answer("--git-dir")
  const shared = yield* answer("--git-common-dir")
  const ref = yield* answer("--symbolic-full-name", head)
  return [own, join(own, "logs"), shared, ...(ref.startsWith("refs/") ? [dirname(join(shared, ref))] : [])]
})

/** One as soon as the folders are watched, then one for each event in any of them; a folder that is not there has none. */
const eventsIn = (folders: ReadonlyArray<string>): Stream.Stream<void> =>
  Stream.callback<void>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          [...new Set(folders)].flatMap((folder) => {
            try {
              const watcher = watch(folder, () => Queue.offerUnsafe(queue, undefined))
              // A folder that goes is no longer watched; the poll still looks.
              watcher.on("error", () => watcher.close())
              return [watcher]
            } catch {
              return []
            }
          })
        ).pipe(Effect.tap(() => Queue.offer(queue, undefined))),
        (watchers) => Effect.sync(() => watchers.forEach((watcher) => watcher.close()))
      ),
    { bufferSize: 1, strategy: "sliding" }
  )

/** The commit that `head` names, at once and whenever it is another one. */
export const headMoves = (repo: string, head: string): Stream.Stream<string> => {
  const commit = git([
    "-C",
    repo,
    "rev-parse",
    "--verify",
    "-q",
    "--end-of-options",
    `${head}^{commit}`
  ]).pipe(
    Effect.map((text) => text.trim()),
    // Between two branches there may be none.
    Effect.catchTag("GitFailed", () => Effect.succeed(""))
  )
  const touched = Stream.unwrap(Effect.map(watchedFolders(repo, head), eventsIn))
  return Stream.merge(
    touched.pipe(Stream.debounce(quietTime)),
    Stream.drop(Stream.tick(pollInterval), 1)
  ).pipe(
    Stream.mapEffect(() => commit),
    Stream.filter((id) => id !== ""),
    Stream.changes
  )
}

const waiting = "foreman gate: waits for the next commit; Ctrl-C ends it\n"

/** A new commit ends the run of the one before: its processes and folders are gone before the next run begins. */
export const judgeEachMove = Effect.fn("gate.judgeEachMove")(function* (options: GateOptions) {
  if (!process.stdout.isTTY) {
    return yield* new GateConfigError({
      message: "--watch is for a terminal: without one run foreman gate for each commit"
    })
  }
  // A wrong repository or base ends it now, not at each commit.
  yield* find(options)
  const judge = find(options).pipe(
    Effect.flatMap((candidate) => judgeFound(candidate, options)),
    Effect.catchTag(["GateConfigError", "GateNotPassed"], ({ message }) =>
      Effect.sync(() => tell(`foreman gate: ${message}\n`))
    ),
    Effect.andThen(Effect.sync(() => tell(waiting)))
  )
  yield* headMoves(options.repo, options.head ?? "HEAD").pipe(
    Stream.switchMap(() => Stream.fromEffect(judge)),
    Stream.runDrain
  )
})
