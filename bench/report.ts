/** What a bench measured: a row for each line of the design's table, with its goal and what the machine can do at all. */

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The goal; a figure without one is there to be compared. */
  readonly atMost?: number
  readonly atLeast?: number
}

export interface Row {
  /** In the words of the design. Two reports are compared by it. */
  readonly measure: string
  readonly figures: ReadonlyArray<Figure>
  /** What the same machine, API server or bare program does for the least that could be done. */
  readonly ceiling: string
  /** How it was measured, where the measure does not say. */
  readonly note?: string
}

/** Points of a plot, beside the rows. */
export interface Series {
  readonly name: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface Measured {
  readonly rows: ReadonlyArray<Row>
  readonly series?: ReadonlyArray<Series>
}

export interface Options {
  /** A cluster to measure on; an embedded one of the bench's own when absent. */
  readonly kubeconfig: string | undefined
  /** Small sizes, to see that everything runs. Its figures are no figures. */
  readonly isQuick: boolean
  /** Of a soak. */
  readonly minutes: number
  /** Another program with a `run-task`, which is run by turns with ours. */
  readonly beside: string | undefined
}

export interface Report {
  readonly machine: {
    readonly platform: string
    readonly cpus: string
    readonly memoryGiB: number
    readonly node: string
    /** What else ran: the load average over the minute before the first bench. */
    readonly loadBefore: number
  }
  readonly cluster: string
  readonly isQuick: boolean
  readonly benches: Readonly<
    Record<string, Measured & { readonly seconds: number; readonly failed?: string }>
  >
}

/** `undefined` when the figure has no goal. */
export const isHeld = ({ atLeast, atMost, value }: Figure): boolean | undefined => {
  if (atMost === undefined && atLeast === undefined) return undefined
  return value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)
}

/** Whether each goal of the row is met; `undefined` when it has none. */
export const isRowHeld = ({ figures }: Row): boolean | undefined => {
  const verdicts = figures.map(isHeld).filter((held) => held !== undefined)
  return verdicts.length === 0 ? undefined : verdicts.every(Boolean)
}

/** Three digits that matter. */
export const number = (value: number): string => {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString("en-US")
  return String(Number(value.toPrecision(3)))
}

const quantity = (value: number, unit: string): string =>
  unit === "" ? number(value) : `${number(value)} ${unit}`

export const valueText = ({ figures }: Row): string =>
  figures.map(({ name, unit, value }) => `${name} ${quantity(value, unit)}`.trim()).join(", ")

export const goalText = ({ figures }: Row): string => {
  const goals = figures.flatMap(({ atLeast, atMost, name, unit }) => [
    ...(atMost === undefined ? [] : [`${name} ≤ ${quantity(atMost, unit)}`.trim()]),
    ...(atLeast === undefined ? [] : [`${name} ≥ ${quantity(atLeast, unit)}`.trim()])
  ])
  return goals.length === 0 ? "none of its own" : goals.join(", ")
}

const heldText = (row: Row): string =>
  ({ true: "held", false: "NOT HELD", undefined: "–" })[
    String(isRowHeld(row)) as "true" | "false" | "undefined"
  ]

/** For a terminal. */
export const text = (rows: ReadonlyArray<Row>): string =>
  rows
    .map(
      (row) =>
        `  ${heldText(row).padEnd(8)} ${row.measure}\n` +
        `           ${valueText(row)}\n` +
        `           goal: ${goalText(row)}; ceiling: ${row.ceiling}` +
        (row.note === undefined ? "" : `\n           ${row.note}`)
    )
    .join("\n")

/** For a page: where it was measured, and GitHub's table. */
export const markdown = ({ benches, cluster, isQuick, machine }: Report): string =>
  [
    `**${cluster}** on ${machine.cpus}, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}; ` +
      `load average before the first bench: ${machine.loadBefore.toFixed(1)}.` +
      (isQuick ? " Quick sizes: no figures to go by." : ""),
    "",
    "| measure | measured | goal | | what the machine can do at all |",
    "|---|---|---|---|---|",
    ...Object.entries(benches).flatMap(([name, { failed, rows }]) => [
      ...(failed === undefined
        ? []
        : [`| ${name} | could not be measured: ${failed.split("\n")[0]} | | NOT HELD | |`]),
      ...rows.map(
        (row) =>
          `| ${row.measure} | ${valueText(row)} | ${goalText(row)} | ${heldText(row)} | ${row.ceiling} |`
      )
    ])
  ].join("\n")

/** Two reports, figure by figure: what each had, and how many times the second has of the first. */
export const comparison = (before: Report, after: Report): string => {
  const lines: Array<string> = []
  for (const [name, { rows }] of Object.entries(after.benches)) {
    for (const row of rows) {
      const other = before.benches[name]?.rows.find(({ measure }) => measure === row.measure)
      lines.push(`${name}: ${row.measure}`)
      for (const figure of row.figures) {
        const was = other?.figures.find(({ name }) => name === figure.name)
        const ratio = was === undefined ? "new" : `${(figure.value / was.value).toFixed(2)} ×`
        const from = was === undefined ? "" : `${quantity(was.value, was.unit)} → `
        lines.push(`  ${ratio.padStart(8)}  ${figure.name} ${from}${quantity(figure.value, figure.unit)}`)
      }
      if (other !== undefined && isRowHeld(other) !== isRowHeld(row)) {
        lines.push(`            was ${heldText(other)}, is ${heldText(row)}`)
      }
    }
  }
  return lines.join("\n")
}
