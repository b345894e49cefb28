/** A coder's GO against the rails, through a whole run: real git, real checks, a model over HTTP. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import type { TaskSpec } from "../../schema/AgenticTask.ts"
import { call, submit, world } from "./modelRun.ts"

const gateFile = `checks:
  - { role: lint, command: "! grep -rn DEBUG --include=*.js ." }
  - { role: build, command: "no-such-compiler" }
  - { name: quick, role: test, command: "sh test.sh", timeout: 5s }
  - { name: slow, role: test, command: "exit 1", timeout: 10m }
`
const test = `import assert from "node:assert/strict"
import { test } from "node:test"
import { add } from "./add.js"

test("two and two", () => {
  assert.equal(add(2, 2), 4)
  assert.equal(add(2, -2), 0)
})
`

/** A repository with a gate, a function and its test, and a coder that plays these turns. */
const coder = Effect.fnUntraced(function* (turns: ReadonlyArray<Turn>, spec: Partial<TaskSpec> = {}) {
  const made = yield* world({ turns, task: spec })
  made.commitTo("main", ".foreman/gate.yaml", gateFile)
  made.commitTo("main", "add.js", "export const add = (a, b) => a + b\n")
  made.commitTo("main", "add.test.js", test)
  made.commitTo("main", "test.sh", "! grep -n broken add.js\n")
  return made
})
const write = (path: string, content: string) => call("write_file", { path, content })
const good = write("add.js", "/** Sum. */\nexport const add = (a, b) => a + b\n")
const told = (text: string, turn: Turn): Turn => ({ ...turn, expect: { newContains: [text] } })
const branch = "foreman/issue-7"

describe("a coder's GO", () => {
  it.live(
    "counts once the fast checks pass; what fails goes back, what cannot run here is left to the gate",
    () =>
      Effect.gen(function* () {
        const { model, run, tip } = yield* coder([
          write("add.js", "// DEBUG\nexport const add = (a, b) => a + b\n"),
          submit("GO"),
          told("add.js:1:// DEBUG", write("add.js", "// broken\nexport const add = (a, b) => a + b\n")),
          submit("GO"),
          told("1:// broken", good),
          submit("GO")
        ])
        const result = yield* run
        assert.deepStrictEqual(yield* model.mismatches, [])
        assert.strictEqual(result.verdict, "GO")
        assert.deepStrictEqual(result.extra?.["ownGate"], {
          checks: [
            { name: "lint", exitCode: 0 },
            { name: "build", exitCode: 127, skipped: "its tools are not here" },
            { name: "quick", exitCode: 0 }
          ],
          handBacks: 2
        })
        assert.deepStrictEqual(tip(branch)?.files, ["add.js"])
      })
  )

  it.live("ends INCOMPLETE after three tries, with what failed, and pushes nothing", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* coder([
        write("add.js", "// DEBUG\n"),
        ...[1, 2, 3, 4].map(() => submit("GO"))
      ])
      const result = yield* run
      assert.deepInclude(result, {
        verdict: "INCOMPLETE",
        failureReason: "GateFailed",
        summary: "the checks of the repository fail: lint"
      })
      assert.deepInclude(result.extra, {
        outcome: "CODER-GATE-FAILED",
        modelSummary: "the greeting is polite"
      })
      assert.deepInclude(result.extra?.["modelExtra"], { outcome: "CODER-GATE-FAILED" })
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("is not held to a check that fails without the change, too", () =>
    Effect.gen(function* () {
      const { commitTo, run } = yield* coder([good, submit("GO")])
      commitTo("main", "old.js", "// DEBUG\n")
      const result = yield* run
      assert.strictEqual(result.verdict, "GO")
      assert.deepInclude(result.extra?.["ownGate"], {
        checks: [
          { name: "lint", exitCode: 1, skipped: "it fails without the change, too" },
          { name: "build", exitCode: 127, skipped: "its tools are not here" },
          { name: "quick", exitCode: 0 }
        ]
      })
    })
  )

  it.live("leaves no copy of the base behind, whatever the checks are", () =>
    Effect.gen(function* () {
      const { commitTo, run } = yield* coder([good, submit("GO")])
      commitTo("main", "old.js", "// DEBUG\n")
      const clean = `checks:
  - { role: lint, command: "! grep -rn DEBUG --include=*.js ." }
  - { role: format, command: "! grep -rn DEBUG --include=*.js . || exit 3" }
  - { role: build, command: 'ls -A "$TMPDIR" | (! grep .)' }
`
      commitTo("main", ".foreman/gate.yaml", clean)
      const result = yield* run
      assert.deepStrictEqual(result.extra?.["ownGate"], {
        checks: [
          { name: "lint", exitCode: 1, skipped: "it fails without the change, too" },
          { name: "format", exitCode: 3, skipped: "it fails without the change, too" },
          { name: "build", exitCode: 0 }
        ],
        handBacks: 0
      })
    })
  )

  it.live("in the last turn is not handed back: the result says why it does not count", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ turns: [submit("GO")], agent: { maxTurns: 1 } })
      assert.deepInclude((yield* run).extra, { outcome: "NO-CHANGES" })
    })
  )

  it.live.each<[string, Turn, string, string, Partial<TaskSpec>]>([
    ["without a change", call("bash", { command: "true" }), "NO-CHANGES", "changed nothing", {}],
    [
      "outside the task's paths",
      write("other.js", "\n"),
      "PATHS-OUTSIDE-TASK",
      "other.js",
      { payload: { repo: "acme/demo", issue: 7, branchStrategy: "reset", paths: ["add.js"] } }
    ],
    ["that edits the gate", write(".foreman/gate.yaml", "policy: {}\n"), "PROTECTED-PATHS", "gate.yaml", {}],
    [
      "that weakens a test",
      write("add.test.js", test.replace("  assert.equal(add(2, -2), 0)\n", "")),
      "TESTS-WEAKENED",
      "add.test.js",
      {}
    ]
  ])("%s goes back three times, and is NO-GO then", ([, change, outcome, word, spec]) =>
    Effect.gen(function* () {
      const { model, run, tip } = yield* coder(
        [change, submit("GO"), told("not accepted: ", submit("GO")), told(word, submit("GO")), submit("GO")],
        spec
      )
      const result = yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.strictEqual(result.verdict, "NO-GO")
      assert.deepInclude(result.extra, { outcome })
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("may loosen a test with a word, which the result carries", () =>
    Effect.gen(function* () {
      const { run } = yield* coder([
        write("add.test.js", test.replace("  assert.equal(add(2, -2), 0)\n", "")),
        submit("GO", { test_changes: "the issue asks for it" })
      ])
      const result = yield* run
      assert.strictEqual(result.verdict, "GO")
      assert.deepInclude(result.extra?.["ownGate"], { testChanges: "the issue asks for it" })
    })
  )

  it.live("may not touch a program that the gate's scripts run", () =>
    Effect.gen(function* () {
      const { commitTo, model, run } = yield* coder([
        write("tools/lint.js", "\n"),
        submit("GO"),
        told("tools/lint.js (is a program that a check of the gate runs)", submit("NO-GO"))
      ])
      commitTo("main", ".foreman/gate.yaml", "checks: [{ role: lint, command: npm run lint }]\n")
      commitTo("main", "package.json", '{ "scripts": { "lint": "node tools/lint.js" } }\n')
      commitTo("main", "tools/lint.js", "process.exit(0)\n")
      assert.strictEqual((yield* run).verdict, "NO-GO")
      assert.deepStrictEqual(yield* model.mismatches, [])
    })
  )

  it.live("may touch what is protected when the task grants it", () =>
    Effect.gen(function* () {
      const { run } = yield* coder([write(".foreman/gate.yaml", `${gateFile}policy: {}\n`), submit("GO")], {
        verdictPolicy: { selfGO: ["ci-policy"] }
      })
      assert.strictEqual((yield* run).verdict, "GO")
    })
  )

  it.live("is about the files that were checked: what the same turn writes after it is not run", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* coder([
        good,
        {
          reply: {
            type: "tool_calls",
            calls: [
              { name: "submit_result", arguments: { verdict: "GO", summary: "done" } },
              { name: "write_file", arguments: { path: "add.js", content: "// DEBUG\n" } }
            ]
          }
        }
      ])
      assert.strictEqual((yield* run).verdict, "GO")
      assert.deepStrictEqual(tip(branch)?.files, ["add.js"])
    })
  )
})
