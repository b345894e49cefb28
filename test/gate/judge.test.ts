import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import type { GateLimit } from "../../schema/Result.ts"
import {
  type Envelope,
  encodeEnvelope,
  Envelope as EnvelopeSchema,
  isSuspect,
  judge,
  lastLine,
  maxEnvelopeBytes,
  type Ran
} from "../../src/gate/judge.ts"

const ran = (name: string, exitCode: number, base?: number): Ran => ({
  check: { name, command: `run ${name}`, exitCode, seconds: 1 },
  base
})

const limited = (name: string, limit: GateLimit): Ran => ({
  check: { name, command: `run ${name}`, exitCode: 137, seconds: 1, limit }
})

const rules: ReadonlyArray<
  readonly [rule: string, ran: ReadonlyArray<Ran>, dirty: ReadonlyArray<string>, object]
> = [
  [
    "all passed, tree clean",
    [ran("a", 0), ran("b", 0)],
    [],
    { verdict: "GATE-PASS", message: "2 check(s) passed" }
  ],
  [
    "one said no",
    [ran("a", 0), ran("b", 2)],
    [],
    { verdict: "GATE-FAIL", reason: "CheckFailed", message: "b exited 2" }
  ],
  [
    "only the tree says no",
    [ran("a", 0)],
    ["?? x"],
    {
      verdict: "GATE-FAIL",
      reason: "TreeDirty",
      message: "the checks left 1 path(s) that differ from the commit, ?? x among them"
    }
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
  it.each(rules)("%s", (_rule, ran, dirty, verdict) => {
    assert.deepStrictEqual(judge({ ran, dirty }), verdict)
  })

  it("suspects what never began, what was killed, and a target that the base does not declare", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 126, 127, 137].map((code) => [isSuspect(code, false), isSuspect(code, true)]),
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
