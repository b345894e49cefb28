/** An outcome as a person reads it: one column a plan, so that two can be compared. */
import type { Outcome } from "../../src/simulate/Ledger.ts"

export interface Column {
  readonly title: string
  readonly outcome: Outcome
}

/** `1d 2h`, `3h 20m`, `4m 5s`, `12s`: the two largest units. */
export const span = (millis: number): string => {
  const seconds = Math.round(millis / 1000)
  const units: ReadonlyArray<readonly [string, number]> = [
    ["d", Math.floor(seconds / 86_400)],
    ["h", Math.floor(seconds / 3_600) % 24],
    ["m", Math.floor(seconds / 60) % 60],
    ["s", seconds % 60]
  ]
  const first = units.findIndex(([, count]) => count > 0)
  if (first < 0) return "0s"
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count}${unit}`)
    .join(" ")
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(part / whole < 0.1 ? 1 : 0)} %`

type Row = readonly [label: string, ...cells: ReadonlyArray<string>]

const union = (columns: ReadonlyArray<Column>, keys: (outcome: Outcome) => ReadonlyArray<string>) => [
  ...new Set(columns.flatMap(({ outcome }) => keys(outcome)))
]

/** Lines of a table whose cells stand to the right. */
const table = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const widths = rows.reduce<Array<number>>(
    (known, row) => row.map((cell, index) => Math.max(known[index] ?? 0, cell.length)),
    []
  )
  return rows.map((row) =>
    `  ${row
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join("   ")}`.trimEnd()
  )
}

export const report = (columns: ReadonlyArray<Column>): string => {
  const cells = (of: (outcome: Outcome) => string) => columns.map(({ outcome }) => of(outcome))
  const titles: ReadonlyArray<Row> = columns.length === 1 ? [] : [["", ...columns.map(({ title }) => title)]]
  const section = (title: string, rows: ReadonlyArray<Row>): ReadonlyArray<string> =>
    rows.length === 0 ? [] : ["", title, ...table([...titles, ...rows])]

  const groups = union(columns, ({ waits }) => waits.map(({ group }) => group))
  const classes = union(columns, (outcome) => outcome.classes.map(({ className }) => className))
  const reasons = union(columns, ({ waitedMillis }) => Object.keys(waitedMillis))
  return [
    ...table([
      ...titles,
      [
        "tasks",
        ...cells(({ ended, tasks }) => (ended === tasks ? `${tasks}` : `${ended} of ${tasks} ended`))
      ],
      ["all done after", ...cells(({ makespanMillis }) => span(makespanMillis))],
      ...(columns.some(({ outcome }) => outcome.lost > 0)
        ? [["runs lost with their node", ...cells(({ lost }) => `${lost}`)] as const]
        : [])
    ]),
    ...section(
      "Waited for a place, half of them at most, 95 of 100, the longest",
      groups.map((group) => [
        group,
        ...cells(({ waits }) => {
          const of = waits.find((each) => each.group === group)
          return of === undefined ? "–" : [of.p50Millis, of.p95Millis, of.maxMillis].map(span).join(", ")
        })
      ])
    ),
    ...section(
      "Slots in use",
      classes.map((className) => [
        className,
        ...cells((outcome) => {
          const of = outcome.classes.find((each) => each.className === className)
          return of === undefined ? "–" : `${percent(of.busyMillis, of.slotMillis)} of ${of.nodes}`
        })
      ])
    ),
    ...section(
      "Slots idle, and why",
      classes.flatMap((className) =>
        union(columns, ({ classes: all }) =>
          all
            .filter((each) => each.className === className)
            .flatMap(({ idleMillis }) => Object.keys(idleMillis))
        ).map((why): Row => [
          `${className}: ${why}`,
          ...cells(({ classes: all }) =>
            span(all.find((each) => each.className === className)?.idleMillis[why] ?? 0)
          )
        ])
      )
    ),
    ...section(
      "Waiting time of all tasks together, by reason",
      reasons.map((why) => [why, ...cells(({ waitedMillis }) => span(waitedMillis[why] ?? 0))])
    ),
    ...columns.flatMap(({ outcome, title }) =>
      outcome.never.length === 0
        ? []
        : [
            "",
            columns.length === 1 ? "Never ran" : `Never ran (${title})`,
            ...outcome.never.slice(0, 10).map(({ count, why }) => `  ${count} tasks: ${why}`)
          ]
    )
  ].join("\n")
}
