import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

import { allowEntry, allowFlag, type Allowance, approve, parseAllow } from "../../src/gate/approval.ts"
import { defaultPolicy, type Finding, type Policy, Rule, weightOf } from "../../src/gate/finding.ts"
import { judge, sorted, weighed } from "../../src/gate/judge.ts"
import type { Ran } from "../../src/gate/judgeRed.ts"

const commit = "a".repeat(40)
const other = "b".repeat(40)
const asking = { ...defaultPolicy, weakened: "ask", protected: "ask" } as const

const found = (rule: Finding["rule"], file: string, more: Partial<Finding> = {}): Finding => ({
  rule,
  file,
  message: "is not right",
  ...more
})
const approval = (changes: Partial<Allowance> = {}): Allowance => ({
  rule: "weakened",
  path: "test/a.test.ts",
  commit,
  reason: "the function was removed",
  by: "grace",
  ...changes
})
const authors = ["Ada", "12+ada-l@users.noreply.example.com", "ada@example.com"]

const approved = (
  approvals: ReadonlyArray<Allowance>,
  findings: ReadonlyArray<Finding>,
  more: { readonly policy?: Policy; readonly attended?: boolean } = {}
) => approve({ approvals, findings, policy: asking, commit, authors, ...more })

describe("an approval", () => {
  const weakened = found("weakened", "test/a.test.ts")
  it.each<[string, Partial<Allowance>, boolean]>([
    ["of the rule and the path allows", {}, true],
    ["by a glob allows", { path: "test/**" }, true],
    ["of every path allows", { path: "**" }, true],
    ["of another rule does not", { rule: "protected" }, false],
    ["of another path does not", { path: "test/b.test.ts" }, false],
    ["of a glob that begins with ! does not: it would match everything else", { path: "!x" }, false],
    ["of a rule that there is not does not", { rule: "toString" }, false],
    ["of another commit does not", { commit: other }, false],
    ["of the author of the change does not", { by: "ADA@example.com" }, false],
    ["of the author by name does not", { by: "ada" }, false],
    ["of the author by the name in a private address does not", { by: "ada-l" }, false]
  ])("%s", (_, changes, isAllowed) => {
    const { allowed, counted, lines } = approved([approval(changes)], [weakened])
    assert.deepStrictEqual(
      [allowed.has(weakened), counted.length, lines.length],
      [isAllowed, isAllowed ? 1 : 0, 1]
    )
  })

  const { commit: _, ...withoutCommit } = approval()
  const { by: __, ...withoutPerson } = approval()
  it.each<[string, Allowance, RegExp]>([
    ["names no commit", withoutCommit, /it names no commit$/u],
    ["names nobody", withoutPerson, /does not say who approves$/u],
    ["is for another commit", approval({ commit: other }), /is for commit b{40}, and a{40} is judged$/u],
    ["is the author's", approval({ by: "Ada" }), /Ada is an author of the change$/u],
    ["matches nothing", approval({ path: "x" }), /nothing that asks for approval matches it$/u]
  ])("that %s is said and does not count where nobody attends", (_name, given, line) => {
    const { counted, lines } = approved([given], [weakened])
    assert.deepStrictEqual(counted, [])
    assert.match(lines[0] ?? "", line)
  })

  it("of --allow, which names neither commit nor person, counts where a person attends", () => {
    const flag = { rule: "weakened", path: "test/a.test.ts", reason: "moved" }
    assert.deepStrictEqual(approved([flag], [weakened], { attended: true }).counted, [
      { ...flag, files: ["test/a.test.ts"] }
    ])
    assert.deepStrictEqual(approved([flag], [weakened]).counted, [])
  })

  it("finds a path whose name holds the marks of a glob", () => {
    const finding = found("weakened", "app/[id]/a=b.test.ts")
    const flag = allowFlag(finding)
    const parsed = Result.getOrThrow(parseAllow(flag.slice("--allow '".length, -1)))
    assert.isTrue(approved([parsed], [finding], { attended: true }).allowed.has(finding))
    const bracket = found("weakened", "app/[id].test.ts")
    assert.isTrue(approved([approval({ path: "app/[id].test.ts" })], [bracket]).allowed.has(bracket))
  })

  it("leaves alone what the policy fails, and what only warns", () => {
    const findings = [found("dirty", "a"), found("untested", "a"), found("weakened", "a", { isNote: true })]
    const approvals = Rule.literals.map((rule) => approval({ rule, path: "**" }))
    assert.strictEqual(approved(approvals, findings).allowed.size, 0)
  })

  it("is told from others whatever their order, and a reworded reason is the same approval", () => {
    const second = approval({ path: "x" })
    const readOf = (...approvals: ReadonlyArray<Allowance>) => approved(approvals, []).read
    assert.isUndefined(readOf())
    assert.isUndefined(readOf(approval({ commit: other })))
    assert.strictEqual(readOf(approval(), second), readOf(second, approval({ reason: "because" })))
    assert.notStrictEqual(readOf(approval()), readOf(second))
  })
})

describe("--allow", () => {
  it.each<[string, object | RegExp]>([
    ["weakened:test/a.test.ts=gone", { rule: "weakened", path: "test/a.test.ts", reason: "gone" }],
    ["protected:a:b=x = y", { rule: "protected", path: "a:b", reason: "x = y" }],
    ["weakened", /must be RULE:PATH=REASON/u],
    ["weakened:a", /must be RULE:PATH=REASON/u],
    ["wekened:a=b", /wekened is not one of hollow, weakened/u],
    ["weakened:a= ", /say why it is right/u],
    ["weakened:!a=b", /must not begin with !/u]
  ])("%s", (text, expected) => {
    const parsed = parseAllow(text)
    if (expected instanceof RegExp) assert.match(Result.isFailure(parsed) ? parsed.failure : "", expected)
    else assert.deepStrictEqual(Result.getOrThrow(parsed), expected)
  })
})

describe("a verdict", () => {
  const green: Ran = { check: { name: "unit", command: "x", exitCode: 0, seconds: 1 } }
  const red: Ran = { check: { name: "unit", command: "x", exitCode: 1, seconds: 1 } }
  const coverage = { files: 1, examined: 1, uncovered: [] }
  const verdict = (
    findings: ReadonlyArray<Finding>,
    approvals: ReadonlyArray<Allowance>,
    { attended = false, policy = asking as Policy, ran = [green] } = {}
  ) => {
    const { allowed } = approve({ approvals, findings, policy, attended, commit, authors })
    return judge({ ran, findings, policy, attended, allowed, commit, coverage })
  }
  const weakened = found("weakened", "test/a.test.ts", { line: 3 })

  it("is NeedsApproval for what the policy asks about, and names rule, path and the entry that allows it", () => {
    assert.deepStrictEqual(verdict([weakened], []), {
      verdict: "GATE-FAIL",
      reason: "NeedsApproval",
      message: `weakened: test/a.test.ts:3: is not right; somebody other than the author may allow it with spec.approvals: [${allowEntry(weakened, commit)}]`
    })
  })

  it("names the flag where a person attends, and what is too much to list is counted", () => {
    const more = ["b", "c", "d", "it's"].map((name) => found("weakened", name))
    const { message, reason } = verdict([weakened, weakened, ...more], [], { attended: true })
    assert.strictEqual(reason, "NeedsApproval")
    assert.match(
      message,
      /; and 2 more; somebody other than the author may allow it with --allow 'weakened:test\/a\.test\.ts=REASON' --allow 'weakened:b=REASON' --allow 'weakened:c=REASON'$/u
    )
    assert.strictEqual(allowFlag(found("weakened", "it's")), `--allow 'weakened:it'\\''s=REASON'`)
  })

  it("is GATE-PASS once all that asks is allowed, and says so", () => {
    const findings = [weakened, found("protected", "ci.yml"), found("untested", "a")]
    const both = [approval(), approval({ rule: "protected", path: "ci.yml" })]
    assert.strictEqual(verdict(findings, both.slice(0, 1)).reason, "NeedsApproval")
    assert.deepStrictEqual(verdict(findings, both), {
      verdict: "GATE-PASS",
      message:
        "1 check(s) passed; 1 of 1 changed file(s) examined; 2 allowed by approval: weakened, protected; 1 warning(s): untested"
    })
  })

  it("asks where a rule says that it cannot know, and the policy says fail; where that warns it warns", () => {
    const unsure = found("hollow", "test/a.test.ts", { asks: true })
    const weight = (policy: Policy) => weightOf(unsure, { policy })
    assert.deepStrictEqual(
      (["fail", "ask", "warn"] as const).map((hollow) => weight({ ...defaultPolicy, hollow })),
      ["ask", "ask", "warn"]
    )
    assert.strictEqual(verdict([unsure], []).reason, "NeedsApproval")
    assert.strictEqual(verdict([unsure, found("hollow", "b")], []).reason, "TestsHollow")
  })

  it("asks about unproved tests where nobody attends and warns a person, and unexamined code warns", () => {
    const policy = defaultPolicy
    const unproved = [found("unproved", "test/a.test.ts")]
    assert.deepStrictEqual(
      [
        verdict(unproved, [], { policy }).reason,
        verdict(unproved, [], { policy, attended: true }).verdict,
        verdict(unproved, [], { policy: { ...policy, unproved: "fail" }, attended: true }).reason,
        verdict([found("unexamined", "a")], [], { policy }).verdict,
        verdict([found("unexamined", "a")], [], { policy: { ...policy, unexamined: "fail" } }).reason
      ],
      ["NeedsApproval", "GATE-PASS", "Unproved", "GATE-PASS", "Unexamined"]
    )
  })

  it("lists what fails first, then what asks, what was allowed, what warns, and notes", () => {
    const findings = [
      found("weakened", "note", { isNote: true }),
      found("untested", "warns"),
      found("weakened", "allowed"),
      found("weakened", "asks"),
      found("dirty", "fails")
    ]
    const { allowed } = approved([approval({ path: "allowed" })], findings)
    const standard = { policy: asking, allowed }
    assert.deepStrictEqual(
      weighed(sorted(findings, standard), standard).map(({ file, weight }) => [file, weight]),
      [
        ["fails", "fail"],
        ["asks", "ask"],
        ["allowed", "allowed"],
        ["warns", "warn"],
        ["note", undefined]
      ]
    )
  })

  const Case = {
    rules: Schema.Array(Schema.Struct({ rule: Rule, asks: Schema.Boolean })),
    answers: Schema.Array(Schema.Literals(["fail", "ask", "warn"])),
    exitCode: Schema.Literals([0, 1]),
    attended: Schema.Boolean
  }
  it.prop(
    "is never GATE-PASS by approvals where a check said no or the policy fails a finding",
    Case,
    ({ answers, attended, exitCode, rules }) => {
      const policy: Policy = {
        ...defaultPolicy,
        ...Object.fromEntries(
          Rule.literals.map((rule, index) => [rule, answers[index] ?? defaultPolicy[rule]])
        )
      }
      const findings = rules.map(({ asks, rule }, index) =>
        found(rule, `f${index}`, asks ? { asks: true } : {})
      )
      const everything = Rule.literals.map((rule) => approval({ rule, path: "**" }))
      const { verdict: said } = verdict(findings, everything, {
        policy,
        attended,
        ran: [exitCode === 0 ? green : red]
      })
      const isFailed = findings.some(({ asks, rule }) => policy[rule] === "fail" && asks !== true)
      assert.strictEqual(said, exitCode === 1 || isFailed ? "GATE-FAIL" : "GATE-PASS")
    }
  )
})
