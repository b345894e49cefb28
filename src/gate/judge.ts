/** From what the checks did and what was found to one verdict, one reason and one sentence. Pure: the judge's program brings the facts. */
import { reason as waitReason } from "../decide/status.ts"
import { allowEntry, allowFlag } from "./approval.ts"
import type { Coverage } from "./coverage.ts"
import { exampleFile, gateFilePath } from "./gateFile.ts"
import { isRed, type Judged, judgeRed, isProvedElsewhere, unprovedBuild, type Ran } from "./judgeRed.ts"
import { type Finding, type Rule, type Standard, weightOf } from "./finding.ts"

/** Reason of a GATE-FAIL by a finding. */
export const reasons: Readonly<Record<Rule, string>> = {
  protected: "ProtectedChanged",
  dirty: "TreeDirty",
  weakened: "TestsWeakened",
  hollow: "TestsHollow",
  flaky: "TestsFlaky",
  untested: "Untested",
  unused: "CodeUnused",
  exitForged: "ExitForged",
  unexamined: "Unexamined",
  unproved: "Unproved",
  settings: "SettingsLoosened",
  stored: "StoredChanged",
  suppressed: "ChecksSuppressed",
  unparsable: "SourceUnparsable"
}

/** Whose reason is named where several rules fail: what touches the judge first. */
const order: ReadonlyArray<Rule> = [
  "exitForged",
  "protected",
  "settings",
  "unparsable",
  "dirty",
  "weakened",
  "hollow",
  "flaky",
  "unproved",
  "stored",
  "suppressed",
  "untested",
  "unused",
  "unexamined"
]

const weights = ["fail", "ask", "allowed", "warn", "note"]

/** Failing ones first, then those that ask, those that were allowed, warnings, notes. */
export const sorted = (findings: ReadonlyArray<Finding>, standard: Standard): ReadonlyArray<Finding> => {
  const rank = (finding: Finding) => weights.indexOf(weightOf(finding, standard))
  return findings.toSorted((a, b) => rank(a) - rank(b) || order.indexOf(a.rule) - order.indexOf(b.rule))
}

/** Findings with the weight that they had in a verdict. */
export const weighed = (findings: ReadonlyArray<Finding>, standard: Standard): ReadonlyArray<Finding> =>
  findings.map((finding) => {
    const weight = weightOf(finding, standard)
    return weight === "note" ? finding : { ...finding, weight }
  })

export interface Facts extends Standard {
  readonly ran: ReadonlyArray<Ran>
  readonly findings: ReadonlyArray<Finding>
  readonly coverage: Coverage
  /** What the bite check has to say for the tests of the change, in a few words. */
  readonly tests?: string | undefined
  /** The commit that is judged: an approval must name it. */
  readonly commit?: string | undefined
  /** The merge base, where there is one. */
  readonly base?: string | undefined
}

/** GATE-FAIL needs a check that ran and said no, or a finding that the policy holds against the change or asks about. */
export const judge = (facts: Facts): Judged => {
  const red = judgeRed(facts)
  if (red !== undefined) return red
  const findings = sorted(facts.findings, facts)
  const held = findings.filter((finding) => weightOf(finding, facts) === "fail")
  const [first] = held
  if (first !== undefined) {
    return {
      verdict: "GATE-FAIL",
      reason: reasons[first.rule],
      message: held.slice(0, 3).map(said).join("; ")
    }
  }
  const asking = findings.filter((finding) => weightOf(finding, facts) === "ask")
  if (asking.length > 0) {
    return { verdict: "GATE-FAIL", reason: waitReason.needsApproval, message: question(asking, facts) }
  }
  const unproved = unprovedBuild(facts)
  if (unproved !== undefined) return unproved
  return facts.ran.some(hasPassed) ? { verdict: "GATE-PASS", message: rests(facts) } : noChecks(facts)
}

/** A set-up proves nothing; a failure that is not the change's leaves the rest of its check proved. */
const hasPassed = (ran: Ran): boolean =>
  ran.check.skipped === undefined && ran.check.role !== "setup" && (!isRed(ran) || isProvedElsewhere(ran))

const noChecks = ({ ran }: Facts): Judged => {
  const skipped = ran.filter(({ check }) => check.skipped !== undefined).length
  const why = skipped === 0 ? "there is none" : `${skipped} had nothing to do`
  return {
    verdict: "GATE-ERROR",
    reason: "NoChecks",
    message: `no check passed, so nothing is known of the change: ${why}. Add one that looks at it to ${gateFilePath}, such as "${exampleFile}"`
  }
}

/** Findings that a sentence names; more are counted. */
const maxNamed = 3

/** What somebody must allow, and the line that allows it: one for each rule and file. */
const question = (asking: ReadonlyArray<Finding>, { attended, commit }: Facts): string => {
  const places = new Map<string, Finding>()
  for (const finding of asking) {
    const place = `${finding.rule} ${finding.file}`
    if (!places.has(place)) places.set(place, finding)
  }
  const named = [...places.values()].slice(0, maxNamed)
  const more = places.size - named.length
  const how =
    attended === true || commit === undefined
      ? named.map(allowFlag).join(" ")
      : `spec.approvals: [${named.map((finding) => allowEntry(finding, commit)).join(", ")}]`
  return [
    ...named.map((finding) => `${finding.rule}: ${said(finding)}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    `somebody other than the author may allow it with ${how}`
  ].join("; ")
}

const said = ({ file, line, message, test }: Finding): string =>
  `${file}${line === undefined ? "" : `:${line}`}${test === undefined ? "" : ` ${test}`}: ${message}`

/** What a GATE-PASS rests on. */
const rests = (facts: Facts): string => {
  const { coverage } = facts
  const green = facts.ran.filter((ran) => ran.check.skipped === undefined && !isRed(ran)).length
  const skipped = facts.ran.filter(({ check }) => check.skipped !== undefined).length
  const labelled = facts.ran.flatMap(({ check, rerun }) =>
    rerun === undefined ? [] : [`${check.name}: ${rerun}`]
  )
  const rulesOf = (weight: "warn" | "allowed") => {
    const findings = facts.findings.filter((finding) => weightOf(finding, facts) === weight)
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    return findings.length === 0
      ? []
      : [
          `${findings.length} ${weight === "warn" ? "warning(s)" : "allowed by approval"}: ${rules.join(", ")}`
        ]
  }
  return [
    `${green} check(s) passed${skipped === 0 ? "" : ` and ${skipped} had nothing to do`}`,
    ...(labelled.length === 0 ? [] : [`failing, and not held against the change (${labelled.join(", ")})`]),
    ...(coverage.files === 0
      ? ["no file was added or changed"]
      : [`${coverage.examined} of ${coverage.files} changed file(s) examined`]),
    ...(facts.tests === undefined ? [] : [facts.tests]),
    ...rulesOf("allowed"),
    ...rulesOf("warn")
  ].join("; ")
}

/** Lines of the log for what was found, and for what nothing looked at. */
export const told = (
  findings: ReadonlyArray<Finding>,
  standard: Standard,
  { examined, files, uncovered }: Coverage
): ReadonlyArray<string> => [
  ...(findings.length === 0 ? [] : ["--- findings:"]),
  ...findings.map((finding) => `${weightOf(finding, standard)} ${finding.rule}: ${said(finding)}`),
  ...(uncovered.length === 0
    ? []
    : [
        `--- ${examined} of ${files} changed files were examined; not: ${uncovered.slice(0, 20).join(", ")}${uncovered.length > 20 ? ", …" : ""}`
      ])
]

export const dirtyLine = "GATE FAIL: tree dirty after checks (unformatted or stale codegen)"
