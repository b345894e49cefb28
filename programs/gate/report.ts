/** What `foreman gate` shows in the end: a table of the checks, what was found, and the verdict in a sentence. */
import type { GateCheck } from "../../schema/Result.ts"
import type { Envelope } from "../../src/gate/envelope.ts"

const colours = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const
export type Paint = (colour: keyof typeof colours, text: string) => string

export const painter =
  (isColoured: boolean): Paint =>
  (colour, text) =>
    isColoured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text

/** What a terminal would take for a command of its own does not reach it from a file's name. */
const plain = (text: string): string => text.replaceAll(/\p{Cc}/gu, "?")

const resultOf = ({ exitCode, limit, skipped }: GateCheck): readonly [keyof typeof colours, string] =>
  skipped !== undefined
    ? ["dim", "skipped"]
    : limit !== undefined
      ? ["red", `limit: ${limit}`]
      : exitCode === 0
        ? ["green", "ok"]
        : ["red", `exit ${exitCode}`]

const table = (checks: ReadonlyArray<GateCheck>, paint: Paint): ReadonlyArray<string> => {
  const rows = checks.map((check) => {
    const [colour, result] = resultOf(check)
    const time = check.skipped === undefined ? `${check.seconds.toFixed(2)} s` : ""
    const about = check.skipped ?? check.message ?? (check.paths ?? []).join(" ")
    const cells = [check.name, check.role ?? "", result, time, String(check.covered ?? ""), about].map(plain)
    return { colour, cells }
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

/** Lines for people, each without control characters of the candidate's. */
export const report = (envelope: Envelope, paint: Paint): string => {
  const { approvals = [], checks, coverage, findings = [], message, reason, verdict } = envelope
  const uncovered = coverage?.uncovered ?? []
  const word = `${verdict}${reason === undefined ? "" : ` ${reason}`}`
  return [
    "",
    ...(checks.length === 0 ? [] : [...table(checks, paint), ""]),
    ...findings.map(({ file, isNote, line, message: what, rule, test, weight = "found" }) => {
      const place = `${file}${line === undefined ? "" : `:${line}`}${test === undefined ? "" : ` ${test}`}`
      return plain(`${isNote === true ? "note" : weight}  ${rule}  ${place}  ${what}`)
    }),
    ...(findings.length === 0 ? [] : [""]),
    ...approvals.map(({ by, path, reason: why, rule }) =>
      plain(`allowed by ${by ?? "--allow"}: ${rule} in ${path}: ${why}`)
    ),
    ...(approvals.length === 0 ? [] : [""]),
    ...(uncovered.length === 0
      ? []
      : [
          plain(`Nothing examined ${uncovered.slice(0, 10).join(", ")}${uncovered.length > 10 ? ", …" : ""}`),
          ""
        ]),
    `${paint(verdictColours[verdict], paint("bold", word))}: ${plain(message)}`,
    ...(envelope.commit === undefined
      ? []
      : [paint("dim", `commit ${envelope.commit}, against ${envelope.base ?? "nothing"}`)]),
    ""
  ].join("\n")
}
