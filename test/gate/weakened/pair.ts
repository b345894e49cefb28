/** Before and after of a test file, and of the code that it tests where that matters. */
import type { Change, ChangedFile } from "../../../src/gate/change.ts"

type Files = Readonly<Record<string, string>>

export interface Case {
  /** The rule that it shows. */
  readonly name: string
  readonly base: Files
  readonly head: Files
  /** `finding`: held against the change. `note`: told. `pass`: neither. */
  readonly is: "finding" | "note" | "pass"
  /** What a finding weighs: it fails the change, or asks. */
  readonly weighs?: "fail" | "ask"
  /** A part of the sentence. */
  readonly says?: string
}

const linesOf = (text: string): ReadonlyArray<number> => text.split("\n").map((_, index) => index + 1)

/** Files of the same path in both are modified; the whole text counts as touched. */
export const changeOf = ({ base, head }: Pick<Case, "base" | "head">): Change => ({
  files: withRenames(
    [...new Set([...Object.keys(base), ...Object.keys(head)])].flatMap((path): ReadonlyArray<ChangedFile> => {
      const [before, after] = [base[path], head[path]]
      if (before === after) return []
      return [
        {
          path,
          status: before === undefined ? "added" : after === undefined ? "deleted" : "modified",
          before,
          after,
          addedLines: linesOf(after ?? "").filter(
            (line) => !(before ?? "").split("\n").includes((after ?? "").split("\n")[line - 1] ?? "")
          ),
          removedLines: linesOf(before ?? "").filter(
            (line) => !(after ?? "").split("\n").includes((before ?? "").split("\n")[line - 1] ?? "")
          )
        }
      ]
    })
  )
})

/** A text that went from one path to another is a rename, as git sees it. */
const withRenames = (files: ReadonlyArray<ChangedFile>): ReadonlyArray<ChangedFile> => {
  const sourceOf = (file: ChangedFile) =>
    files.find(({ after, before }) => after === undefined && before === file.after)
  const sources = new Set(files.flatMap((file) => (file.status === "added" ? (sourceOf(file) ?? []) : [])))
  return files
    .filter((file) => !sources.has(file))
    .map((file) => {
      const source = file.status === "added" ? sourceOf(file) : undefined
      return source === undefined
        ? file
        : { ...file, status: "renamed", oldPath: source.path, before: source.before, addedLines: [] }
    })
}
