/** What a submission becomes: a summary that fits, a commit message that exists. Pure; contract §4.3. */

import type { Schema } from "effect"

/** Characters of a summary. */
export const maxSummaryLength = 280
/** Characters of a commit's subject. */
const maxSubjectLength = 72

/** At most `limit` characters, cut after a sentence if one ends in the second half, else after a word, never inside a character. */
export const boundedSummary = (summary: string, limit = maxSummaryLength): string => {
  const characters = Array.from(summary.toWellFormed().trim())
  if (characters.length <= limit) return characters.join("")
  const head = characters.slice(0, limit - 1).join("")
  const sentence = Math.max(head.lastIndexOf(". "), head.lastIndexOf("! "), head.lastIndexOf("? "))
  if (sentence >= head.length / 2) return head.slice(0, sentence + 1)
  const word = head.lastIndexOf(" ")
  return `${word >= head.length / 2 ? head.slice(0, word) : head}…`
}

/** The model's message, or one made from its summary: a diff is never lost for want of a message. */
export const commitMessageOf = (message: string | undefined, summary: string): string => {
  const given = message?.trim() ?? ""
  if (given !== "") return given
  const subject = boundedSummary(summary.split("\n")[0] ?? "", maxSubjectLength).replace(/\.$/u, "")
  return subject === summary ? subject : `${subject}\n\n${summary}`
}

/** Levels and characters of what a submission may add: a status has room for more, but no writer of JSON goes arbitrarily deep. */
const maxLevels = 64
const maxExtraLength = 64 * 1024

/** Why what a submission adds is too much for a task's status; `undefined` where it is not. */
export const tooMuch = (extra: Schema.Json): string | undefined => {
  let level: ReadonlyArray<Schema.Json> = [extra]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxLevels) return `extra is nested deeper than ${maxLevels} levels`
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : []
    )
  }
  return JSON.stringify(extra).length > maxExtraLength
    ? `extra is longer than ${maxExtraLength} characters`
    : undefined
}
