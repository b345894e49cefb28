import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import * as GateWorld from "./GateWorld.ts"

const checks = [{ name: "test", role: "test" as const, command: "node --test" }]
const unknown = [{ name: "test", role: "test" as const, command: "sh all.sh" }]
const imports = `import assert from "node:assert"\nimport { test } from "node:test"\n`
const base = {
  "package.json": '{"type":"module"}',
  "add.js": "export const add = (a, b) => a - b\n",
  "all.sh": "node --test\n",
  "test/zero.test.js": `${imports}import { add } from "../add.js"\ntest("zero", () => assert.equal(add(1, 0), 1))\n`
}
const red = { "test/red.test.js": `${imports}test("is red", () => assert.fail())\n` }
const fixed = { "add.js": "export const add = (a, b) => a + b\n" }
const asserting = (a: number, b: number) =>
  `${imports}import { add } from "../add.js"\ntest("sum", () => assert.equal(add(${a}, ${b}), ${a + b}))\n`

const gate = Effect.fnUntraced(function* (
  files: GateWorld.Files,
  change: GateWorld.Files,
  asked: typeof checks = checks
) {
  const world = yield* GateWorld.make({ ...base, ...files })
  world.commit("work", change)
  const { envelope } = yield* world.gate({ checks: asked, deadline: Duration.seconds(60) })
  return envelope
})

describe("what tests say changes the verdict of a gate", { timeout: 60_000 }, () => {
  it.live("a hollow test fails it, one that bites does not", () =>
    Effect.gen(function* () {
      const hollow = yield* gate({}, { ...fixed, "test/sum.test.js": asserting(7, 0) })
      assert.deepStrictEqual([hollow.verdict, hollow.reason], ["GATE-FAIL", "TestsHollow"])
      const biting = yield* gate({}, { ...fixed, "test/sum.test.js": asserting(7, 1) })
      assert.deepStrictEqual([biting.verdict, biting.reason], ["GATE-PASS", undefined])
      assert.match(
        biting.message,
        /1 changed test file\(s\) fail without the change; the runner failed a negated assertion/u
      )
    })
  )

  it.live("a product that ends its runner with 0 fails it, and no policy allows that", () =>
    Effect.gen(function* () {
      const policy = {
        ".foreman/gate.yaml": "policy: { hollow: warn, weakened: warn, flaky: warn, unproved: warn }\n"
      }
      const forged = yield* gate(policy, {
        "add.js": "export const add = (a, b) => a - b\nprocess.exit(0)\n",
        "test/sum.test.js": asserting(7, 1)
      })
      assert.deepStrictEqual([forged.verdict, forged.reason], ["GATE-FAIL", "ExitForged"])
    })
  )

  it.live(
    "a failure that the base shares passes with its label, and hollow tests beside it still fail it",
    () =>
      Effect.gen(function* () {
        const shared = yield* gate(red, fixed)
        assert.strictEqual(shared.verdict, "GATE-PASS")
        assert.match(shared.message, /test: preexisting/u)
        const hollow = yield* gate(red, { ...fixed, "test/sum.test.js": asserting(7, 0) })
        assert.deepStrictEqual([hollow.verdict, hollow.reason], ["GATE-FAIL", "TestsHollow"])
      })
  )

  it.live("a test of the change that comes and goes fails it", () =>
    Effect.gen(function* () {
      const turns = `import { appendFileSync, readFileSync } from "node:fs"
appendFileSync("../turns", "x")
test("turn", () => assert.equal(readFileSync("../turns", "utf8").length % 2, add(1, 0)))
`
      const envelope = yield* gate({}, { ...fixed, "test/sum.test.js": asserting(7, 1) + turns })
      assert.deepStrictEqual([envelope.verdict, envelope.reason], ["GATE-FAIL", "TestsFlaky"])
    })
  )

  it.live("a failure that cannot be told from the base's judges nothing", () =>
    Effect.gen(function* () {
      const envelope = yield* gate(red, fixed, unknown)
      assert.deepStrictEqual([envelope.verdict, envelope.reason], ["GATE-ERROR", "BaseFails"])
    })
  )
})
