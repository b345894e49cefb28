/** The corpus itself, and a few of its cases through the real gate. All of it: `npm run corpus`. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import { type Case, classes, loadCases } from "./Case.ts"
import { grade, type Said } from "./judged.ts"
import { summary, text } from "./report.ts"
import { makeRepository, type Repository } from "./repository.ts"
import { throughGate } from "./throughGate.ts"
import { whyNot } from "./tools.ts"

const cases = loadCases()

describe("the corpus", () => {
  it("has 60 cases and more, in four languages and more, some of each class", () => {
    assert.isAtLeast(cases.length, 60)
    assert.isAtLeast(new Set(cases.map(({ language }) => language)).size, 4)
    assert.deepStrictEqual(
      Object.keys(classes).filter((name) => !cases.some((each) => each.class === name)),
      []
    )
  })

  it("leaves next to nothing to what a machine cannot decide", () => {
    const undecidable = cases.filter(({ machine }) => machine === false)
    assert.isAtMost(undecidable.length / cases.length, 0.02)
  })
})

describe("a verdict of a case", () => {
  const hollow: Case = {
    name: "go/hollow",
    language: "go",
    class: "hollow",
    title: "Hollow",
    expect: { verdict: "GATE-FAIL", because: "hollow", file: "a_test.go" }
  }
  const good: Case = { ...hollow, class: "good", expect: { verdict: "GATE-PASS" } }
  const warned: Case = { ...good, expect: { verdict: "GATE-PASS", warns: "untested" } }
  const passed: Said = {
    verdict: "GATE-PASS",
    reason: undefined,
    message: "1 check passed",
    checks: [],
    findings: []
  }
  const failed: Said = {
    ...passed,
    verdict: "GATE-FAIL",
    reason: "TestsHollow",
    findings: [{ rule: "hollow", file: "a_test.go", message: "passes without the change" }]
  }
  const exit = { name: "fmt", command: "gofmt -l .", exitCode: 1, seconds: 1 }
  it.each<[string, Case, Said, string]>([
    ["held up for its reason is right", hollow, failed, "right"],
    ["that passes is missed", hollow, passed, "missed"],
    [
      "held up in another file is missed",
      hollow,
      { ...failed, findings: [{ ...failed.findings[0]!, file: "b_test.go" }] },
      "missed"
    ],
    [
      "held up by a check on the side is missed",
      hollow,
      { ...failed, reason: "CheckFailed", checks: [exit] },
      "missed"
    ],
    [
      "told in a note only is missed",
      hollow,
      { ...failed, findings: [{ ...failed.findings[0]!, isNote: true }] },
      "missed"
    ],
    ["not judged is missed", hollow, { ...failed, verdict: "GATE-ERROR", reason: "CloneFailed" }, "missed"],
    ["that must pass and passes is right", good, passed, "right"],
    ["that must pass and is held up is a false alarm", good, failed, "false alarm"],
    [
      "that must pass and is not judged is a false alarm",
      good,
      { ...passed, verdict: "GATE-ERROR" },
      "false alarm"
    ],
    ["that passes without its warning is missed", warned, passed, "missed"],
    ["that no machine decides is not counted", { ...hollow, machine: false }, passed, "undecidable"]
  ])("%s", (_, each, said, outcome) => {
    assert.strictEqual(grade(each, said).outcome, outcome)
  })

  it("a miss, a false alarm and a difference of the roads each end the run, and are told", () => {
    const line = (each: Case, said: Said, task?: Said) => ({
      case: each,
      said,
      graded: grade(each, said),
      task
    })
    const fine = [line(good, passed, passed), line(hollow, failed, failed)]
    assert.isTrue(summary(fine).isGood)
    for (const [bad, says] of [
      [line(hollow, passed), "missed: go/hollow: GATE-PASS"],
      [line(good, failed), "false alarm: go/hollow: GATE-FAIL (TestsHollow"],
      [
        line(hollow, failed, passed),
        "different: go/hollow: foreman gate GATE-FAIL TestsHollow, task GATE-PASS"
      ]
    ] as const) {
      const lines = [...fine, bad]
      assert.isFalse(summary(lines).isGood)
      assert.include(text(lines), says)
    }
  })
})

/** A few, so that the road through the program is walked. `.ci/run` walks it with all of them. */
const quick = [
  "javascript/bug-fix-with-test",
  "javascript/policy-check-program",
  "javascript/weakened-truthy",
  "shell/broken-link",
  "shell/hollow"
]

describe("through the real gate", () => {
  const chosen = cases.filter(({ name }) => quick.includes(name))
  let folder = ""
  let repository: Repository
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "foreman-corpus-"))
    repository = await makeRepository(join(folder, "repository"), chosen)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.for(chosen)("$class: $title", { timeout: 60_000 }, async (each, { skip }) => {
    const absent = whyNot(each.language)
    skip(absent !== undefined, absent)
    const said = await throughGate(each, repository, join(folder, "cache"))
    assert.deepStrictEqual(grade(each, said), { outcome: "right", why: undefined })
  })
})
