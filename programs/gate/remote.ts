/** A remote for one gate, with the two commits of a candidate and the tags below them. It borrows the objects of the repository, and copies none. */
import { existsSync } from "node:fs"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { Effect } from "effect"

import { submoduleRefs, submodulesOf } from "../../layers/gate/submodules.ts"
import { git } from "../../layers/git/runGit.ts"
import { baseBranch, type Candidate } from "./candidate.ts"

const absolute = (root: string, path: string) =>
  git(["-C", root, "rev-parse", "--path-format=absolute", "--git-path", path]).pipe(
    Effect.map((text) => text.trim())
  )

export const makeRemote = Effect.fn("gate.makeRemote")(function* (candidate: Candidate, folder: string) {
  const { base, commit, name, root } = candidate
  const at = ["--git-dir", folder]
  yield* fetchMissing(root, [commit, base])
  const submodules = yield* submodulesAtHand(root, [commit, base])
  const quarantined = process.env["GIT_QUARANTINE_PATH"]
  const objects = [
    yield* absolute(root, "objects"),
    ...(quarantined === undefined ? [] : [quarantined]),
    ...new Set(submodules.map(({ objects }) => objects))
  ]
  const shallow = yield* absolute(root, "shallow")
  yield* git(["init", "-q", "--bare", folder])
  yield* Effect.promise(async () => {
    await mkdir(join(folder, "objects", "info"), { recursive: true })
    await writeFile(join(folder, "objects", "info", "alternates"), `${objects.join("\n")}\n`)
    if (existsSync(shallow)) await copyFile(shallow, join(folder, "shallow"))
  })
  // The judge asks for what it places, and a partial clone has no more than that.
  yield* git([...at, "config", "uploadpack.allowFilter", "true"])
  yield* git([...at, "config", "uploadpack.allowAnySHA1InWant", "true"])
  yield* git([...at, "update-ref", `refs/heads/${name}`, commit])
  yield* git([...at, "update-ref", `refs/heads/${baseBranch}`, base])
  const tags = yield* git([
    "-C",
    root,
    "for-each-ref",
    "--format=create %(refname) %(objectname)",
    `--merged=${commit}`,
    "refs/tags"
  ])
  yield* git([...at, "update-ref", "--stdin"], { input: tags })
  for (const { commit: id } of submodules) yield* git([...at, "update-ref", `${submoduleRefs}${id}`, id])
})

/** A partial clone has the commits and not their files: git fetches those of the two commits, as it would for a checkout of them. */
const fetchMissing = Effect.fnUntraced(function* (root: string, commits: ReadonlyArray<string>) {
  const remote = (yield* git(["-C", root, "config", "--get-regexp", String.raw`^remote\..*\.promisor$`]).pipe(
    Effect.orElseSucceed(() => "")
  )).split(".")[1]
  if (remote === undefined) return
  const listed = yield* git(["-C", root, "rev-list", "--objects", "--missing=print", "--no-walk", ...commits])
  const missing = listed.split("\n").flatMap((line) => (line.startsWith("?") ? [line.slice(1)] : []))
  if (missing.length === 0) return
  const quietly = ["--no-tags", "--no-write-fetch-head", "--recurse-submodules=no"]
  yield* git(
    [
      "-C",
      root,
      "-c",
      "fetch.negotiationAlgorithm=noop",
      "fetch",
      "-q",
      ...quietly,
      "--filter=blob:none",
      "--stdin",
      remote
    ],
    { input: `${missing.join("\n")}\n` }
  )
})

/** Submodules of these commits that the repository has, and where their objects are. */
const submodulesAtHand = Effect.fnUntraced(function* (root: string, commits: ReadonlyArray<string>) {
  const found: Array<{ readonly commit: string; readonly objects: string }> = []
  for (const one of commits) {
    for (const { commit, path } of yield* submodulesOf(["-C", root], one)) {
      const own = join(root, path)
      if (!existsSync(join(own, ".git"))) continue
      const isThere = yield* git(["-C", own, "cat-file", "-e", `${commit}^{commit}`]).pipe(
        Effect.as(true),
        Effect.orElseSucceed(() => false)
      )
      if (isThere) found.push({ commit, objects: yield* absolute(own, "objects") })
    }
  }
  return found
})
