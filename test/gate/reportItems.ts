/** Envelopes for tests of reports. */
import type { GateCheck } from "../../schema/Result.ts"
import type { Envelope } from "../../src/gate/envelope.ts"
import { defaultPolicy, type Finding } from "../../src/gate/finding.ts"

/** Everything that some format obeys, in one text. */
export const hostile = [
  "\u001b[31mred\u001b]0;title\u0007",
  "a | b `c` *d* _e_ [f](https://g) <script>&amp;",
  "]]> -->",
  "::error file=x::y",
  "##[error]",
  "%0A",
  "line\r\nnext\u2028third",
  "\u202eturned",
  "@team #12",
  "\u0000\ufffe\ud800"
].join(" ")

export const finding = (rule: Finding["rule"], more: Partial<Finding> = {}): Finding => ({
  rule,
  file: "src/a.js",
  message: "is not right",
  ...more
})

export const check = (more: Partial<GateCheck> = {}): GateCheck => ({
  name: "unit",
  role: "test",
  command: "npm test",
  exitCode: 0,
  seconds: 1.5,
  ...more
})

export const envelope = (more: Partial<Envelope> = {}): Envelope => ({
  verdict: "GATE-FAIL",
  reason: "TestsHollow",
  message: "src/a.js: is not right",
  commit: "c".repeat(40),
  base: "b".repeat(40),
  tree: "7".repeat(40),
  profile: "f".repeat(64),
  policy: defaultPolicy,
  checks: [check()],
  findings: [finding("hollow", { line: 3, test: "adds" })],
  coverage: { files: 1, examined: 1, uncovered: [] },
  ...more
})

/** One text in all places that are the candidate's. */
export const allOf = (text: string): Envelope =>
  envelope({
    reason: "CheckFailed",
    message: text,
    checks: [
      check({ name: text, exitCode: 1, message: text, logTail: text }),
      check({ name: "docs", command: "(built in) links", exitCode: 1, logTail: `${text}: ${text}` }),
      check({ name: "later", skipped: text })
    ],
    findings: [
      finding("hollow", { file: text, message: text, test: text, line: 2 }),
      finding("untested", { file: text, message: text }),
      finding("unused", { file: text, message: text, isNote: true })
    ],
    coverage: { files: 1, examined: 0, uncovered: [text] }
  })
