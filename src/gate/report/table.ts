/** What `foreman gate` shows a person: a table of the checks, what was found, and the verdict in a sentence. */
import type { GateCheck } from "../../../schema/Result.ts"
import type { Envelope } from "../envelope.ts"
import { isRed, resultOf } from "./items.ts"
import { oneLine, placeOf } from "./text.ts"

const colours = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const
type Colour = keyof typeof colours
export type Paint = (colour: Colour, text: string) => string

export const painter =
  (isColoured: boolean): Paint =>
  (colour, text) =>
    isColoured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text

const colourOf = (check: GateCheck): Colour =>
  check.skipped !== undefined ? "dim" : isRed(check) ? "red" : "green"

const tableOf = (checks: ReadonlyArray<GateCheck>, paint: Paint): ReadonlyArray<string> => {
  const rows = checks.map((check) => {
    const time = check.skipped === undefined ? `${check.seconds.toFixed(2)} s` : ""
    const about = check.skipped ?? check.message ?? (check.paths ?? []).join(" ")
    const covered = String(check.covered ?? "")
    const cells = [check.name, check.role ?? "", resultOf(check), time, covered, about].map(oneLine)
    return { colour: colourOf(check), cells }
  })
  const head = ["CHECK", "ROLE", "RESULT", "TIME", "FILES", ""]
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0))
  )
  const line = (cells: ReadonlyArray<string>, dress = (text: string, _column: number) => text) =>
    cells
      .map((cell, column) => dress(cell.padEnd(column === 5 ? 0 : (widths[column] ?? 0)), column))
      .join("  ")
  return [
    paint("dim", line(head).trimEnd()),
    ...rows.map(({ cells, colour }) =>
      line(cells, (text, column) => (column === 2 ? paint(colour, text) : text)).trimEnd()
    )
  ]
}

const verdictColours = { "GATE-PASS": "green", "GATE-FAIL": "red", "GATE-ERROR": "yellow" } as const
const maxUncovered = 10

/** Lines for people, each without control characters of the candidate's. */
export const table = (envelope: Envelope, paint: Paint): string => {
  const { approvals = [], checks, coverage, findings = [], message, reason, verdict } = envelope
  const uncovered = coverage?.uncovered ?? []
  const word = `${verdict}${reason === undefined ? "" : ` ${reason}`}`
  return [
    "",
    ...(checks.length === 0 ? [] : [...tableOf(checks, paint), ""]),
    ...findings.map(({ file, isNote, line, message: what, rule, test, weight = "found" }) => {
      const place = `${placeOf(file, line)}${test === undefined ? "" : ` ${test}`}`
      return oneLine(`${isNote === true ? "note" : weight}  ${rule}  ${place}  ${what}`)
    }),
    ...(findings.length === 0 ? [] : [""]),
    ...approvals.map(({ by, path, reason: why, rule }) =>
      oneLine(`allowed by ${by ?? "--allow"}: ${rule} in ${path}: ${why}`)
    ),
    ...(approvals.length === 0 ? [] : [""]),
    ...(uncovered.length === 0
      ? []
      : [
          oneLine(
            `Nothing examined ${uncovered.slice(0, maxUncovered).join(", ")}${uncovered.length > maxUncovered ? ", …" : ""}`
          ),
          ""
        ]),
    `${paint(verdictColours[verdict], paint("bold", word))}: ${oneLine(message)}`,
    ...(envelope.commit === undefined
      ? []
      : [paint("dim", `commit ${envelope.commit}, against ${envelope.base ?? "nothing"}`)]),
    ""
  ].join("\n")
}
