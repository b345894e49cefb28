/** A calibration for people: a table for a terminal, the same for a page in Markdown. */
import { type Calibration, median, percent, type Run, type RuleTally } from "../calibrate.ts"
import { cut } from "../envelope.ts"
import { escaped } from "./markdown.ts"
import { oneLine } from "./text.ts"

const maxCommits = 5
const maxText = 160
const short = (commit: string): string => commit.slice(0, 10)

const head = ["RULE", "POLICY", "ALARMS", "SHARE", "95 %", "COMMITS"]
const rowOf = ({ answer, commits, high, low, rule, share }: RuleTally): ReadonlyArray<string> => [
  rule,
  answer,
  String(commits.length),
  percent(share),
  `${percent(low)} to ${percent(high)}`,
  `${commits.slice(0, maxCommits).map(short).join(" ")}${commits.length > maxCommits ? " …" : ""}`
]

const summary = ({ head: commit, repository, seconds, tally }: Calibration): ReadonlyArray<string> => {
  const { asked, mostSeconds, medianSeconds, refused, refusedInterval, total, warned } = tally
  const quiet = total - refused - asked - warned
  return [
    `${total} commits of ${repository} up to ${short(commit)}, without running anything: ${seconds.toFixed(1)} s, each ${medianSeconds.toFixed(2)} s at the median and ${mostSeconds.toFixed(2)} s at most.`,
    `Refused: ${refused} (${percent(total === 0 ? 0 : refused / total)}, 95 %: ${percent(refusedInterval.low)} to ${percent(refusedInterval.high)}). Asked: ${asked}. Warned: ${warned}. Nothing to say: ${quiet}.`
  ]
}

const examplesOf = ({ commits, examples, rule }: RuleTally): ReadonlyArray<string> =>
  commits
    .slice(0, maxCommits)
    .map((commit, index) => `${rule}  ${short(commit)}  ${cut(examples[index] ?? "", maxText)}`)

const runLine = ({ commit, message, reason, seconds, verdict }: Run): string =>
  `${short(commit)}  ${verdict}${reason === undefined ? "" : ` ${reason}`}  ${seconds.toFixed(1)} s  ${cut(message, maxText)}`

const runSummary = (runs: ReadonlyArray<Run>): string => {
  const count = (verdict: Run["verdict"]) => runs.filter((run) => run.verdict === verdict).length
  return `Whole gates: ${runs.length}. GATE-PASS ${count("GATE-PASS")}, GATE-FAIL ${count("GATE-FAIL")}, GATE-ERROR ${count("GATE-ERROR")}; ${median(runs.map(({ seconds }) => seconds)).toFixed(1)} s at the median.`
}

const adviceLines = ({ advice }: Calibration): ReadonlyArray<string> =>
  advice.length === 0
    ? ["Nothing speaks for another policy."]
    : [
        "For .foreman/gate.yaml, once you have looked at the commits:",
        "policy:",
        ...advice.map(({ answer, rule, why }) => `  ${rule}: ${answer}  # ${why}`)
      ]

export const calibrationTable = (calibration: Calibration): string => {
  const { runs, tally, unreadable } = calibration
  const rows = [head, ...tally.rules.map(rowOf)]
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const alarming = tally.rules.filter(({ commits }) => commits.length > 0)
  return [
    ...summary(calibration),
    "",
    ...rows.map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    ),
    ...(alarming.length === 0 ? [] : ["", ...alarming.flatMap(examplesOf)]),
    ...(unreadable.length === 0
      ? []
      : [
          "",
          ...unreadable.map(({ commit, message }) => `not read  ${short(commit)}  ${cut(message, maxText)}`)
        ]),
    ...(runs.length === 0 ? [] : ["", runSummary(runs), ...runs.map(runLine)]),
    "",
    ...adviceLines(calibration)
  ]
    .map(oneLine)
    .join("\n")
}

export const calibrationMarkdown = (calibration: Calibration): string => {
  const { runs, tally } = calibration
  const row = (cells: ReadonlyArray<string>) => `| ${cells.map(escaped).join(" | ")} |`
  const alarming = tally.rules.filter(({ commits }) => commits.length > 0)
  return [
    ...summary(calibration).map(escaped),
    "",
    row(head.map((title) => title.toLowerCase())),
    `|${head.map(() => " --- |").join("")}`,
    ...tally.rules.map((rule) => row(rowOf(rule))),
    "",
    ...alarming.flatMap(examplesOf).map((line) => `* ${escaped(line)}`),
    ...(runs.length === 0
      ? []
      : ["", escaped(runSummary(runs)), "", ...runs.map((run) => `* ${escaped(runLine(run))}`)]),
    "",
    "```yaml",
    ...adviceLines(calibration).map((line, index) =>
      calibration.advice.length === 0 || index === 0 ? `# ${line}` : line
    ),
    "```"
  ].join("\n")
}
