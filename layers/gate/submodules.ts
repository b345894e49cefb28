/** Files of submodules and of Git LFS, as far as they can be had without asking another host. */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"

import { Effect } from "effect"

import type { GateError } from "../../src/services/GateError.ts"
import { git, type GitFailed } from "../git/runGit.ts"
import { onDisk } from "./disk.ts"

/** Where a remote that is made for one gate shows the commits of submodules that its repository has. */
export const submoduleRefs = "refs/foreman/submodules/"

export interface Submodule {
  readonly path: string
  readonly commit: string
}

/** Those that a commit names. `at` are the words that lead git to its repository. */
export const submodulesOf = (at: ReadonlyArray<string>, commit: string) =>
  git([...at, "ls-tree", "-r", "-z", commit]).pipe(
    Effect.map((listed) =>
      listed.split("\0").flatMap((line): ReadonlyArray<Submodule> => {
        const [, id, path] = /^160000 commit ([0-9a-f]+)\t(.*)$/su.exec(line) ?? []
        return id === undefined || path === undefined ? [] : [{ path, commit: id }]
      })
    )
  )

interface Place {
  readonly gitDir: string
  readonly workDir: string
  readonly judgeDir: string
}

/** Writes the files of each submodule of a commit that is at hand. Returns those that are not. */
export const placeSubmodules = Effect.fn("placeSubmodules")(function* (
  { gitDir, judgeDir, workDir }: Place,
  commit: string
): Effect.fn.Return<ReadonlyArray<Submodule>, GateError | GitFailed> {
  const missing: Array<Submodule> = []
  const at = [`--git-dir=${gitDir}`]
  for (const [index, submodule] of (yield* submodulesOf(at, commit)).entries()) {
    const folder = join(workDir, submodule.path)
    const isThere = yield* git([...at, "cat-file", "-e", `${submodule.commit}^{commit}`]).pipe(
      Effect.as(true),
      Effect.orElseSucceed(() => false)
    )
    if (!isThere) {
      missing.push(submodule)
      continue
    }
    yield* onDisk(() => mkdir(folder, { recursive: true }))
    const tree = ["-c", "core.bare=false", `--work-tree=${folder}`, "read-tree", "--reset", "-u"]
    yield* git([...at, ...tree, submodule.commit], {
      env: { GIT_INDEX_FILE: join(judgeDir, `submodule-${index}.index`) }
    })
  }
  return missing
})
