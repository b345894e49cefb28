/** Base and commit as the rules about settings read them, and how a rule says what it found. */
import type { Change, ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"
import type { Parse } from "../weakened/syntax.ts"
import { readSettings, type Value } from "./value.ts"

export interface Sides {
  readonly change: Change
  /** Every path of the base and of the commit. */
  readonly baseFiles: ReadonlyArray<string>
  readonly commitFiles: ReadonlyArray<string>
  /** Texts of settings that the change leaves alone (`settingsBeside`). */
  readonly unchanged: ReadonlyMap<string, string>
  readonly parse: Parse
}

/** `fail` is certain; `ask` cannot know the intent; `note` is shown and never held against the change. */
export type Weight = "fail" | "ask" | "note"

export const say = (
  file: Pick<ChangedFile, "path" | "after" | "addedLines">,
  weight: Weight,
  message: string,
  /** A word of the added line that the finding is about. */
  word?: string
): Finding => {
  const lines = file.after?.split("\n") ?? []
  const line =
    word === undefined ? undefined : file.addedLines.find((number) => lines[number - 1]?.includes(word))
  return {
    rule: "settings",
    file: file.path,
    ...(line !== undefined && { line }),
    message,
    ...(weight === "note" && { isNote: true as const }),
    ...(weight === "ask" && { asks: true as const })
  }
}

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1)
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** The text of a path in the base, then in the commit. */
export const textsAt = (
  { change, unchanged }: Sides,
  path: string
): readonly [before: string | undefined, after: string | undefined] => {
  const touched = change.files.filter((file) => file.path === path || file.oldPath === path)
  if (touched.length === 0) return [unchanged.get(path), unchanged.get(path)]
  return [
    touched.find((file) => (file.oldPath ?? file.path) === path)?.before,
    touched.find((file) => file.path === path && file.status !== "deleted")?.after
  ]
}

/** Settings of a path in the base, then in the commit. */
export const settingsAt = (
  sides: Sides,
  path: string
): readonly [before: Value | undefined, after: Value | undefined] => {
  const [before, after] = textsAt(sides, path)
  return [readSettings(path, before, sides.parse), readSettings(path, after, sides.parse)]
}

/** Some names, for a message. */
export const some = (names: ReadonlyArray<string>): string =>
  `${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`
