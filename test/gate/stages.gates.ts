/** Each stage of a gate changes a verdict: real git, a real shell, the judge in this process. */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"

const gateFile = (checks: string, policy = "") => ({ ".foreman/gate.yaml": `checks:\n${checks}${policy}` })
const test = "  - role: test\n    command: sh test.sh\n"
const brief = ({ reason, verdict }: Envelope) => [verdict, reason]
const ruleOf = ({ findings }: Envelope) => findings?.map(({ file, rule }) => [rule, file])

describe("the stages of a gate", () => {
  it.live("a branch that moves meanwhile is no GATE-PASS, and a GATE-FAIL says what it is now", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "test.sh": "exit $(cat code)\n", code: "0\n", ...gateFile(test) })
      const remote = world.remote.replaceAll("'", "'\\''")
      // On this machine without namespaces a check reaches its own remote: somebody pushes while it runs.
      const move = {
        name: "push",
        command: `git -C '${remote}' branch -f work main && sh test.sh`
      }
      world.commit("work", { "a.txt": "a\n" })
      const passed = yield* world.gate({ checks: [move] })
      const main = execFileSync("git", ["-C", world.remote, "rev-parse", "main"], { encoding: "utf8" }).trim()
      world.commit("work", { code: "3\n" })
      const failed = yield* world.gate({ checks: [move] })
      assert.deepStrictEqual(
        [passed, failed].map(({ envelope }) => [...brief(envelope), envelope.moved]),
        [
          ["GATE-ERROR", "BranchMoved", main],
          ["GATE-FAIL", "CheckFailed", main]
        ]
      )
    })
  )

  it.live("a protected file fails a change that passes, unless the policy of the base only warns", () =>
    Effect.gen(function* () {
      const change = { ".foreman/gate.yaml": "checks: [{ role: test, command: 'true' }]\n" }
      const strict = yield* GateWorld.make({ "test.sh": "", ...gateFile(test) })
      strict.commit("work", change)
      const lax = yield* GateWorld.make({
        "test.sh": "",
        ...gateFile(test, "policy: {protected: warn}\n")
      })
      lax.commit("work", change)
      const [first, second] = [(yield* strict.gate()).envelope, (yield* lax.gate()).envelope]
      assert.deepStrictEqual(
        [brief(first), brief(second), ruleOf(second)],
        [["GATE-FAIL", "ProtectedChanged"], ["GATE-PASS", undefined], [["protected", ".foreman/gate.yaml"]]]
      )
      assert.notStrictEqual(first.profile, second.profile)
    })
  )

  it.live(
    "what the policy asks about passes with an approval of another person for the judged commit alone",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({
          "test.sh": "exit $(cat code)\n",
          code: "0\n",
          ...gateFile(test, "policy: {protected: ask}\n")
        })
        const path = ".github/CODEOWNERS"
        const commit = world.commit("work", { [path]: "* @ada\n" })
        const approval = { rule: "protected", path, commit, reason: "a job more", by: "grace" }
        const [asked, byAuthor, passed] = [
          yield* world.gate(),
          yield* world.gate({ approvals: [{ ...approval, by: "ada@example.com" }] }),
          yield* world.gate({ approvals: [approval] })
        ]
        assert.deepStrictEqual(
          [asked, byAuthor, passed].map(({ envelope }) => brief(envelope)),
          [
            ["GATE-FAIL", "NeedsApproval"],
            ["GATE-FAIL", "NeedsApproval"],
            ["GATE-PASS", undefined]
          ]
        )
        assert.include(asked.envelope.message, `"rule":"protected","path":"${path}","commit":"${commit}"`)
        assert.include(byAuthor.log, "does not count: ada@example.com is an author of the change")
        assert.deepStrictEqual(passed.envelope.approvals, [{ ...approval, files: [path] }])
        assert.deepStrictEqual(
          [byAuthor.envelope.approvalsRead, passed.envelope.approvalsRead].map((read) => typeof read),
          ["string", "string"]
        )
        const red = world.commit("work", { [path]: "* @ada\n", code: "3\n" })
        const { envelope } = yield* world.gate({ approvals: [{ ...approval, commit: red }] })
        assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "CheckFailed"])
      })
  )

  it.live("an old fault in one script excuses no new one in another", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        "old.sh": "if true\n",
        "new.sh": "true\n",
        ...gateFile("  - { role: test, command: 'true' }\n")
      })
      world.commit("work", { "old.sh": "# more\nif true\n" })
      const shared = yield* world.gate()
      assert.deepStrictEqual(brief(shared.envelope), ["GATE-PASS", undefined], shared.envelope.message)
      world.commit("work", { "old.sh": "# more\nif true\n", "new.sh": "if true\n" })
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "CheckFailed"], envelope.message)
    })
  )

  it.live("a script is read by the shell that it asks for, and by bash where it asks for none", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ ...gateFile("  - { role: test, command: 'true' }\n") })
      const bashism = "words=(a b)\n"
      world.commit("work", {
        "complete.bash": bashism,
        "lib.sh": bashism,
        "run.sh": `#!/bin/bash\n${bashism}`
      })
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-PASS", undefined], envelope.message)
    })
  )

  it.live("a file that git itself shows as changed in every clone is not held against a change", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        "win.bat": "echo\r\n",
        ".gitattributes": "*.bat -text\n",
        ...gateFile("  - { role: test, command: 'true' }\n")
      })
      const git = (...args: ReadonlyArray<string>) => execFileSync("git", ["-C", world.remote, ...args])
      // Committed as it was, and only then normalised by its attributes.
      writeFileSync(join(world.remote, ".gitattributes"), "*.bat text eol=crlf\n")
      git("add", ".gitattributes")
      git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "attributes")
      git("branch", "work")
      git("checkout", "-q", "work")
      writeFileSync(join(world.remote, "a.txt"), "a\n")
      git("add", "a.txt")
      git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "work")
      git("checkout", "-q", "-f", "main")
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual([...brief(envelope), envelope.dirty], ["GATE-PASS", undefined, undefined])
    })
  )

  it.live("a document that breaks fails a change whose checks had nothing to do", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(gateFile(`${test}    paths: ["src/**"]\n`))
      world.commit("work", { "docs/a.md": "[b](b.md)\n", "logo.svg": "<svg/>\n", "x.sh": "if\n" })
      const { envelope, log } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "CheckFailed"])
      assert.deepStrictEqual(
        envelope.checks.map(({ exitCode, name, skipped }) => [name, exitCode === 0, skipped]),
        [
          ["test", false, "the change touches none of its paths"],
          ["shell", false, undefined],
          ["markdown", false, undefined]
        ]
      )
      assert.deepStrictEqual(envelope.coverage, { files: 3, examined: 2, uncovered: ["logo.svg"] })
      assert.include(log, "--- test: skipped, the change touches none of its paths\n")
    })
  )

  const lonely = { "lib.py": "def lonely():\n    return 1\n" }
  it.live.each([
    { rule: "weakened", reason: "TestsWeakened", change: { "test/a.test.js": 'test("a", () => {})\n' } },
    { rule: "untested", reason: "Untested", change: lonely },
    { rule: "unused", reason: "CodeUnused", change: lonely },
    { rule: "settings", reason: "SettingsLoosened", change: { "pytest.ini": "[pytest]\naddopts = --co\n" } },
    { rule: "stored", reason: "StoredChanged", change: { "test/__snapshots__/a.test.js.snap": "two\n" } },
    { rule: "suppressed", reason: "ChecksSuppressed", change: { "lib.py": "import os  # noqa\n" } },
    { rule: "unparsable", reason: "SourceUnparsable", change: { "src/b.py": "def b(:\n    return ((1\n" } }
  ])(
    "what is $rule fails a change where the policy says so, and passes where it only warns",
    ({ change, reason, rule }) =>
      Effect.gen(function* () {
        const judgedBy = Effect.fnUntraced(function* (policy: string) {
          const world = yield* GateWorld.make({
            "test/a.test.js": 'test("a", () => { assert.equal(f(), 1) })\n',
            "test/__snapshots__/a.test.js.snap": "one\n",
            "pytest.ini": "[pytest]\n",
            "test_b.py": "def test_b():\n    assert b() == 1\n",
            "src/b.py": "def b():\n    return 1\n",
            // Not a test to the gate: what is asked here is the comparison.
            ...gateFile("  - role: lint\n    command: 'true'\n", `policy: {${rule}: ${policy}}\n`)
          })
          world.commit("work", change)
          return brief((yield* world.gate()).envelope)
        })
        assert.deepStrictEqual(
          [yield* judgedBy("fail"), yield* judgedBy("warn")],
          [
            ["GATE-FAIL", reason],
            ["GATE-PASS", undefined]
          ]
        )
      })
  )

  it.live("what is untested or named nowhere is told, and passes", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "test.sh": "", ...gateFile(test) })
      world.commit("work", { "lib.py": "def lonely():\n    return 1\n" })
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(
        [brief(envelope), ruleOf(envelope)],
        [
          ["GATE-PASS", undefined],
          [
            ["untested", "lib.py"],
            ["unused", "lib.py"]
          ]
        ]
      )
      assert.include(envelope.message, "2 warning(s): untested, unused")
    })
  )

  it.live(
    "neighbours that say parallel run beside each other, each with a log of its own, and others do not",
    () =>
      Effect.gen(function* () {
        // Each waits for the other's file: one after another they would wait for ever.
        const meet = (name: string, other: string, more = "") =>
          `  - name: ${name}\n    role: test\n    command: "touch ../${name}; until [ -e ../${other} ]; do sleep 0.02; done; echo ${name} was here"\n    timeout: 10s\n${more}`
        const parallel = "    parallel: true\n"
        const together = yield* GateWorld.make(
          gateFile(meet("one", "two", parallel) + meet("two", "one", parallel))
        )
        together.commit("work", { "a.txt": "a\n" })
        const { envelope } = yield* together.gate()
        assert.deepStrictEqual(brief(envelope), ["GATE-PASS", undefined])
        assert.deepStrictEqual(envelope.checks.map(({ logTail, name }) => [name, logTail]).toSorted(), [
          ["one", "one was here\n"],
          ["two", "two was here\n"]
        ])
        const apart = yield* GateWorld.make(
          gateFile((meet("one", "two") + meet("two", "one")).replaceAll("10s", "1s"))
        )
        apart.commit("work", { "a.txt": "a\n" })
        const { envelope: alone } = yield* apart.gate()
        assert.strictEqual(alone.checks[0]?.limit, "time")
      })
  )

  it.live("a repository that says nothing gets the checks that its files call for", () =>
    Effect.gen(function* () {
      const manifest = (script: string) => JSON.stringify({ scripts: { test: script } })
      const world = yield* GateWorld.make({ "package.json": manifest("node -e 0") })
      world.commit("work", { "package.json": manifest("exit 0") })
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(
        [brief(envelope), envelope.source, envelope.checks.map(({ command }) => command)],
        [["GATE-FAIL", "ProtectedChanged"], "files", ["npm test", "(built in) it parses"]]
      )
    })
  )
})
