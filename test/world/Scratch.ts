/** A repository of our own that borrows the objects of a clone: commits are made in it, and the clone stays as it is. */
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

import { git, gitBytes } from "./git.ts"

export interface Scratch {
  readonly dir: string
  /** The tree of `from` with some files put in place of what it has, as a commit on `parent`; the commit's hash. */
  readonly commit: (
    from: string,
    parent: string,
    files: ReadonlyMap<string, string | undefined>
  ) => Promise<string>
  /** A file's text; undefined where there is none, or it is no text. */
  readonly text: (commit: string, path: string) => Promise<string | undefined>
}

const author = {
  GIT_AUTHOR_NAME: "World",
  GIT_AUTHOR_EMAIL: "world@localhost",
  GIT_COMMITTER_NAME: "World",
  GIT_COMMITTER_EMAIL: "world@localhost",
  GIT_AUTHOR_DATE: "2026-11-30T00:00:00Z",
  GIT_COMMITTER_DATE: "2026-11-30T00:00:00Z"
}

/** In `folder`, which later runs find again: caches of the gate are kept for a repository by its path. */
export const openScratch = async (folder: string, clone: string): Promise<Scratch> => {
  const dir = resolve(folder)
  if (!existsSync(join(dir, ".git"))) {
    mkdirSync(dir, { recursive: true })
    await git(dir, ["init", "-q", "--template=", "--initial-branch=nothing"])
    const objects = await git(clone, ["rev-parse", "--path-format=absolute", "--git-path", "objects"])
    mkdirSync(join(dir, ".git", "objects", "info"), { recursive: true })
    writeFileSync(join(dir, ".git", "objects", "info", "alternates"), `${objects}\n`)
    mkdirSync(join(dir, ".git", "info"), { recursive: true })
    appendFileSync(join(dir, ".git", "info", "exclude"), "*\n")
  }
  const index = { ...author, GIT_INDEX_FILE: join(dir, ".git", "made.index") }
  return {
    dir,
    commit: async (from, parent, files) => {
      await git(dir, ["read-tree", from], index)
      for (const [path, text] of files) {
        if (text === undefined) {
          await git(dir, ["update-index", "--force-remove", "--", path], index)
          continue
        }
        const file = join(dir, ".git", "made.blob")
        writeFileSync(file, text)
        const blob = await git(dir, ["hash-object", "-w", "--no-filters", file])
        const listed = await git(dir, ["ls-tree", "-z", from, "--", path])
        const mode = listed.startsWith("100755") ? "100755" : "100644"
        await git(dir, ["update-index", "--add", "--cacheinfo", `${mode},${blob},${path}`], index)
      }
      const tree = await git(dir, ["write-tree"], index)
      return git(dir, ["commit-tree", tree, "-p", parent, "-m", "A commit of the world"], index)
    },
    text: async (commit, path) => {
      const bytes = await gitBytes(dir, ["cat-file", "blob", `${commit}:${path}`]).catch(() => undefined)
      return bytes === undefined || bytes.includes(0) ? undefined : bytes.toString("utf8")
    }
  }
}
