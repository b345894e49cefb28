import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import type { GateCheck } from "../../schema/Result.ts"
import type { Check } from "../../src/gate/checks.ts"
import { readGateFile } from "../../src/gate/gateFile.ts"
import { firstTest, mainLanguage } from "../../src/gate/init/advice.ts"
import { gateFileText } from "../../src/gate/init/gateFileText.ts"
import { type Ground, propose, revise, type Tried } from "../../src/gate/init/propose.ts"
import { prove } from "../../src/gate/init/prove.ts"

const ground = (
  texts: Readonly<Record<string, string>>,
  more: Partial<Ground> & { readonly files?: ReadonlyArray<string> } = {}
): Ground => ({
  paths: [...Object.keys(texts), ...(more.files ?? [])],
  texts: new Map(Object.entries(texts)),
  declared: new Set(),
  recipes: { packageJson: texts["package.json"] },
  hasProgram: () => true,
  ...more
})

const tried = (check: Check, exitCode: number, logTail = ""): Tried => ({
  check,
  result: { name: check.name, command: check.command, exitCode, seconds: 1.25, logTail } satisfies GateCheck
})

const setup: Check = {
  name: "setup",
  role: "setup",
  command: "npm ci --no-audit --no-fund",
  lockFiles: ["package-lock.json"],
  network: true
}
const test: Check = { name: "npm test", role: "test", command: "npm test" }
const pytest: Check = { name: "pytest", role: "test", command: "python3 -m pytest -q" }
const commands = (checks: ReadonlyArray<Check> | undefined) => checks?.map(({ command }) => command)

describe("what is tried on the base", () => {
  const module = { "go.mod": "module x\nrequire y.z/w v1.0.0\n" }

  it("is the suite of make where the makefile declares it, after set-up, and the files' own elsewhere", () => {
    const made = ground(module, { declared: new Set(["lint", "test", "deploy"]) })
    assert.deepStrictEqual(commands(propose(made)), ["go mod download", "make lint", "make test"])
    assert.include(commands(propose(ground(module))) ?? [], "go test ./...")
  })

  it("is a set-up that asks for less after one that fails, and nothing where that was the least", () => {
    const at = ground({ "package.json": "{}" })
    const next = revise(at, [tried(setup, 1), tried(test, 127)])
    assert.deepStrictEqual(commands(next), ["npm install --no-package-lock --no-audit --no-fund", "npm test"])
    assert.isUndefined(revise(at, [tried({ ...setup, command: "npm install --no-package-lock" }, 1)]))
  })

  it("is pytest without the tests that fail there, once", () => {
    const output = "FAILED tests/test_a.py::test_b[1] - assert 1 == 2\n1 failed, 9 passed in 1s\n"
    const next = revise(ground({}), [tried(pytest, 1, output)])
    assert.deepStrictEqual(commands(next), ["python3 -m pytest -q --deselect 'tests/test_a.py::test_b'"])
    const [without] = next ?? []
    assert.isUndefined(revise(ground({}), [tried(pytest, 1, output), tried(without ?? pytest, 1, output)]))
  })

  it("is what the files call for where the make targets prove no test", () => {
    const made = ground(module, { declared: new Set(["lint", "test"]), files: ["a_test.go"] })
    const [load, lint, makeTest] = propose(made)
    assert.isDefined(makeTest)
    const results = [load, lint, makeTest].flatMap((check) =>
      check === undefined ? [] : [tried(check, check.name === "test" ? 2 : 0)]
    )
    const next = commands(revise(made, results)) ?? []
    assert.includeMembers([...next], ["go mod download", "go build ./...", "go test ./..."])
    assert.notInclude(next, "go vet ./...")
  })

  it("is nothing more where everything passed", () => {
    assert.isUndefined(revise(ground({}), [tried(setup, 0), tried(test, 0)]))
  })
})

describe("what the gate file gets", () => {
  const lint: Check = {
    name: "npm run lint",
    role: "lint",
    command: 'npm run "lint: all"',
    paths: ["src/**"]
  }

  it("is what passed, with a comment for each, and why the rest is left out", () => {
    const proof = prove(
      "0123456789abcdef",
      [
        tried(setup, 0),
        tried(lint, 0),
        tried(test, 1, "broken\nError: connect ECONNREFUSED 127.0.0.1:5432\n")
      ],
      {},
      []
    )
    const text = gateFileText(proof)
    const read = Result.getOrThrowWith(readGateFile(text), (message) => new Error(message))
    assert.deepStrictEqual(read.checks, [setup, lint])
    assert.match(text, /^ {2}# 1\.3 s on the base\.$/mu)
    assert.match(text, /^# {3}npm test: needs a service that is not here, by its words PostgreSQL/mu)
    assert.include(text, "0123456789ab")
  })

  it("holds no line of a check's output but as a comment", () => {
    const proof = prove(
      "0123456789abcdef",
      [tried(setup, 0), tried(test, 3, "x\nchecks:\u0007: [evil]")],
      {},
      []
    )
    const text = gateFileText({ ...proof, kept: [{ check: lint, seconds: 1 }] })
    assert.isTrue(Result.isSuccess(readGateFile(text)))
    assert.notInclude(text, "\u0007")
  })

  it("keeps tests that fail by name on the base, since the gate tells those apart", () => {
    const go: Check = { name: "go test", role: "test", command: "go test ./..." }
    const output = "--- FAIL: TestNet (0.1s)\nFAIL\tx.y/z\t0.1s\nFAIL\n"
    const { kept, leftOut } = prove("0".repeat(40), [tried(go, 1, output)], {}, [])
    assert.deepStrictEqual([kept.length, leftOut.length], [1, 0])
    assert.include(kept[0]?.note, "1 test(s), which are not held against a change: TestNet")
  })

  it.each([
    [127, "sh: 1: tox: not found", "cannot start here: sh: 1: tox: not found"],
    [2, "", "exits 2 on the base: it printed nothing"]
  ])("says of exit %s why", (exitCode, output, why) => {
    assert.strictEqual(prove("0".repeat(40), [tried(test, exitCode, output)], {}, []).leftOut[0]?.why, why)
  })
})

describe("advice for a repository without tests", () => {
  it("is about its main language", () => {
    assert.strictEqual(mainLanguage(["a.py", "b.py", "c.js"]), "python")
    assert.include(firstTest(["a.py"]), "tests/test_first.py")
    assert.include(firstTest(["README.md"]), "a script that exits")
  })
})
