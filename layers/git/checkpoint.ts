/**
 * The files of a run as a tree of git, in a folder that outlives the checkout: what another process of the same run goes on from. Objects
 * that the clone has are not copied; the next clone has them, too.
 */
import { copyFileSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"

import { Effect } from "effect"

import { GitError, type Resume, WorkspaceUnusable } from "../../src/services/GitWorkspace.ts"
import type { Checkout } from "./checkout.ts"
import { mustPass, type Private } from "./git.ts"

const unusable = (message: string) => new GitError({ reason: new WorkspaceUnusable({ message }) })

/** Git with an index and a place for new objects of its own, beside what our repository has. */
export const beside = (place: Private, folder: string): Readonly<Record<string, string>> => ({
  GIT_INDEX_FILE: join(folder, "index"),
  GIT_OBJECT_DIRECTORY: join(folder, "objects"),
  GIT_ALTERNATE_OBJECT_DIRECTORIES: join(place.repository, "objects")
})

/** Makes the folder. The index begins as ours, which knows the files of the checkout, so that only what changed is read. Throws. */
export const prepare = (place: Private, folder: string): void => {
  mkdirSync(join(folder, "objects"), { recursive: true, mode: 0o700 })
  const index = join(place.repository, "index")
  if (existsSync(index)) copyFileSync(index, join(folder, "index"))
}

/** Puts the work where it was: the same base, and the files of the checkpoint. Fails where the remote has that base no more. */
export const goBack = Effect.fnUntraced(function* (
  place: Private,
  directory: string,
  made: Checkout,
  { folder, start, tree }: Resume
) {
  const { baseCommit, parent, seen } = start
  for (const commit of [baseCommit, parent]) {
    yield* mustPass(place, ["cat-file", "-e", `${commit}^{commit}`], () =>
      unusable(`the remote has the commit ${commit} no more, from which the run began`)
    )
  }
  if (made.baseCommit !== baseCommit) {
    const repository = join(directory, ".git")
    yield* mustPass(place, ["checkout", "-q", "-f", "-B", made.branch, baseCommit], unusable, {
      repository,
      workTree: directory
    })
    yield* onDisk(() => copyFileSync(join(repository, "index"), join(place.repository, "index")))
  }
  if (tree !== undefined) {
    yield* onDisk(() => prepare(place, folder))
    yield* mustPass(place, ["read-tree", "-u", "--reset", tree], unusable, {
      workTree: directory,
      env: beside(place, folder)
    })
  }
  return { branch: made.branch, baseCommit, parent, seen } satisfies Checkout
})

const onDisk = (action: () => void) =>
  Effect.try({
    try: action,
    catch: (cause) => unusable(cause instanceof Error ? cause.message : String(cause))
  })
