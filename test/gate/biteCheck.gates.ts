import { execFileSync } from "node:child_process"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import { planBite } from "../../src/gate/bite.ts"
import type { Finding } from "../../src/gate/finding.ts"
import type { Files } from "./GateWorld.ts"
import { bench, prove } from "./TestBench.ts"

const hasTool = (command: string, ...args: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(command, args, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

const test = (command: string) => ({ name: "test", role: "test" as const, command })
/** `FAIL file test: message`, or `note …`. */
const line = ({ file, isNote, message, test: name }: Finding): string =>
  `${isNote === true ? "note" : "FAIL"} ${file}${name === undefined ? "" : ` ${name}`}: ${message}`

const passes = (file: string, weight: "FAIL" | "note" = "FAIL") =>
  `${weight} ${file}: ${file} passes without the change: nothing in it fails with the product as it was`

/** Results by file, findings, and the commands that ran. */
const ask = Effect.fnUntraced(function* (
  base: Files,
  change: Files,
  command: string,
  patience?: Duration.Duration
) {
  const world = yield* bench({ base, change, checks: [test(command)], ...(patience && { patience }) })
  const { bitten, canaries } = yield* prove(world)
  const { evidence, findings } = bitten
  return {
    canaries: canaries.map(({ file, result }) => `${file}: ${result}`),
    results: Object.fromEntries(evidence.map(({ file, result }) => [file, result])),
    found: findings.map(line),
    commands: world.commands,
    evidence
  }
})

const python = {
  "add.py": "def add(a, b):\n    return a - b\n",
  "tests/test_add.py": "from add import add\n\ndef test_zero():\n    assert add(1, 0) == 1\n"
}
const fixed = { "add.py": "def add(a, b):\n    return a + b\n" }
const pytest = "python3 -m pytest -q"
const sum = `${python["tests/test_add.py"]}\ndef test_sum():\n    assert add(1, 2) == 3\n`

describe.skipIf(!hasTool("python3", "-m", "pytest", "--version"))(
  "the bite check, by pytest",
  { timeout: 60_000 },
  () => {
    it.live("a test that fails without the change bites, and costs its own file only", () =>
      Effect.gen(function* () {
        const { commands, evidence, found, results } = yield* ask(
          { ...python, "tests/test_other.py": "def test_other():\n    assert True\n" },
          { ...fixed, "tests/test_add.py": sum },
          pytest
        )
        assert.deepStrictEqual([results, found], [{ "tests/test_add.py": "bites" }, []])
        assert.strictEqual(evidence[0]?.tests, 2)
        assert.deepStrictEqual(
          [...new Set(commands)],
          [
            "python3 -m pytest -vv -rA --tb=line --show-capture=no --continue-on-collection-errors tests/test_add.py"
          ]
        )
      })
    )

    it.live("beside a file that bites, one that passes without the change is a note, each by itself", () =>
      Effect.gen(function* () {
        const { found, results } = yield* ask(
          python,
          {
            ...fixed,
            "tests/test_add.py": sum,
            "tests/test_new.py": "from add import add\n\ndef test_nine():\n    assert add(9, 0) == 9\n"
          },
          pytest
        )
        assert.deepStrictEqual(results, { "tests/test_add.py": "bites", "tests/test_new.py": "hollow" })
        assert.deepStrictEqual(found, [passes("tests/test_new.py", "note")])
      })
    )

    it.live(
      "in a file that bites, a test that passes either way is a note, and one that asserts nothing or is skipped fails",
      () =>
        Effect.gen(function* () {
          const { found, results } = yield* ask(
            python,
            {
              ...fixed,
              "tests/test_add.py": `import pytest\n${sum}
def test_nine():
    assert add(9, 0) == 9

def test_calls():
    add(1, 1)

@pytest.mark.skip
def test_later():
    assert add(3, 3) == 6
`
            },
            pytest
          )
          assert.deepStrictEqual(results, { "tests/test_add.py": "bites" })
          assert.deepStrictEqual(found, [
            "note tests/test_add.py test_nine: test_nine passes with and without the change",
            "FAIL tests/test_add.py test_calls: test_calls asserts nothing: no outcome of the code that it calls would fail it",
            "FAIL tests/test_add.py test_later: test_later never ran: its runner skips it"
          ])
        })
    )

    it.live("a file that no check collects, or whose tests are all skipped, never ran", () =>
      Effect.gen(function* () {
        const { found } = yield* ask(
          python,
          {
            ...fixed,
            "tests/add_checks.py": "from add import add\n\ndef test_sum():\n    assert add(1, 2) == 3\n",
            "tests/test_off.py":
              "import pytest\npytestmark = pytest.mark.skip\n\ndef test_sum():\n    assert add(1, 2) == 3\n"
          },
          pytest
        )
        assert.deepStrictEqual(found, [
          "FAIL tests/add_checks.py: no test of tests/add_checks.py ran: test does not collect it",
          "FAIL tests/test_off.py: no test of tests/test_off.py ran: pytest skips all of them"
        ])
      })
    )

    it.live("a missing import is a bite; helpers and fixtures stay as the commit has them", () =>
      Effect.gen(function* () {
        const { found, results } = yield* ask(
          python,
          {
            "mul.py": "def mul(a, b):\n    return a * b\n",
            "tests/helpers.py": "CASES = [(2, 3, 6)]\n",
            "tests/fixtures/cases.txt": "2 3 6\n",
            "tests/test_mul.py":
              "from pathlib import Path\nfrom helpers import CASES\nfrom mul import mul\n\ndef test_mul():\n    assert Path('tests/fixtures/cases.txt').exists()\n    assert all(mul(a, b) == c for a, b, c in CASES)\n",
            "tests/test_cases.py":
              "from pathlib import Path\nfrom helpers import CASES\n\ndef test_cases():\n    assert len(CASES) == len(Path('tests/fixtures/cases.txt').read_text().split('/'))\n"
          },
          "python3 -m pytest -q"
        )
        assert.deepStrictEqual(results, { "tests/test_mul.py": "bites", "tests/test_cases.py": "hollow" })
        assert.deepStrictEqual(found, [passes("tests/test_cases.py", "note")])
      })
    )

    it.live("what tests share is no test, even if it asserts", () =>
      Effect.gen(function* () {
        const { found, results } = yield* ask(
          python,
          {
            ...fixed,
            "tests/assertions.py":
              "from add import add\n\ndef assert_sum(a, b, c):\n    assert add(a, b) == c\n",
            "tests/test_add.py":
              "from add import add\nfrom assertions import assert_sum\n\ndef test_zero():\n    assert add(1, 0) == 1\n\ndef test_sum():\n    assert_sum(1, 2, 3)\n"
          },
          pytest
        )
        assert.deepStrictEqual([results, found], [{ "tests/test_add.py": "bites" }, []])
      })
    )

    it.live("nothing to revert is no hollow test; neither are layout, a table or another name", () =>
      Effect.gen(function* () {
        const onlyTests = yield* ask(
          python,
          { "tests/test_add.py": sum.replace("add(1, 2) == 3", "add(2, 2) == 0") },
          pytest
        )
        assert.deepStrictEqual(onlyTests.results, { "tests/test_add.py": "excused" })
        assert.deepStrictEqual(onlyTests.found, [
          "note tests/test_add.py: tests changed and the product did not: there is nothing that they could bite"
        ])
        const comment = yield* ask(
          python,
          { ...fixed, "tests/test_add.py": `# why\n${python["tests/test_add.py"]}` },
          pytest
        )
        assert.deepStrictEqual([comment.results, comment.commands], [{}, []])
        const renamed = yield* ask(
          python,
          { ...fixed, "tests/test_add.py": undefined, "tests/test_plus.py": python["tests/test_add.py"] },
          pytest
        )
        assert.deepStrictEqual([renamed.results, renamed.found], [{}, []])
        const moved = yield* ask(
          python,
          {
            ...fixed,
            "tests/test_add.py": python["tests/test_add.py"].replace("test_zero", "test_zero_added")
          },
          pytest
        )
        assert.deepStrictEqual(moved.results, { "tests/test_add.py": "excused" })
      })
    )

    it.live(
      "a test that hangs without the change bites, and one for which there is no time is left undecided",
      () =>
        Effect.gen(function* () {
          const late = yield* ask(python, { ...fixed, "tests/test_add.py": sum }, pytest, Duration.millis(1))
          assert.deepStrictEqual(late.results, { "tests/test_add.py": "undecided" })
          assert.match(late.found[0] ?? "", /^note .* there was no time/u)
        })
    )
  }
)

describe.skipIf(!hasTool("go", "version"))("the bite check, by go test", { timeout: 60_000 }, () => {
  const base = {
    "go.mod": "module acme\n\ngo 1.21\n",
    "add/add.go": "package add\n\nfunc Add(a, b int) int { return a - b }\n",
    "add/add_test.go":
      'package add\n\nimport "testing"\n\nfunc TestZero(t *testing.T) {\n\tif Add(1, 0) != 1 {\n\t\tt.Error("no")\n\t}\n}\n'
  }
  const goTest = (name: string, call: string, want: number) =>
    `package add\n\nimport "testing"\n\nfunc ${name}(t *testing.T) {\n\tif ${call} != ${want} {\n\t\tt.Error("no")\n\t}\n}\n`

  it.live("what a neighbour breaks is not held for a bite", () =>
    Effect.gen(function* () {
      const { found, results } = yield* ask(
        base,
        {
          "add/mul.go": "package add\n\nfunc Mul(a, b int) int { return a * b }\n",
          "add/mul_test.go": goTest("TestMul", "Mul(2, 3)", 6),
          "add/nine_test.go": goTest("TestNine", "Add(9, 0)", 9)
        },
        "go test ./..."
      )
      assert.deepStrictEqual(results, { "add/mul_test.go": "bites", "add/nine_test.go": "hollow" })
      assert.deepStrictEqual(found, [passes("add/nine_test.go", "note")])
    })
  )

  it.live("an example that nobody runs is no test, and makes none bite", () =>
    Effect.gen(function* () {
      const { found, results } = yield* ask(
        base,
        {
          "add/mul.go": "package add\n\nfunc Mul(a, b int) int { return a * b }\n",
          "add/example_test.go": "package add\n\nfunc ExampleMul() {\n\tMul(2, 3)\n}\n",
          "add/nine_test.go": goTest("TestNine", "Add(9, 0)", 9)
        },
        "go test ./..."
      )
      assert.deepStrictEqual(
        [results, found],
        [{ "add/nine_test.go": "hollow" }, [passes("add/nine_test.go")]]
      )
    })
  )
})

describe.skipIf(!hasTool("cargo", "--version"))("the bite check, by cargo test", { timeout: 60_000 }, () => {
  const base = {
    "Cargo.toml": '[package]\nname = "acme"\nversion = "0.1.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "acme"\nversion = "0.1.0"\n',
    ".gitignore": "target\n",
    "src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n"
  }
  const withTest = (code: string, name: string, assertion: string) =>
    `${code}\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn ${name}() {\n        ${assertion}\n    }\n}\n`

  it.live("tests inside a module are held against the code that the module had", () =>
    Effect.gen(function* () {
      const code = base["src/lib.rs"].replace("a - b", "a + b")
      const biting = yield* ask(
        base,
        { "src/lib.rs": withTest(code, "sums", "assert_eq!(add(1, 2), 3);") },
        "cargo test --offline -q"
      )
      assert.deepStrictEqual([biting.results, biting.found], [{ "src/lib.rs": "bites" }, []])
      const hollow = yield* ask(
        base,
        { "src/lib.rs": withTest(code, "zero", "assert_eq!(add(1, 0), 1);") },
        "cargo test --offline -q"
      )
      assert.deepStrictEqual(
        [hollow.results, hollow.found],
        [{ "src/lib.rs": "hollow" }, [passes("src/lib.rs")]]
      )
    })
  )

  const cargo = "cargo test --offline -q"

  it.live("a module of tests may have any name, and stand in a program", () =>
    Effect.gen(function* () {
      const main = "fn main() {}\n"
      const twice = `${main}\nfn twice(a: i32) -> i32 {\n    a + a\n}\n`
      const { found, results } = yield* ask(
        { ...base, "src/main.rs": main, "src/bin/twice.rs": main },
        {
          "src/lib.rs": withTest(
            base["src/lib.rs"].replace("a - b", "a + b"),
            "sums",
            "assert_eq!(add(1, 2), 3);"
          ).replace("mod tests", "mod test"),
          "src/main.rs": withTest(twice, "doubles", "assert_eq!(twice(2), 4);"),
          "src/bin/twice.rs": withTest(twice, "doubles", "assert_eq!(twice(2), 4);")
        },
        cargo
      )
      assert.deepStrictEqual(
        [results, found],
        [{ "src/bin/twice.rs": "bites", "src/lib.rs": "bites", "src/main.rs": "bites" }, []]
      )
    })
  )
})

describe("the bite check, by node --test behind a package script", { timeout: 60_000 }, () => {
  it.live("runs the file alone; a deleted product file comes back", () =>
    Effect.gen(function* () {
      const base = {
        "package.json": '{"type":"module","scripts":{"test":"node --test"}}',
        "old.js": "export const twice = (a) => a + a\n",
        "test/old.test.js": `import "node:fs"\n`
      }
      const { commands, found, results } = yield* ask(
        base,
        {
          "old.js": undefined,
          "new.js": "export const thrice = (a) => 3 * a\n",
          "test/new.test.js": `import assert from "node:assert"
import { existsSync } from "node:fs"
import { test } from "node:test"
test("old is gone", () => assert.ok(!existsSync("old.js")))
test("two", () => assert.equal(1 + 1, 2))
`
        },
        "npm test"
      )
      assert.deepStrictEqual(results, { "test/new.test.js": "bites" })
      assert.deepStrictEqual(found, ["note test/new.test.js two: two passes with and without the change"])
      assert.strictEqual(commands.length, 3)
      assert.match(commands[0] ?? "", /node --test '--test-reporter=data:.*' test\/new\.test\.js$/u)
    })
  )
})

describe("files that declare no test", () => {
  const added = (path: string, after: string) =>
    ({ path, status: "added", addedLines: [], removedLines: [], after }) as const
  it.each([
    ["tests/test_add.py", "assert add(1, 2) == 3", true],
    ["tests/assertions.py", "def assert_add(a, b):\n    assert add(a, b)", false],
    ["tests/test_helpers.py", "assert True", false],
    ["src/add.test.js", "assert.equal(add(1, 2), 3)", true],
    ["test/add.js", "assert.equal(add(1, 2), 3)", true],
    ["test/assertions.js", "export const adds = () => assert(add(1))", false],
    ["test/assertions.cjs", "exports.adds = () => assert(add(1))", false],
    ["test/setup.ts", "expect.extend({})", false],
    ["tests/assertions.ts", "expect(1)", false],
    ["test/add.test.sh", "[ 1 = 1 ]", true],
    ["tests/add.sh", "#!/bin/sh\n[ 1 = 1 ]", true],
    ["tests/assertions.sh", "adds() { [ 1 = 1 ]; }", false],
    ["tests/run.js", "assert(1)", false]
  ])("%s: %j: %s", (path, text, isSubject) => {
    const plan = planBite({ files: [added(path, text)] }, new Set())
    assert.strictEqual(plan.subjects.length === 1, isSubject)
    assert.lengthOf(planBite({ files: [added(path, text)] }, new Set([path])).subjects, 1)
  })
})

describe("the bite check, by a command that nothing is known of", { timeout: 60_000 }, () => {
  const base = {
    "say.sh": 'echo "hello $1"\n',
    "test.sh": '[ "$(sh say.sh a)" = "hello a" ] || exit 1\n'
  }

  it.live("runs it whole with one file of the change's tests", () =>
    Effect.gen(function* () {
      const said = { "say.sh": 'echo "hello ${1:-you}"\n' }
      const biting = yield* ask(
        base,
        { ...said, "test.sh": `${base["test.sh"]}[ "$(sh say.sh)" = "hello you" ] || exit 1\n` },
        "sh test.sh"
      )
      assert.deepStrictEqual([biting.results, biting.found], [{ "test.sh": "bites" }, []])
      const hollow = yield* ask(
        base,
        { ...said, "test.sh": `${base["test.sh"]}[ "$(sh say.sh b)" = "hello b" ] || exit 1\n` },
        "sh test.sh"
      )
      assert.deepStrictEqual(hollow.found, [passes("test.sh")])
    })
  )

  it.live("decides nothing where the base is red", () =>
    Effect.gen(function* () {
      const { found, results } = yield* ask(
        { ...base, "test.sh": "exit 1\n" },
        { "say.sh": 'echo "hello ${1:-you}"\n', "test.sh": '[ "$(sh say.sh)" = "hello you" ] || exit 1\n' },
        "sh test.sh"
      )
      assert.deepStrictEqual(results, { "test.sh": "undecided" })
      assert.deepStrictEqual(found, [
        "note test.sh: whether test.sh passes without the change is not known: test fails on the base too"
      ])
    })
  )
})
