/** The folder in which the candidate runs, seen from the judge's repository: what is put there, and what the checks made of it. */
import { randomUUID } from "node:crypto"
import { chmod, lstat, mkdir, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"

import { Effect } from "effect"

import { wipe } from "../wipe.ts"
import type { Overlay } from "../../src/services/GateCheckout.ts"
import type { GateError } from "../../src/services/GateError.ts"
import * as candidateRepository from "./candidateRepository.ts"
import { onDisk } from "./disk.ts"
import { placeSubmodules, type Submodule } from "./submodules.ts"
import { git, type GitFailed } from "../git/runGit.ts"

export interface WorkFolderOptions {
  readonly gitDir: string
  readonly workDir: string
  readonly judgeDir: string
  readonly env: { readonly [name: string]: string }
}

/** Folders of installed dependencies, by their usual names. Where git ignores them they stay whole, whatever else it ignores in them. */
const installed = new Set(["node_modules", ".venv", "venv", "target", "vendor"])

const isInstalled = (path: string): boolean => path.split("/").some((part) => installed.has(part))

/** A volume's own folder is root's, and no candidate locked it. */
const unlock = async (folder: string): Promise<void> => {
  const found = await stat(folder).catch(() => undefined)
  if (found === undefined || (found.mode & 0o700) === 0o700 || found.uid !== process.getuid?.()) return
  await chmod(folder, (found.mode & 0o7777) | 0o700)
}

export const make = (options: WorkFolderOptions) => {
  const { gitDir, workDir, judgeDir } = options
  const repository = candidateRepository.make({ gitDir, judgeDir })
  let placed = 0
  let absent: ReadonlyArray<Submodule> = []
  /** Paths that git ignores and that stay: what set-up made. */
  const setUp = new Set<string>()
  const indexFile = (name: string) => join(judgeDir, `${name}-${placed}.index`)
  const run = (index: string, args: ReadonlyArray<string>, more: { readonly [name: string]: string } = {}) =>
    git([`--git-dir=${gitDir}`, ...args], { env: { ...options.env, ...more, GIT_INDEX_FILE: index } })
  const onTree = (index: string, ...args: ReadonlyArray<string>) =>
    run(index, [`--work-tree=${workDir}`, "-c", "core.bare=false", ...args])

  /**
   * A candidate may put a link in the place of the folder: what is cleaned and written would be somebody's own. It may lock the folder, or
   * the one around it.
   */
  const real = onDisk(async () => {
    await unlock(dirname(workDir))
    const found = await lstat(workDir).catch(() => undefined)
    if (found?.isDirectory() === false) await rm(workDir)
    await mkdir(workDir, { recursive: true })
    await unlock(workDir)
  })

  /** A fresh index knows no sizes and times: every file is written, however well a candidate put its looks back. */
  const write = Effect.fnUntraced(function* (commit: string) {
    yield* real
    yield* onTree(indexFile("placed"), "read-tree", "--reset", "-u", commit)
    absent = yield* placeSubmodules(options, commit)
  })

  const rewrite = Effect.fnUntraced(function* (commit: string) {
    yield* real
    // With its configuration the candidate's repository could name a program for our git to run.
    yield* onDisk(async () => wipe(join(workDir, ".git")))
    yield* write(commit)
    yield* onTree(indexFile("placed"), "clean", "-ffdq")
    const leftovers = (yield* ignored).filter((path) => !setUp.has(path))
    yield* onDisk(async () => {
      for (const path of leftovers) wipe(join(workDir, path))
    })
  })

  /** What git ignores, installed dependencies aside; of a folder that is ignored whole, the folder with a slash at its end. */
  const ignored = Effect.suspend(() =>
    onTree(
      indexFile("placed"),
      "ls-files",
      "-z",
      "--others",
      "--ignored",
      "--exclude-standard",
      "--directory"
    )
  ).pipe(Effect.map((text) => text.split("\0").filter((path) => path !== "" && !isInstalled(path))))

  return {
    place: Effect.fn("WorkFolder.place")(function* (
      commit: string
    ): Effect.fn.Return<void, GateError | GitFailed> {
      placed += 1
      if (placed === 1) yield* write(commit)
      else {
        // A candidate may leave behind what cannot be emptied: then the whole folder steps aside.
        yield* rewrite(commit).pipe(
          Effect.catch(() =>
            Effect.andThen(
              onDisk(() => rename(workDir, `${workDir}.${randomUUID()}`)),
              write(commit)
            )
          )
        )
      }
      yield* repository.give(workDir, commit)
    }),

    /** Submodules of the commit that was placed last whose files are not there. */
    absentSubmodules: Effect.sync(() => absent),

    ignored,

    /** From now on what git ignores here stays when another commit is placed. */
    keepIgnored: ignored.pipe(
      Effect.map((paths) => {
        for (const path of paths) setUp.add(path)
      })
    ),

    /** A commit, the same for the same parts, that nothing refers to. */
    mixed: Effect.fn("WorkFolder.mixed")(function* (
      commit: string,
      other: Overlay
    ): Effect.fn.Return<string, GitFailed> {
      const index = join(judgeDir, "mixed.index")
      const paths = new Set(other.paths)
      yield* run(index, ["read-tree", commit])
      const listed = (yield* run(index, ["ls-tree", "-r", "-z", other.from])).split("\0")
      const there = listed.flatMap((line) => {
        const [, mode, id, path] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/su.exec(line) ?? []
        return path !== undefined && paths.has(path) ? [{ path, entry: `${mode} ${id}\t${path}\0` }] : []
      })
      const absent = [...paths]
        .filter((path) => there.every((each) => each.path !== path))
        .map((path) => `0 ${"0".repeat(commit.length)}\t${path}\0`)
      const modes = new Map(
        other.texts === undefined || other.texts.size === 0
          ? []
          : (yield* run(index, ["ls-files", "-s", "-z"])).split("\0").flatMap((line) => {
              const [, mode, path] = /^(\d+) [0-9a-f]+ \d\t(.*)$/su.exec(line) ?? []
              return mode !== undefined && path !== undefined ? [[path, mode] as const] : []
            })
      )
      const written = yield* Effect.forEach(other.texts ?? [], ([path, text]) =>
        git([`--git-dir=${gitDir}`, "hash-object", "-w", "--stdin"], { env: options.env, input: text }).pipe(
          // A file of the commit keeps its mode: its text is all that differs.
          Effect.map((id) => `${modes.get(path) ?? "100755"} ${id.trim()}\t${path}\0`)
        )
      )
      // What goes is taken out first: a file may stand where the other commit has a folder.
      // It asks for a work tree, and never looks into it.
      const ours = [`--git-dir=${gitDir}`, `--work-tree=${judgeDir}`, "-c", "core.bare=false"]
      yield* git([...ours, "update-index", "-z", "--index-info"], {
        env: { ...options.env, GIT_INDEX_FILE: index },
        input: [...absent, ...there.map(({ entry }) => entry), ...written].join("")
      })
      const tree = (yield* run(index, ["write-tree", "--missing-ok"])).trim()
      const parents = (yield* run(index, ["rev-parse", `${commit}^@`])).split("\n").filter((id) => id !== "")
      const after = parents.flatMap((parent) => ["-p", parent])
      const made = yield* run(index, ["commit-tree", tree, ...after, "-m", "mixed"], nobody)
      return made.trim()
    }),

    dirty: Effect.fn("WorkFolder.dirty")(function* (
      commit: string
    ): Effect.fn.Return<ReadonlyArray<string>, GateError | GitFailed> {
      yield* real
      // A fresh index knows no sizes and times, so every file is read: a changed file cannot pass for an unchanged one.
      yield* run(indexFile("dirty"), ["update-ref", "--no-deref", "HEAD", commit])
      yield* onTree(indexFile("dirty"), "read-tree", commit)
      // A submodule's own configuration is the candidate's: git must not look inside.
      const status = yield* onTree(
        indexFile("dirty"),
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=dirty"
      )
      return status.split("\0").filter((line) => line !== "")
    }),

    /** Of what `dirty` named. */
    diffStat: Effect.suspend(() =>
      onTree(
        indexFile("dirty"),
        "diff",
        "--stat",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=dirty"
      )
    )
  }
}

const nobody = {
  GIT_AUTHOR_NAME: "Foreman",
  GIT_AUTHOR_EMAIL: "foreman@localhost",
  GIT_AUTHOR_DATE: "1000000000 +0000",
  GIT_COMMITTER_NAME: "Foreman",
  GIT_COMMITTER_EMAIL: "foreman@localhost",
  GIT_COMMITTER_DATE: "1000000000 +0000"
}
