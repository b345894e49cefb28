import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"

import { gateError, type GateError } from "../../../src/services/GateError.ts"
import type { TestStageContext } from "../../../src/stages/TestStageContext.ts"
import { canaryFindings } from "../../../src/gate/canary/judgeCanary.ts"
import { type Folder, scripted, type Script } from "../../fakes/ScriptedToolchain.ts"
import { prove } from "../TestBench.ts"

/** Tests of one line, `assert sum == 3`, against a product of one line, `sum = 3`. */
const outcomeOf = (body: string, product: string): "passed" | "failed" | "skipped" => {
  if (/skip\(/u.test(body)) return "skipped"
  if (/raise AssertionError/u.test(body)) return "failed"
  const sum = /sum = (\d+)/u.exec(product)?.[1]
  const claims = [...body.matchAll(/assert (not \()?sum == (\d+)/gu)]
  return claims.every(([, negated, expected]) => (sum === expected) === (negated === undefined))
    ? "passed"
    : "failed"
}

/** A runner that prints as pytest does. `swallow` is what the product in the folder makes of its end. */
const pytest =
  (
    swallow: (
      exitCode: number,
      report: string,
      product: string
    ) => { readonly exitCode: number; readonly output: string }
  ) =>
  (command: string, folder: Folder) => {
    const named = command.split(" ").filter((word) => word.endsWith(".py"))
    const product = folder.get("sum.py") ?? ""
    const files = [...folder].filter(
      ([path]) => /test_\w+\.py$/u.test(path) && (named.length === 0 || named.includes(path))
    )
    const outcomes = files.flatMap(([path, text]) =>
      text.split(/^(?=def )/mu).flatMap((body) => {
        const name = /^def (test_\w+)/u.exec(body)?.[1]
        return name === undefined ? [] : [{ id: `${path}::${name}`, outcome: outcomeOf(body, product) }]
      })
    )
    const lines = outcomes.map(({ id, outcome }) =>
      outcome === "skipped" ? `${id} SKIPPED` : `${outcome.toUpperCase()} ${id}`
    )
    const isRed = outcomes.some(({ outcome }) => outcome === "failed")
    return swallow(isRed ? 1 : 0, `${lines.join("\n")}\n${outcomes.length} passed\n`, product)
  }

const honest = pytest((exitCode, output) => ({ exitCode, output }))
const where = (
  word: string,
  forged: (exitCode: number, output: string) => { readonly exitCode: number; readonly output: string }
) =>
  pytest((exitCode, output, product) =>
    product.includes(word) ? forged(exitCode, output) : { exitCode, output }
  )

const test = (name: string, sum: number) => `def test_${name}():\n    assert sum == ${sum}\n`
const check = { name: "test", role: "test" as const, command: "python3 -m pytest -q" }
const fix = {
  base: { "sum.py": "sum = 2\n", "test_sum.py": test("old", 2) },
  change: { "sum.py": "sum = 3\n", "test_sum.py": test("new", 3) }
}

const proved = Effect.fnUntraced(function* (
  script: Partial<Script>,
  changes: Partial<TestStageContext> = {}
) {
  const { context, seen } = scripted({ ...fix, checks: [check], does: honest, ...script })
  const running = yield* prove({ ...context, ...changes }).pipe(Effect.forkChild)
  // The parsers are loaded by real reads.
  for (let turns = 0; turns < 200 && running.pollUnsafe() === undefined; turns++) {
    yield* TestClock.adjust(Duration.seconds(1))
    yield* Effect.promise(() => new Promise((resume) => setTimeout(resume, 5)))
  }
  const { bitten, canaries } = yield* Fiber.join(running)
  return {
    seen,
    canaries: canaries.map(({ file, result, test: name = "" }) => [file, name, result]),
    found: canaryFindings(canaries).map(({ rule }) => rule),
    bites: bitten.evidence.map(({ file, result }) => [file, result]),
    bitten
  }
})

const isNegated = ({ folder }: { readonly folder: Folder }) =>
  [...folder.values()].some((text) => text.includes("not ("))

describe("the canary, on a scripted toolchain", () => {
  it.effect("an honest fix costs three runs of its test files: control, canary, without the change", () =>
    Effect.gen(function* () {
      const { bites, canaries, found, seen } = yield* proved({})
      assert.deepStrictEqual(canaries, [["test_sum.py", "test_new", "failed"]])
      assert.deepStrictEqual([bites, found], [[["test_sum.py", "bites"]], []])
      assert.lengthOf(seen, 3)
      assert.lengthOf(new Set(seen.map(({ command }) => command)), 1)
    })
  )

  it.effect("files of one runner share each run", () =>
    Effect.gen(function* () {
      const { bites, canaries, seen } = yield* proved({
        change: { ...fix.change, "test_more.py": test("more", 3), "test_much.py": test("much", 3) }
      })
      assert.deepStrictEqual(
        canaries.map(([, name, result]) => [name, result]),
        [
          ["test_new", "failed"],
          ["test_more", "failed"],
          ["test_much", "failed"]
        ]
      )
      assert.isTrue(bites.every(([, result]) => result === "bites"))
      assert.lengthOf(seen, 3)
    })
  )

  it.effect("which of the two comes first is drawn, and both have a comment that the commit has not", () =>
    Effect.gen(function* () {
      const orders = new Set<boolean>()
      for (const seed of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
        const { seen } = yield* proved({}).pipe(Random.withSeed(seed))
        const [first, second] = seen
        assert.isDefined(first)
        assert.isDefined(second)
        orders.add(first !== undefined && isNegated(first))
        for (const one of seen.slice(0, 2)) assert.match(one.folder.get("test_sum.py") ?? "", /\n# \w+\n$/u)
      }
      assert.strictEqual(orders.size, 2)
    })
  )

  it.effect.each<[what: string, does: Script["does"]]>([
    ["an exit of 0 after a full report", where("forged", (_, output) => ({ exitCode: 0, output }))],
    ["an exit of 0 before any report", where("forged", () => ({ exitCode: 0, output: "" }))],
    [
      "failures that a hook calls passed",
      where("forged", (_, output) => ({ exitCode: 0, output: output.replaceAll("FAILED", "PASSED") }))
    ]
  ])("is forged: %s", ([, does]) =>
    Effect.gen(function* () {
      const { canaries, found } = yield* proved({
        change: { "sum.py": "sum = 2 # forged\n", "test_sum.py": test("new", 3) },
        does
      })
      assert.deepStrictEqual(
        canaries.map(([, , result]) => result),
        ["forged"]
      )
      assert.deepStrictEqual(found, ["exitForged"])
    })
  )

  it.effect("a runner that never fails, on the base neither, proves nothing and is nobody's forgery", () =>
    Effect.gen(function* () {
      const { canaries, found } = yield* proved({ does: pytest((_, output) => ({ exitCode: 0, output })) })
      assert.deepStrictEqual(
        canaries.map(([, , result]) => result),
        ["unproved"]
      )
      assert.deepStrictEqual(found, ["unproved"])
    })
  )

  it.effect("an assertion that asks nothing is ignored, though the runner fails what raises", () =>
    Effect.gen(function* () {
      const { canaries, found } = yield* proved({
        does: (command, folder) =>
          honest(
            command,
            new Map([...folder].map(([path, text]) => [path, text.replaceAll(/assert.*/gu, "pass")]))
          )
      })
      assert.deepStrictEqual(
        canaries.map(([, , result]) => result),
        ["ignored"]
      )
      assert.deepStrictEqual(found, ["hollow"])
    })
  )

  it.effect("a test that is skipped when it runs is passed over for the next", () =>
    Effect.gen(function* () {
      const { canaries } = yield* proved({
        change: {
          ...fix.change,
          "test_sum.py": `def test_off():\n    assert sum == 3\n    x = "skip("\n\n\n${test("new", 3)}`
        }
      })
      assert.deepStrictEqual(canaries, [["test_sum.py", "test_new", "failed"]])
    })
  )

  it.effect("without a changed test an unchanged one is asked, of the same folder or name", () =>
    Effect.gen(function* () {
      const base = { "sum.py": "sum = 2\n", "test_sum.py": test("old", 2), "far/test_far.py": test("far", 2) }
      const change = { "sum.py": "sum = 2 # forged\n", "conftest.py": "# forged\n" }
      const kept = yield* proved({ base, change })
      assert.deepStrictEqual(kept.canaries, [["test_sum.py", "test_old", "failed"]])
      assert.lengthOf(kept.seen, 1)
      const forged = yield* proved({
        base,
        change,
        does: where("forged", () => ({ exitCode: 0, output: "" }))
      })
      assert.deepStrictEqual(forged.found, ["exitForged"])
      const documents = yield* proved({ base, change: { "README.md": "more\n" } })
      assert.deepStrictEqual([documents.seen, documents.canaries], [[], []])
    })
  )

  it.effect("a product that tells a known test file from a changed one cannot tell which run it is", () =>
    Effect.gen(function* () {
      const text = test("new", 3)
      const does = pytest((exitCode, output) => ({ exitCode, output }))
      const { canaries, found } = yield* proved({
        change: { "sum.py": "sum = 2 # knows its tests\n", "test_sum.py": text },
        does: (command, folder) =>
          folder.get("test_sum.py") === text ? { exitCode: 0, output: "" } : does(command, folder)
      })
      // With any other text the test fails, so the opposite of what it asserts passes.
      assert.deepStrictEqual(
        canaries.map(([, , result]) => result),
        ["ignored"]
      )
      assert.deepStrictEqual(found, ["hollow"])
    })
  )

  it.effect("no run begins once the time is over, and what was not asked is undecided", () =>
    Effect.gen(function* () {
      const { bites, seen } = yield* proved({
        does: (command, folder) => ({ ...honest(command, folder), seconds: 40 }),
        patience: Duration.seconds(60)
      })
      assert.deepStrictEqual([bites, seen.length], [[["test_sum.py", "undecided"]], 2])
    })
  )

  it.effect("a run that hangs without the change is cut at five times its own time, and has bitten", () =>
    Effect.gen(function* () {
      const { bites, seen } = yield* proved({
        does: (command, folder) => ({
          ...honest(command, folder),
          seconds: folder.get("sum.py") === "sum = 2\n" ? 9_999 : 15
        })
      })
      assert.deepStrictEqual([bites, seen.length], [[["test_sum.py", "bites"]], 3])
    })
  )

  it.effect("a toolchain that dies with the canary judges nothing", () =>
    Effect.gen(function* () {
      const died: GateError = gateError("ToolchainDied", "the toolchain died")
      const does: Script["does"] = (command, folder) =>
        isNegated({ folder }) ? died : honest(command, folder)
      const error = yield* Effect.flip(proved({ does }))
      assert.strictEqual(error.reason._tag, "ToolchainDied")
    })
  )
})
