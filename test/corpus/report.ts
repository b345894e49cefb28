/** The figures of a run, in words. */
import { type Case, classes, listOf } from "./Case.ts"
import { type Graded, mustPass, type Said } from "./judged.ts"

/** A case as it went. */
export interface Line {
  readonly case: Case
  /** Why it was not judged, if so; the rest is absent then. */
  readonly skipped?: string | undefined
  readonly said?: Said | undefined
  readonly graded?: Graded | undefined
  readonly seconds?: number | undefined
  /** What a task and its Job said, where that road was taken, too. */
  readonly task?: Said | undefined
}

/** As the two roads are compared. */
export const verdictOf = (said: Said | undefined): string =>
  said === undefined ? "nothing" : said.reason === undefined ? said.verdict : `${said.verdict} ${said.reason}`

export const differs = ({ said, task }: Line): boolean =>
  task !== undefined && verdictOf(said) !== verdictOf(task)

/** The most of the changes that must pass which may be held up. */
const maxFalseAlarms = 0.02

interface Counts {
  readonly cases: number
  readonly passed: number
  readonly caught: number
  readonly missed: number
  readonly falseAlarms: number
  readonly undecidable: number
  readonly skipped: number
  /** Of how many a false alarm was possible. */
  readonly mustPass: number
}

const isWarning = ({ expect }: Case): boolean => expect.warns !== undefined

const count = (lines: ReadonlyArray<Line>): Counts => {
  const how = (matches: (line: Line) => boolean) => lines.filter(matches).length
  const isRight = ({ graded }: Line) => graded?.outcome === "right"
  const isGood = (line: Line) => mustPass(line.case) && !isWarning(line.case)
  return {
    cases: lines.length,
    passed: how((line) => isRight(line) && isGood(line)),
    caught: how((line) => isRight(line) && !isGood(line)),
    missed: how(({ graded }) => graded?.outcome === "missed"),
    falseAlarms: how(({ graded }) => graded?.outcome === "false alarm"),
    undecidable: how(({ graded }) => graded?.outcome === "undecidable"),
    skipped: how(({ skipped }) => skipped !== undefined),
    mustPass: how((line) => line.graded !== undefined && mustPass(line.case) && line.case.machine !== false)
  }
}

export const summary = (lines: ReadonlyArray<Line>) => {
  const total = count(lines)
  const share = total.mustPass === 0 ? 0 : total.falseAlarms / total.mustPass
  const compared = lines.filter(({ task }) => task !== undefined)
  const different = compared.filter(differs)
  return {
    total,
    share,
    compared: compared.length,
    different: different.length,
    isGood: total.missed === 0 && share <= maxFalseAlarms && different.length === 0,
    classes: Object.keys(classes).flatMap((name) => {
      const own = lines.filter((line) => line.case.class === name)
      return own.length === 0 ? [] : [{ class: name, ...count(own) }]
    })
  }
}

const columns = [
  "class",
  "cases",
  "caught",
  "passed",
  "missed",
  "false alarms",
  "undecidable",
  "skipped"
] as const

/** The table of classes, each case that is not as demanded, and where the two roads part. */
export const text = (lines: ReadonlyArray<Line>): string => {
  const found = summary(lines)
  const row = (name: string, counts: Counts) => [
    name,
    ...[
      counts.cases,
      counts.caught,
      counts.passed,
      counts.missed,
      counts.falseAlarms,
      counts.undecidable,
      counts.skipped
    ].map((figure) => (figure === 0 ? "·" : String(figure)))
  ]
  const rows = [...found.classes.map((each) => row(each.class, each)), row("all", found.total)]
  const widths = columns.map((title, index) =>
    Math.max(title.length, ...rows.map((cells) => cells[index]?.length ?? 0))
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join("  ")
  const wrong = lines.flatMap(({ case: { name }, graded }) =>
    graded === undefined || graded.outcome === "right" || graded.outcome === "undecidable"
      ? []
      : [`${graded.outcome}: ${name}: ${graded.why}`]
  )
  const { compared, different, share, total } = found
  return [
    [line(columns), ...rows.map(line)].join("\n"),
    [
      ...new Set(
        lines.flatMap(({ case: { language }, skipped }) =>
          skipped === undefined ? [] : [`skipped: ${language}: ${skipped}`]
        )
      ),
      ...wrong,
      ...lines.flatMap((each) =>
        differs(each)
          ? [
              `different: ${each.case.name}: foreman gate ${verdictOf(each.said)}, task ${verdictOf(each.task)}`
            ]
          : []
      )
    ].join("\n"),
    [
      `${total.missed} missed`,
      `${total.falseAlarms} of ${total.mustPass} that must pass held up (${(share * 100).toFixed(1)} %)`,
      ...(compared === 0 ? [] : [`${different} of ${compared} judged otherwise by a task and its Job`])
    ].join(", ")
  ]
    .filter((part) => part !== "")
    .join("\n\n")
}

/** A case for a machine to read. */
export const asJson = ({ case: each, graded, said, seconds, skipped, task }: Line) => ({
  name: each.name,
  class: each.class,
  title: each.title,
  expected: listOf(each.expect.verdict),
  ...(skipped !== undefined && { skipped }),
  ...(graded !== undefined && graded),
  ...(said !== undefined && { verdict: said.verdict, reason: said.reason, message: said.message }),
  ...(task !== undefined && { task: { verdict: task.verdict, reason: task.reason, message: task.message } }),
  ...(seconds !== undefined && { seconds })
})
