import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { rerun } from "../../src/stages/rerun.ts"
import type { Finding } from "../../src/gate/finding.ts"
import { judgeFailure } from "../../src/gate/flaky.ts"
import type { Files } from "./GateWorld.ts"
import { bench } from "./TestBench.ts"

const line = ({ file, isNote, message, test }: Finding): string =>
  `${isNote === true ? "note" : "FAIL"} ${file}${test === undefined ? "" : ` ${test}`}: ${message}`

/** What a check that ran comes to. */
const ask = Effect.fnUntraced(function* (base: Files, change: Files, command: string) {
  const world = yield* bench({ base, change, checks: [{ name: "test", role: "test", command }] })
  const { evidence, findings, verdicts } = yield* rerun(yield* world.checked)
  const commands = [...new Set(world.commands)]
  return { verdict: [...verdicts.values()][0], found: findings.map(line), evidence: evidence[0], commands }
})

const imports = `import assert from "node:assert"\nimport { test } from "node:test"\n`
/** Passes at every second run, the first one among them or not. */
const byTurns = (name: string, firstPasses: boolean) => `${imports}
import { appendFileSync, readFileSync } from "node:fs"
const runs = \`\${process.env.BENCH_STATE}/${name}\`
appendFileSync(runs, "x")
test("${name}", () => assert.equal(readFileSync(runs, "utf8").length % 2, ${firstPasses ? 1 : 0}))
`
const js = {
  "package.json": '{"type":"module"}',
  "add.js": "export const add = (a, b) => a + b\n",
  "test/add.test.js": `${imports}import { add } from "../add.js"\ntest("adds", () => assert.equal(add(1, 2), 3))\n`,
  "test/fine.test.js": `${imports}test("fine", () => {})\n`
}
const broken = { "add.js": "export const add = (a, b) => a - b\n" }
const harmless = { "more.js": "export const more = 1\n" }
const red = { "test/red.test.js": `${imports}test("is red", () => assert.fail())\n` }

describe("a failed check, by node --test", { timeout: 60_000 }, () => {
  it.live("stands when the base passes, and costs the failed tests only", () =>
    Effect.gen(function* () {
      const { commands, evidence, found, verdict } = yield* ask(js, broken, "node --test")
      assert.deepStrictEqual([verdict, found], ["introduced", []])
      assert.deepStrictEqual(commands, ["node --test '--test-name-pattern=^(?:adds)$'"])
      assert.deepStrictEqual([evidence?.runs, evidence?.failed, evidence?.baseFailed], [2, 2, 0])
    })
  )

  it.live("is run as a whole when it fails more tests than one command can name", () =>
    Effect.gen(function* () {
      const many = `for (let n = 0; n < 60; n++) test(\`\${"a long name ".repeat(30)}\${n}\`, () => assert.fail())`
      const { commands, verdict } = yield* ask(
        js,
        { "test/many.test.js": `${imports}${many}\n` },
        "node --test"
      )
      assert.deepStrictEqual([verdict, commands], ["introduced", ["node --test"]])
    })
  )

  it.live("is shared when all that fails fails on the base too", () =>
    Effect.gen(function* () {
      const { found, verdict } = yield* ask({ ...js, ...red }, harmless, "node --test")
      assert.deepStrictEqual(
        [verdict, found],
        ["preexisting", ["note test: test: is red fails on the base too"]]
      )
    })
  )

  it.live("stands when the change adds a failure to those of the base", () =>
    Effect.gen(function* () {
      const { verdict } = yield* ask({ ...js, ...red }, broken, "node --test")
      assert.strictEqual(verdict, "introduced")
    })
  )

  it.live("stands when the change touched the test that the base fails", () =>
    Effect.gen(function* () {
      const { verdict } = yield* ask(
        { ...js, ...red },
        { "test/red.test.js": `${imports}test("is red", () => assert.fail("still"))\n` },
        "node --test"
      )
      assert.strictEqual(verdict, "introduced")
    })
  )

  const unloadable = 'throw new Error("no database")\n'
  it.live("is preexisting when a file of tests cannot be loaded, on the base as well", () =>
    Effect.gen(function* () {
      const { evidence, found, verdict } = yield* ask(
        { ...js, "test/db.test.js": unloadable },
        harmless,
        "node --test"
      )
      assert.deepStrictEqual(
        [verdict, found],
        ["preexisting", ["note test: test: test/db.test.js fails on the base too"]]
      )
      assert.deepStrictEqual([evidence?.baseRuns, evidence?.baseFailed], [1, 1])
    })
  )

  it.live("is flaky when a test comes and goes that the base does not fail", () =>
    Effect.gen(function* () {
      const { found, verdict } = yield* ask(
        js,
        { "test/turn.test.js": byTurns("turn", false) },
        "node --test"
      )
      assert.deepStrictEqual(
        [verdict, found],
        ["flaky", ["FAIL test: test: turn comes and goes on the branch, and does not fail on the base"]]
      )
    })
  )
})

describe("a failed check, by a command that nothing is known of", { timeout: 60_000 }, () => {
  const turns = 'echo x >> "$BENCH_STATE/turns"; [ $(($(wc -l < "$BENCH_STATE/turns") % 2)) = 0 ]\n'

  it.live(
    "is shared when it comes and goes on both, stands when only the branch fails, else it is unclear",
    () =>
      Effect.gen(function* () {
        const both = yield* ask({ "test.sh": turns }, { "a.sh": "true\n" }, "sh test.sh")
        assert.deepStrictEqual(
          [both.verdict, both.found],
          ["preexisting", ["note test: the check test fails on the base too"]]
        )
        const mine = yield* ask({ "test.sh": "[ ! -f bad ]\n" }, { bad: "" }, "sh test.sh")
        assert.strictEqual(mine.verdict, "introduced")
        const always = yield* ask({ "test.sh": "exit 1\n" }, { "a.sh": "true\n" }, "sh test.sh")
        assert.strictEqual(always.verdict, "inconclusive")
      })
  )
})

describe("the tests of a change, when all passed", { timeout: 60_000 }, () => {
  it.live("one that comes and goes is flaky, by its name; others are not run", () =>
    Effect.gen(function* () {
      const { commands, evidence, found } = yield* ask(
        js,
        { "test/turn.test.js": byTurns("turn", true) },
        "node --test"
      )
      assert.deepStrictEqual(found, [
        "FAIL test/turn.test.js turn: turn fails 2 times of 3 at the same commit"
      ])
      assert.lengthOf(commands, 1)
      assert.match(commands[0] ?? "", /^node --test '--test-reporter=data:.*' test\/turn\.test\.js$/u)
      assert.deepStrictEqual([evidence?.runs, evidence?.failed], [3, 2])
    })
  )

  it.live("steady ones say nothing", () =>
    Effect.gen(function* () {
      const { evidence, found } = yield* ask(
        js,
        { "test/new.test.js": `${imports}test("new", () => assert.equal(1, 1))\n` },
        "node --test"
      )
      assert.deepStrictEqual([found, evidence?.runs], [[], 3])
    })
  )
})

describe("whose failure it is", { timeout: 60_000 }, () => {
  it.each([
    [false, false, undefined, "introduced"],
    [true, false, undefined, "flaky"],
    [true, true, undefined, "preexisting"],
    [false, true, true, "preexisting"],
    [false, true, false, "introduced"],
    [false, true, undefined, "inconclusive"]
  ] as const)(
    "comes and goes %s, base fails %s, passes without shared %s: %s",
    (comesAndGoes, baseFails, passesWithoutShared, verdict) => {
      assert.strictEqual(judgeFailure({ comesAndGoes, baseFails, passesWithoutShared }), verdict)
    }
  )
})
