import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import {
  advise,
  type Calibration,
  type Examined,
  median,
  spread,
  tally,
  wilson
} from "../../src/gate/calibrate.ts"
import { defaultPolicy } from "../../src/gate/finding.ts"
import { calibrationMarkdown, calibrationTable } from "../../src/gate/report/calibration.ts"
import { check, finding, hostile } from "./reportItems.ts"

const commit = (id: number, more: Partial<Examined> = {}): Examined => ({
  commit: String(id).padStart(40, "0"),
  subject: "work",
  findings: [],
  documents: [],
  seconds: 1,
  ...more
})
const many = (count: number, more: (id: number) => Partial<Examined> = () => ({})) =>
  Array.from({ length: count }, (_, id) => commit(id, more(id)))
const rounded = ({ high, low }: ReturnType<typeof wilson>) => [low.toFixed(4), high.toFixed(4)]

describe("the interval of a share", () => {
  // Newcombe 1998, table I: Wilson's score method without correction for continuity.
  it.each([
    [81, 263, ["0.2553", "0.3662"]],
    [15, 148, ["0.0624", "0.1605"]],
    [0, 20, ["0.0000", "0.1611"]],
    [1, 29, ["0.0061", "0.1718"]],
    [29, 29, ["0.8830", "1.0000"]],
    [0, 0, ["0.0000", "1.0000"]]
  ] as const)("of %i of %i is that of the literature", (count, total, expected) =>
    assert.deepStrictEqual(rounded(wilson(count, total)), [...expected])
  )

  it.prop(
    "holds the share that was seen, within 0 and 1",
    {
      count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })),
      more: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 }))
    },
    ({ count, more }) => {
      const { high, low } = wilson(count, count + more)
      const share = count / (count + more)
      assert.isTrue(0 <= low && low <= share && share <= high && high <= 1)
    }
  )
})

describe("a tally", () => {
  it("counts a commit once for each rule, and by the worst that is said of it", () => {
    const { asked, refused, rules, total, warned } = tally(
      [
        commit(1, { findings: [finding("weakened"), finding("weakened"), finding("untested")] }),
        commit(2, { findings: [finding("untested")] }),
        commit(3, { findings: [finding("hollow", { isNote: true })] }),
        commit(4, { documents: [check({ exitCode: 1, message: "a.md: leads nowhere" }), check()] })
      ],
      defaultPolicy
    )
    const counts = Object.fromEntries(rules.map(({ commits, rule }) => [rule, commits.length]))
    assert.deepStrictEqual(
      [
        total,
        refused,
        asked,
        warned,
        counts["weakened"],
        counts["untested"],
        counts["hollow"],
        counts["documents"]
      ],
      [4, 2, 0, 1, 1, 2, 0, 1]
    )
  })

  it("asks where the policy asks", () => {
    const policy = { ...defaultPolicy, protected: "ask" as const }
    const { asked, refused } = tally(
      [
        commit(1, { findings: [finding("protected")] }),
        commit(2, { findings: [finding("weakened", { asks: true })] }),
        commit(3, { findings: [finding("weakened", { asks: true }), finding("weakened")] })
      ],
      policy
    )
    assert.deepStrictEqual([asked, refused], [2, 1])
  })
})

describe("advice", () => {
  const advised = (commits: ReadonlyArray<Examined>) => advise(tally(commits, defaultPolicy))

  it("is to warn where a rule surely refuses more than 1 % of what was merged", () => {
    const protectedIn = (few: number) =>
      advised(many(200, (id) => (id < few ? { findings: [finding("protected")] } : {})))
        .filter(({ answer }) => answer === "warn")
        .map(({ rule }) => rule)
    assert.deepStrictEqual([protectedIn(4), protectedIn(12)], [[], ["protected"]])
  })

  it("is to fail where a rule that warns had nothing to say, and enough was seen to tell", () => {
    const quiet = (count: number) => advised(many(count)).map(({ answer, rule }) => `${rule}: ${answer}`)
    assert.deepStrictEqual(quiet(100), [])
    assert.includeMembers(quiet(200), ["untested: fail", "unused: fail"])
  })

  it("says nothing of a rule that needs runs, and nothing of documents", () => {
    const commits = many(200, () => ({
      documents: [check({ exitCode: 1 })],
      findings: [finding("untested")]
    }))
    const rules = advised(commits).map(({ rule }) => rule)
    const silent = ["hollow", "dirty", "flaky", "unproved", "unexamined", "untested", "documents"]
    assert.deepStrictEqual(
      rules.filter((rule) => silent.includes(rule)),
      []
    )
    assert.include(rules, "unused")
  })
})

describe("the commits that get a whole gate", () => {
  it.each([
    [10, 3, [1, 5, 8]],
    [2, 5, [0, 1]],
    [5, 0, []],
    [0, 3, []]
  ])("of %i, %i are spread evenly", (count, few, expected) =>
    assert.deepStrictEqual(
      spread(
        Array.from({ length: count }, (_, id) => id),
        few
      ),
      expected
    )
  )
})

describe("a median", () => {
  it.each([
    [[], 0],
    [[3], 3],
    [[4, 1], 2.5],
    [[9, 1, 2], 2]
  ])("of %j is %d", (values, expected) => assert.strictEqual(median(values), expected))
})

describe("a calibration for people", () => {
  const calibration = (text: string): Calibration => {
    const tallied = tally(
      many(120, () => ({ findings: [finding("weakened", { file: text, message: text })] })),
      defaultPolicy
    )
    return {
      repository: "/srv/repository",
      head: "a".repeat(40),
      tally: tallied,
      advice: advise(tallied),
      runs: [
        {
          commit: "b".repeat(40),
          subject: text,
          verdict: "GATE-FAIL",
          reason: "CheckFailed",
          message: text,
          seconds: 3
        }
      ],
      unreadable: [{ commit: "c".repeat(40), message: text }],
      seconds: 30
    }
  }

  it("says what to write into the policy, and why", () => {
    const text = calibrationTable(calibration("x"))
    assert.match(
      text,
      /^policy:\n {2}weakened: warn {2}# says no to 120 of 120 \(95 %: 96\.9 % to 100\.0 %\)/mu
    )
    assert.match(text, /^Whole gates: 1\. GATE-PASS 0, GATE-FAIL 1, GATE-ERROR 0; 3\.0 s at the median\.$/mu)
  })

  it("holds no text that a terminal or Markdown obeys", () => {
    const shown = calibrationTable(calibration(hostile))
    assert.notMatch(shown, /[^\n\P{Cc}]|[\u2028\u202e]/u)
    const rows = calibrationMarkdown(calibration(hostile))
      .split("\n")
      .filter((line) => line.startsWith("|"))
    assert.deepStrictEqual([...new Set(rows.map((line) => line.split("|").length))], [8])
  })
})
