/** Markdown for a comment or a summary: a table of checks and one of what was found. */
import { cut, type Envelope } from "../envelope.ts"
import { type Item, itemsOf, resultOf } from "./items.ts"
import { oneLine, placeOf } from "./text.ts"

/** A mention would notify somebody; between the two characters it is none. */
const zeroWidthSpace = "\u200b"

/**
 * Text as it is, in one line. What Markdown or HTML would take for a mark is written as its number, which nobody reads as a mark; `@`
 * notifies nobody, and `://` and `www.` make no link.
 */
export const escaped = (text: string): string =>
  oneLine(text)
    .replaceAll(/[\\`*_{}[\]()#+!|<>~&$^:"']|^[-=]|^\d+(?=\.)|(?<=\bwww)\./giu, (marks) =>
      Array.from(marks, (mark) => `&#${mark.codePointAt(0)};`).join("")
    )
    .replaceAll("@", `@${zeroWidthSpace}`)

const maxRows = 50
const maxMessage = 300

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`
const tableOf = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  rows.length === 0
    ? []
    : ["", row(head), row(head.map(() => "---")), ...rows.slice(0, maxRows).map((cells) => row(cells))]

const placesOf = ({ file, line, subject }: Item): string =>
  [file === undefined ? "" : placeOf(file, line), subject ?? ""].filter((part) => part !== "").join(" ")

const icons = { "GATE-PASS": "✅", "GATE-FAIL": "❌", "GATE-ERROR": "⚠️" } as const

export const markdown = (envelope: Envelope): string => {
  const { base, checks, commit, coverage, message, reason, verdict } = envelope
  const items = itemsOf(envelope).filter(({ rule }) => rule !== "gate")
  const uncovered = coverage?.uncovered ?? []
  return [
    `### ${icons[verdict]} ${verdict}${reason === undefined ? "" : ` ${escaped(reason)}`}`,
    "",
    escaped(cut(message, 2_000)),
    ...tableOf(
      ["check", "role", "result", "seconds", "about"],
      checks.map((check) => [
        escaped(check.name),
        escaped(check.role ?? ""),
        escaped(resultOf(check)),
        check.skipped === undefined ? check.seconds.toFixed(2) : "",
        escaped(cut(check.skipped ?? check.message ?? "", maxMessage))
      ])
    ),
    ...tableOf(
      ["level", "rule", "where", "what"],
      items.map((item) => [
        item.level,
        escaped(item.rule),
        escaped(cut(placesOf(item), maxMessage)),
        escaped(cut(item.message, maxMessage))
      ])
    ),
    ...(items.length > maxRows ? ["", `${items.length - maxRows} more are in the log.`] : []),
    ...(uncovered.length === 0
      ? []
      : [
          "",
          `Nothing examined ${uncovered.slice(0, 10).map(escaped).join(", ")}${uncovered.length > 10 ? ", …" : ""}`
        ]),
    ...(commit === undefined ? [] : ["", `Commit ${escaped(commit)}, against ${escaped(base ?? "nothing")}.`])
  ].join("\n")
}
