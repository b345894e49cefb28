import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import type { GateLimit } from "../../schema/Result.ts"
import {
  type Envelope,
  encodeEnvelope,
  Envelope as EnvelopeSchema,
  forPeople,
  lastLine,
  maxEnvelopeBytes,
  nonceLine,
  readEnvelope,
  resultLine
} from "../../src/gate/envelope.ts"
import { defaultPolicy, type Finding } from "../../src/gate/finding.ts"
import { judge } from "../../src/gate/judge.ts"
import { isSuspect, type Ran } from "../../src/gate/judgeRed.ts"

const ran = (name: string, exitCode: number, base?: number): Ran => ({
  check: { name, command: `run ${name}`, exitCode, seconds: 1 },
  base
})

const limited = (name: string, limit: GateLimit): Ran => ({
  check: { name, command: `run ${name}`, exitCode: 137, seconds: 1, limit }
})

const found = (rule: Finding["rule"], more: Partial<Finding> = {}): Finding => ({
  rule,
  file: "a.js",
  message: "is not right",
  ...more
})

const coverage = { files: 3, examined: 2, uncovered: ["logo.png"] }

const rules: ReadonlyArray<
  readonly [rule: string, ran: ReadonlyArray<Ran>, findings: ReadonlyArray<Finding>, object]
> = [
  [
    "all passed, tree clean",
    [ran("a", 0), ran("b", 0)],
    [],
    { verdict: "GATE-PASS", message: "2 check(s) passed; 2 of 3 changed file(s) examined" }
  ],
  [
    "nothing passed: what had nothing to do, and what installs, prove nothing",
    [
      { check: { name: "setup", role: "setup", command: "npm ci", exitCode: 0, seconds: 1 } },
      { check: { name: "a", command: "run a", seconds: 0, skipped: "the change touches none of its paths" } }
    ],
    [],
    {
      verdict: "GATE-ERROR",
      reason: "NoChecks",
      message: `no check passed, so nothing is known of the change: 1 had nothing to do. Add one that looks at it to .foreman/gate.yaml, such as "checks: [{role: test, command: make test}]"`
    }
  ],
  [
    "one said no",
    [ran("a", 0), ran("b", 2)],
    [],
    { verdict: "GATE-FAIL", reason: "CheckFailed", message: "b exited 2" }
  ],
  [
    "only a finding says no, and what touches the judge gives the reason",
    [ran("a", 0)],
    [found("untested"), found("hollow", { line: 3, test: "adds" }), found("dirty", { file: "x" })],
    {
      verdict: "GATE-FAIL",
      reason: "TreeDirty",
      message: "x: is not right; a.js:3 adds: is not right"
    }
  ],
  [
    "warnings and notes are told and pass",
    [ran("a", 0)],
    [found("untested"), found("unused"), found("hollow", { isNote: true })],
    {
      verdict: "GATE-PASS",
      message: "1 check(s) passed; 2 of 3 changed file(s) examined; 2 warning(s): untested, unused"
    }
  ],
  [
    "a check that had nothing to do is not counted among those that passed",
    [ran("a", 0), { check: { name: "b", command: "b", seconds: 0, skipped: "nothing to do" } }],
    [],
    {
      verdict: "GATE-PASS",
      message: "1 check(s) passed and 1 had nothing to do; 2 of 3 changed file(s) examined"
    }
  ],
  [
    "a failure that the base shares is labelled",
    [ran("a", 0), { ...ran("b", 1), rerun: "preexisting" }],
    [],
    {
      verdict: "GATE-PASS",
      message:
        "1 check(s) passed; failing, and not held against the change (b: preexisting); 2 of 3 changed file(s) examined"
    }
  ],
  [
    "a check that said no comes before what was found",
    [ran("a", 1)],
    [found("protected")],
    { verdict: "GATE-FAIL", reason: "CheckFailed", message: "a exited 1" }
  ],
  [
    "a failure that cannot be told from the base's judges nothing",
    [ran("a", 0), { ...ran("b", 1), rerun: "inconclusive" }],
    [],
    {
      verdict: "GATE-ERROR",
      reason: "BaseFails",
      message:
        "b fails on the base 0123456789ab too, and what the change adds to that cannot be told apart: fix the base, give the check `paths` in .foreman/gate.yaml, or set up what it needs"
    }
  ],
  [
    "a check that said no weighs more than one that cannot be told from the base's",
    [ran("a", 1), { ...ran("b", 1), rerun: "inconclusive" }],
    [],
    { verdict: "GATE-FAIL", reason: "CheckFailed", message: "a exited 1" }
  ],
  [
    "one cannot start on the base either",
    [ran("a", 0), ran("b", 127, 127)],
    [],
    {
      verdict: "GATE-ERROR",
      reason: "CheckUnavailable",
      message: "b cannot start on the base either (exit 127)"
    }
  ],
  [
    "one cannot start at all and another said no",
    [ran("a", 1), ran("b", 127, 127)],
    [],
    { verdict: "GATE-FAIL", reason: "CheckFailed", message: "a exited 1" }
  ],
  [
    "one cannot start on the change only",
    [ran("b", 127, 0)],
    [],
    { verdict: "GATE-FAIL", reason: "CheckFailed", message: "b exited 127" }
  ],
  [
    "the base is killed under the same limit",
    [ran("b", 137, 137)],
    [],
    { verdict: "GATE-ERROR", reason: "OutOfMemory", message: "b is killed on the base too" }
  ],
  [
    "a limit that the base stays under is the change's",
    [{ ...limited("b", "memory"), base: 0 }],
    [],
    {
      verdict: "GATE-FAIL",
      reason: "LimitExceeded",
      message: "b needs more than its memory, and on the base it does not (limit: memory)"
    }
  ],
  [
    "a limit that the base runs into as well is nobody's, also where the kernel is faster than the judge's look",
    [{ ...limited("b", "memory"), base: 137 }],
    [],
    {
      verdict: "GATE-ERROR",
      reason: "OutOfMemory",
      message: "b needs more than its memory, on the base too (limit: memory)"
    }
  ],
  [
    "a limit that the base runs into as well is nobody's",
    [{ ...limited("b", "time"), base: 137, baseLimit: "time" }],
    [],
    {
      verdict: "GATE-ERROR",
      reason: "CheckTimedOut",
      message: "b takes longer than its time limit, on the base too (limit: time)"
    }
  ],
  [
    "a base that says no within the limit does not excuse who runs into it",
    [{ ...limited("b", "output"), base: 137 }],
    [],
    {
      verdict: "GATE-FAIL",
      reason: "LimitExceeded",
      message: "b prints more than it may, and on the base it does not (limit: output)"
    }
  ]
]

describe("judge", () => {
  it.each(rules)("%s", (_rule, ran, findings, verdict) => {
    assert.deepStrictEqual(
      judge({ ran, findings, policy: defaultPolicy, coverage, base: "0123456789abcdef" }),
      verdict
    )
  })

  it("holds against a change what the policy says, and nothing else", () => {
    const policy = { ...defaultPolicy, untested: "fail", hollow: "warn" } as const
    const verdictOf = (findings: ReadonlyArray<Finding>) =>
      judge({ ran: [ran("a", 0)], findings, policy, coverage }).verdict
    assert.deepStrictEqual(
      [[found("untested")], [found("hollow")], [found("untested", { isNote: true })]].map(verdictOf),
      ["GATE-FAIL", "GATE-PASS", "GATE-PASS"]
    )
  })

  it("suspects what never began, what was killed, and a target that the base does not declare", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 126, 127, 137].map((code) => [
        isSuspect({ exitCode: code }, false),
        isSuspect({ exitCode: code }, true)
      ]),
      [
        [false, false],
        [false, true],
        [false, true],
        [true, true],
        [true, true],
        [true, true]
      ]
    )
  })

  it("suspects a target of make whose program is not there", () => {
    const said = (logTail: string, exitCode = 2) => isSuspect({ exitCode, logTail }, false)
    assert.isTrue(said("make: no-such-linter: No such file\nmake: *** [Makefile:2: lint] Error 127\n"))
    assert.isTrue(said("make[1]: *** [lint] Error 126\nmake: *** [all] Error 2\n"))
    assert.isFalse(said("make: *** [Makefile:2: lint] Error 1\n"))
    assert.isFalse(said("make: *** [Makefile:2: lint] Error 127\n", 1))
  })

  it("ends the log as contracted", () => {
    assert.deepStrictEqual((["GATE-PASS", "GATE-FAIL", "GATE-ERROR"] as const).map(lastLine), [
      "GATE PASS",
      "GATE FAIL",
      "GATE ERROR"
    ])
  })
})

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(EnvelopeSchema))
const bytes = (text: string) => new TextEncoder().encode(text).length

describe("encodeEnvelope", () => {
  const small: Envelope = {
    verdict: "GATE-FAIL",
    reason: "CheckFailed",
    message: "b exited 2",
    commit: "c".repeat(40),
    tree: "d".repeat(40),
    base: "e".repeat(40),
    checks: [ran("a", 0).check, ran("b", 2).check],
    dirty: [" M a.txt"]
  }

  it("keeps an envelope that fits as it is", () => {
    assert.deepStrictEqual(decode(encodeEnvelope(small)), small)
  })

  it("fits 4,096 bytes whatever it holds, and never loses the verdict or the commit", () => {
    const long = '€"\\\n'.repeat(3_000)
    const large: ReadonlyArray<Envelope> = [
      { ...small, message: long },
      { ...small, dirty: Array.from({ length: 50 }, () => long) },
      { ...small, checks: Array.from({ length: 50 }, (_, index) => ran(`${index}${long}`, index % 2).check) },
      { ...small, checks: Array.from({ length: 50 }, () => ran(long, 1).check), message: long }
    ]
    for (const envelope of large) {
      const text = encodeEnvelope(envelope)
      const back = decode(text)
      assert.isAtMost(bytes(text), maxEnvelopeBytes)
      assert.deepStrictEqual(
        [back.verdict, back.reason, back.commit, back.tree, back.base],
        [small.verdict, small.reason, small.commit, small.tree, small.base]
      )
    }
  })
})

describe("the two roads of a result", () => {
  const nonce = "0".repeat(31) + "1"
  const whole: Envelope = {
    verdict: "GATE-FAIL",
    reason: "CheckFailed",
    message: "b exited 2",
    commit: "c".repeat(40),
    checks: Array.from({ length: 9 }, (_, index) => ({
      ...ran(`check ${index}`, 2).check,
      logTail: "x".repeat(900)
    }))
  }
  const log = (...lines: ReadonlyArray<string>) => ["noise", ...lines, "GATE FAIL", ""].join("\n")
  const terminationMessage = encodeEnvelope(whole, nonce)

  it("brings the whole where message and log are of the same judge and agree", () => {
    const read = readEnvelope({ terminationMessage, logHead: "", logTail: log(resultLine(whole, nonce)) })
    assert.deepStrictEqual(read, { envelope: whole, nonce })
    assert.isAtMost(bytes(terminationMessage), maxEnvelopeBytes)
  })

  it.each([
    ["another nonce", resultLine(whole, "f".repeat(32))],
    ["another commit", resultLine({ ...whole, commit: "d".repeat(40) }, nonce)],
    ["another verdict", resultLine({ ...whole, verdict: "GATE-PASS" }, nonce)],
    ["no JSON", `FOREMAN-${nonce}: {`]
  ])("takes the message alone where the log says %s", (_, line) => {
    const { envelope } = readEnvelope({ terminationMessage, logHead: "", logTail: log(line) }) ?? {}
    assert.deepStrictEqual([envelope?.verdict, envelope?.checks.length], ["GATE-FAIL", 9])
    assert.isBelow(envelope?.checks[0]?.logTail?.length ?? 0, 900)
  })

  it("takes the log alone only where the message is lost and the first line told the nonce", () => {
    const logTail = log(resultLine(whole, nonce))
    const read = (message: string, logHead: string) =>
      readEnvelope({ terminationMessage: message, logHead, logTail })?.envelope.verdict
    assert.deepStrictEqual(
      [read("", nonceLine(nonce)), read("", "noise"), read("garbage", nonceLine(nonce))],
      ["GATE-FAIL", undefined, undefined]
    )
  })

  it("shows people the log without its two lines for machines", () => {
    const text = `${nonceLine(nonce)}\n=== a ===\n${resultLine(whole, nonce)}\nGATE FAIL\n`
    assert.strictEqual(forPeople(text, nonce), "=== a ===\nGATE FAIL\n")
  })
})
