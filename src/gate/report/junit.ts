/** JUnit XML: a test case for each check and for each rule of the policy. */
import type { GateCheck } from "../../../schema/Result.ts"
import type { Envelope } from "../envelope.ts"
import { defaultPolicy } from "../finding.ts"
import { isRed, type Item, itemsOf, levelOfCheck, resultOf } from "./items.ts"
import { ruleText } from "./rules.ts"
import { manyLines, placeOf } from "./text.ts"

const names: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\n": "&#10;",
  "\t": "&#9;"
}

/** Characters that XML 1.0 has no way to write go; `manyLines` has taken control characters already. */
const valid = (text: string): string => manyLines(text).replaceAll(/[\ufffe\uffff]/gu, "?")
const content = (text: string): string => valid(text).replaceAll(/[&<>]/gu, (mark) => names[mark] ?? mark)
const attribute = (text: string): string =>
  `"${valid(text).replaceAll(/[&<>"'\n\t]/gu, (mark) => names[mark] ?? mark)}"`

interface Case {
  readonly name: string
  readonly classname: string
  readonly seconds: number
  readonly outcome: "passed" | "failure" | "error" | "skipped"
  readonly message: string
  readonly text: string
}

const maxTail = 16_384

const caseOfCheck = (check: GateCheck, envelope: Envelope): Case => {
  const isHeld = levelOfCheck(envelope) === "error"
  const failed = !isHeld ? "skipped" : envelope.verdict === "GATE-ERROR" ? "error" : "failure"
  return {
    name: check.name,
    classname: `gate.check.${check.role ?? "other"}`,
    seconds: check.seconds,
    outcome: check.skipped !== undefined ? "skipped" : isRed(check) ? failed : "passed",
    message:
      check.skipped ??
      (isRed(check)
        ? [resultOf(check), isHeld ? "" : "not held against the change", check.message ?? ""]
            .filter((part) => part !== "")
            .join(": ")
        : ""),
    text: isRed(check) ? (check.logTail ?? "").slice(-maxTail) : ""
  }
}

const lineOf = ({ file, level, line, message, subject }: Item): string =>
  `${level} ${placeOf(file ?? "", line)}${subject === undefined ? "" : ` ${subject}`}: ${message}`

const caseOfRule = (rule: string, items: ReadonlyArray<Item>): Case => {
  const held = items.filter(({ level }) => level === "error")
  return {
    name: rule,
    classname: "gate.rule",
    seconds: 0,
    outcome: held.length > 0 ? "failure" : "passed",
    message: held.length > 0 ? `${ruleText(rule).title} (${held.length})` : "",
    text: items.map(lineOf).join("\n")
  }
}

const write = ({ classname, message, name, outcome, seconds, text }: Case): string => {
  const head = `<testcase classname=${attribute(classname)} name=${attribute(name)} time="${seconds.toFixed(3)}"`
  const said = message === "" ? "" : ` message=${attribute(message)}`
  switch (outcome) {
    case "passed":
      return text === "" ? `${head}/>` : `${head}><system-out>${content(text)}</system-out></testcase>`
    case "skipped":
      return `${head}><skipped${said}/></testcase>`
    case "failure":
    case "error":
      return `${head}><${outcome}${said}>${content(text)}</${outcome}></testcase>`
  }
}

const suite = (name: string, cases: ReadonlyArray<Case>): string => {
  const count = (outcome: Case["outcome"]) => cases.filter((each) => each.outcome === outcome).length
  const seconds = cases.reduce((sum, each) => sum + each.seconds, 0)
  return [
    `  <testsuite name=${attribute(name)} tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}" skipped="${count("skipped")}" time="${seconds.toFixed(3)}">`,
    ...cases.map((each) => `    ${write(each)}`),
    "  </testsuite>"
  ].join("\n")
}

/** A gate that judged nothing has an error of its own; what the policy only warns about is output of a passed case. */
export const junit = (envelope: Envelope): string => {
  const { checks, findings = [], message, policy = defaultPolicy, reason, verdict } = envelope
  const items = itemsOf(envelope)
  const rules = new Set([...Object.keys(policy), ...findings.map(({ rule }) => rule)])
  const verdictCase: Case = {
    name: "verdict",
    classname: "gate",
    seconds: 0,
    outcome: verdict === "GATE-ERROR" ? "error" : "passed",
    message: verdict === "GATE-ERROR" ? `${reason ?? verdict}: ${message}` : "",
    text: verdict === "GATE-ERROR" ? "" : `${verdict}: ${message}`
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="foreman gate">',
    suite("gate", [verdictCase]),
    suite(
      "checks",
      checks.map((check) => caseOfCheck(check, envelope))
    ),
    suite(
      "rules",
      [...rules].map((rule) =>
        caseOfRule(
          rule,
          items.filter((item) => item.rule === rule)
        )
      )
    ),
    "</testsuites>"
  ].join("\n")
}
