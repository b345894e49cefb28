/** The change between two commits, as git sees it: files, line numbers and both texts. */
import { Effect } from "effect"

import type { Change, ChangedFile } from "../../src/gate/change.ts"
import type { GitFailed } from "../git/runGit.ts"

/** Git in the judge's repository. */
export type Git = (args: ReadonlyArray<string>, input?: string) => Effect.Effect<Buffer, GitFailed>

const maxTextBytes = 1024 * 1024
/** Of all texts together. What comes after has none, like a file that is no text. */
const maxTextsBytes = 64 * 1024 * 1024

/** A candidate's attributes could make git hide lines (`* -diff`): they are looked for in a tree without any. */
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
const settings = ["-c", `attr.tree=${emptyTree}`, "-c", `core.bigFileThreshold=${maxTextBytes}`]
/** Its `.gitmodules` could hide a submodule (`ignore = all`). */
const whole = ["--no-ext-diff", "--no-textconv", "--ignore-submodules=none"]
const diff = ["diff", "-M", "--no-color", ...whole, "--full-index", "--no-abbrev"]

interface RawFile {
  readonly status: ChangedFile["status"]
  readonly path: string
  readonly oldPath: string | undefined
  readonly before: string
  readonly after: string
  /** Neither a link nor a submodule. */
  readonly isFile: boolean
}

/** Renames are followed. `from` is what the change is measured against, the merge base. */
export const readChange = Effect.fn("readChange")(function* (
  git: Git,
  from: string,
  to: string
): Effect.fn.Return<Change, GitFailed> {
  const raw = parseRaw((yield* git([...settings, ...diff, "--raw", "-z", from, to])).toString("utf8"))
  // Fetches what it compares at one go, where the clone has no contents yet; the texts below are then at hand.
  const hunks = parseHunks((yield* git([...settings, ...diff, "-U0", from, to])).toString("utf8"))
  const texts = yield* readTexts(
    git,
    raw.flatMap(({ isFile, before, after }) => (isFile ? [before, after] : []))
  )
  const files = raw.map(({ status, path, oldPath, before, after }): ChangedFile => {
    const zeros = "0".repeat(after.length)
    const lines = hunks.get(`${before}..${after}`)
    return {
      path,
      ...(oldPath !== undefined && { oldPath }),
      status,
      // What was a link and is a file now, or the other way round, git tells as one that went and one that came.
      addedLines: (lines ?? hunks.get(`${zeros}..${after}`))?.added ?? [],
      removedLines: (lines ?? hunks.get(`${before}..${zeros}`))?.removed ?? [],
      before: texts.get(before),
      after: texts.get(after)
    }
  })
  return { files }
})

const statuses: Readonly<Record<string, ChangedFile["status"]>> = { A: "added", D: "deleted", R: "renamed" }

/** `:<mode> <mode> <blob> <blob> <status>`, the path, and of a rename the new path, each ended by NUL. */
const parseRaw = (text: string): ReadonlyArray<RawFile> => {
  const fields = text.split("\0")
  const files: Array<RawFile> = []
  for (let at = 0; at + 1 < fields.length;) {
    const [oldMode = "", mode = "", before = "", after = "", letter = ""] = (fields[at] ?? "")
      .slice(1)
      .split(" ")
    const status = statuses[letter.charAt(0)] ?? "modified"
    const isRenamed = status === "renamed"
    const first = fields[at + 1] ?? ""
    files.push({
      status,
      path: isRenamed ? (fields[at + 2] ?? "") : first,
      oldPath: isRenamed ? first : undefined,
      before,
      after,
      isFile: [oldMode, mode].every((each) => each.startsWith("100") || each === "000000")
    })
    at += isRenamed ? 3 : 2
  }
  return files
}

interface Lines {
  readonly added: Array<number>
  readonly removed: Array<number>
}

/**
 * Line numbers by the two blobs that were compared: a path would have to be unquoted, and the same two blobs differ in the same lines.
 * Every line of a text begins with `+`, `-` or `\`, so no text can pass for a header.
 */
const parseHunks = (patch: string): ReadonlyMap<string, Lines> => {
  const files = new Map<string, Lines>()
  let lines: Lines | undefined
  for (const line of patch.split("\n")) {
    if (line.startsWith("diff --git ")) lines = undefined
    const blobs = /^index ([0-9a-f]+\.\.[0-9a-f]+)/u.exec(line)?.[1]
    if (blobs !== undefined) {
      lines = { added: [], removed: [] }
      files.set(blobs, lines)
    }
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/u.exec(line)
    if (hunk === null || lines === undefined) continue
    pushRange(lines.removed, hunk[1], hunk[2])
    pushRange(lines.added, hunk[3], hunk[4])
  }
  return files
}

const pushRange = (lines: Array<number>, start: string | undefined, count: string | undefined): void => {
  const length = Number(count ?? "1")
  for (let index = 0; index < length; index++) lines.push(Number(start) + index)
}

/** By blob: what is text and at most 1 MiB. */
const readTexts = Effect.fnUntraced(function* (
  git: Git,
  blobs: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyMap<string, string>, GitFailed> {
  const ids = [...new Set(blobs)].filter((id) => !/^0+$/u.test(id))
  if (ids.length === 0) return new Map()
  const sizes = (yield* git(["cat-file", "--batch-check"], `${ids.join("\n")}\n`)).toString("latin1")
  let total = 0
  const wanted = sizes.split("\n").flatMap((line) => {
    const [id = "", type, size = "0"] = line.split(" ")
    if (type !== "blob" || Number(size) > maxTextBytes || total + Number(size) > maxTextsBytes) return []
    total += Number(size)
    return [id]
  })
  if (wanted.length === 0) return new Map()
  return parseBlobs(yield* git(["cat-file", "--batch"], `${wanted.join("\n")}\n`))
})

/** `<id> blob <size>`, the bytes and a line feed, again and again. Git too calls a file with a NUL near its beginning no text. */
const parseBlobs = (bytes: Buffer): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const endOfHeader = bytes.indexOf(10, at)
    const [id = "", , size = "0"] = bytes.toString("latin1", at, endOfHeader).split(" ")
    const content = bytes.subarray(endOfHeader + 1, endOfHeader + 1 + Number(size))
    if (!content.subarray(0, 8_000).includes(0)) texts.set(id, content.toString("utf8"))
    at = endOfHeader + 1 + Number(size) + 1
  }
  return texts
}
