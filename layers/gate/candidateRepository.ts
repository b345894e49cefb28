/**
 * The repository that the candidate finds in its work folder. Checks ask git about themselves (`git diff --exit-code`, `git describe`), and
 * may do to it what they like: it is not the one that judges. It has the commit; where a tag is near, also the commits and trees down to
 * the tag, for a version that is made of both.
 */
import { cp, mkdir } from "node:fs/promises"
import { join } from "node:path"

import { Effect } from "effect"

import type { GateError } from "../../src/services/GateError.ts"
import { git, type GitFailed } from "../git/runGit.ts"
import { onDisk } from "./disk.ts"

interface Options {
  readonly gitDir: string
  readonly judgeDir: string
}

/** Commits between a commit and its tag; one that is farther away is not there. */
const farthestTag = 1_000

export const make = ({ gitDir, judgeDir }: Options) => {
  const ours = (...args: ReadonlyArray<string>) => git([`--git-dir=${gitDir}`, ...args])
  const made = new Set<string>()

  /** How deep the history must be for the nearest tag, and the tags from there on; undefined where none is near. */
  const tagged = Effect.fnUntraced(function* (commit: string) {
    // A release's tag has a message; one without is taken where there is no other.
    const nearest = yield* ours("describe", "--abbrev=0", commit).pipe(
      Effect.catchTag("GitFailed", () => ours("describe", "--tags", "--abbrev=0", commit)),
      Effect.map((text) => text.trim()),
      Effect.catchTag("GitFailed", () => Effect.undefined)
    )
    if (nearest === undefined) return undefined
    const range = ["--count", `--max-count=${farthestTag + 1}`, `refs/tags/${nearest}..${commit}`]
    const between = Number(yield* ours("rev-list", ...range))
    if (between > farthestTag) return undefined
    const listed = yield* ours(
      "for-each-ref",
      "--format=%(objectname) %(objecttype) %(refname)",
      `--merged=${commit}`,
      `--contains=refs/tags/${nearest}`,
      "refs/tags"
    )
    return { depth: between + 1, tags: listed.split("\n").filter((line) => line !== "") }
  })

  /** Written once for each commit, and copied from then on. */
  const template = Effect.fnUntraced(function* (
    commit: string
  ): Effect.fn.Return<string, GateError | GitFailed> {
    const folder = join(judgeDir, `given-${commit}`)
    if (made.has(commit)) return folder
    yield* onDisk(() => mkdir(folder, { recursive: true }))
    const at = (...args: ReadonlyArray<string>) => git(["-C", folder, ...args])
    const from = `file://${gitDir}`
    yield* at("init", "-q", ".")
    yield* at("fetch", "-q", "--no-tags", "--depth", "1", from, commit)
    const near = yield* tagged(commit)
    if (near !== undefined && near.depth > 1) {
      // The files of older commits stay away: nobody checks them out, and there may be many.
      yield* at("fetch", "-q", "--no-tags", "--filter=blob:none", "--depth", String(near.depth), from, commit)
    }
    for (const line of near?.tags ?? []) {
      const [id = "", type, ref = ""] = line.split(" ")
      if (type === "tag") {
        const text = yield* ours("cat-file", "tag", id)
        yield* git(["-C", folder, "hash-object", "-t", "tag", "-w", "--stdin"], { input: text })
      } else if (type !== "commit") continue
      yield* at("update-ref", ref, id)
    }
    // Nothing in it says where the judge's repository lies.
    yield* at("config", "--remove-section", `remote.${from}`).pipe(Effect.ignore)
    yield* at("update-ref", "--no-deref", "HEAD", commit)
    made.add(commit)
    return folder
  })

  return {
    /** Puts it into a work folder whose files are those of the commit. */
    give: Effect.fn("candidateRepository.give")(function* (
      workDir: string,
      commit: string
    ): Effect.fn.Return<void, GateError | GitFailed> {
      const folder = yield* template(commit)
      yield* onDisk(() => cp(join(folder, ".git"), join(workDir, ".git"), { recursive: true }))
      yield* git(["-C", workDir, "reset", "-q", commit])
    })
  }
}
