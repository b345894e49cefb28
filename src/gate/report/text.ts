/** Texts of others (names of files, messages, output) on their way into a report. */

const escape = String.fromCodePoint(0x1b)
const bell = String.fromCodePoint(0x07)
/** Sequences by which a terminal is told what to do: colours and the cursor, then titles and hyperlinks. */
const escapes = new RegExp(
  String.raw`${escape}(?:\[[0-?]*[ -/]*[@-~]|\][^${bell}${escape}]*(?:${bell}|${escape}\\)?|[@-Z\\^_])`,
  "gu"
)
/** Control characters, separators of lines, and marks that turn the direction in which text is read. */
const controls = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

/** One line without anything that a terminal or an editor obeys: each such character is shown as `?`. */
export const oneLine = (text: string): string => text.toWellFormed().replaceAll(controls, "?")

/** The same for text of several lines: line feeds and tabs stay, colours of terminals go. */
export const manyLines = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(escapes, "")
    .replaceAll("\r\n", "\n")
    .replaceAll(controls, (character) => (character === "\n" || character === "\t" ? character : "?"))

/** A file and a line of it, as people write it. */
export const placeOf = (file: string, line: number | undefined): string =>
  line === undefined ? file : `${file}:${line}`
