/** The confusion of the rule `weakened`: what it must catch, what it must tell, and what it must let pass. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { layer as parser } from "../../layers/gate/syntax.ts"
import { findWeakened } from "../../src/stages/weakened.ts"
import { go } from "./weakened/go.ts"
import { javascript } from "./weakened/javascript.ts"
import { kinds } from "./weakened/kinds.ts"
import { type Case, changeOf } from "./weakened/pair.ts"
import { python } from "./weakened/python.ts"
import { reworded } from "./weakened/reworded.ts"
import { rust } from "./weakened/rust.ts"

const cases: ReadonlyArray<Case> = [...python, ...javascript, ...go, ...rust, ...kinds, ...reworded]

const outcome = Effect.fnUntraced(function* (one: Pick<Case, "base" | "head">) {
  const findings = yield* findWeakened(changeOf(one)).pipe(Effect.provide(parser))
  const is: Case["is"] = findings.some(({ isNote }) => isNote !== true)
    ? "finding"
    : findings.length > 0
      ? "note"
      : "pass"
  const weighs = findings.some((one) => one.isNote !== true && one.asks !== true) ? "fail" : "ask"
  return { is, weighs, said: findings.map(({ message }) => message).join("\n") }
})

describe("weakened tests", () => {
  it.effect.each(cases)("$name", (one) =>
    Effect.gen(function* () {
      const { is, said, weighs } = yield* outcome(one)
      assert.strictEqual(is, one.is, said)
      if (one.weighs !== undefined) assert.strictEqual(weighs, one.weighs, said)
      if (one.says !== undefined) assert.include(said, one.says)
    })
  )

  it.effect("in all: nothing missed, no false alarm", () =>
    Effect.gen(function* () {
      const counts = new Map<string, number>()
      for (const one of cases) {
        const key = `${one.is} → ${(yield* outcome(one)).is}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      console.log(`weakened: ${[...counts].map(([key, count]) => `${key} ${count}`).join(", ")}`)
      assert.deepStrictEqual([...counts.keys()].toSorted(), [
        "finding → finding",
        "note → note",
        "pass → pass"
      ])
    })
  )
})

describe("what is not for reading", () => {
  const test = "def test_a():\n    assert f() == 1\n"
  const hostile = [
    {
      name: "parentheses in parentheses",
      text: `def test_a():\n    assert ${"(".repeat(20_000)}f()${")".repeat(20_000)} == 1\n`
    },
    {
      name: "a megabyte in one line",
      text: `def test_a():\n    assert f() == 1\nx = "${"a".repeat(1_200_000)}"\n`
    },
    { name: "bytes that are no program", text: "\u0000\uFFFF)(}{".repeat(10_000) }
  ]
  it.effect.each(hostile)("$name: a note, and no verdict", ({ text }) =>
    Effect.gen(function* () {
      const { is, said } = yield* outcome({ base: { "test_a.py": test }, head: { "test_a.py": text } })
      assert.strictEqual(is, "note", said)
      assert.include(said, "does not parse")
    })
  )

  it.effect("more tests than can be compared: a note", () =>
    Effect.gen(function* () {
      const loops = `    for i in [${"1,".repeat(900)}]:\n      for j in [${"1,".repeat(60)}]:\n        step(i)\n`
      const tests = Array.from({ length: 40 }, (_, index) => `def test_${index}():\n${loops}`).join("\n")
      const { is, said } = yield* outcome({ base: { "test_a.py": tests }, head: { "test_a.py": test } })
      assert.strictEqual(is, "note")
      assert.include(said, "more tests in the change than can be compared")
    })
  )

  it.effect("locals of locals, loops in loops and a helper that calls itself come to an end", () =>
    Effect.gen(function* () {
      const doubled = Array.from(
        { length: 60 },
        (_, index) => `    v${index + 1} = (v${index}, v${index})\n`
      ).join("")
      const loops = Array.from(
        { length: 6 },
        (_, index) => `${" ".repeat(4 + index)}for i${index} in [${"1,".repeat(50)}]:\n`
      ).join("")
      const self = `def again(x):\n${"    again(x)\n".repeat(40)}    assert x\n\n`
      const text = `${self}def test_a():\n    v0 = f()\n${doubled}    again(v60)\n${loops}          assert v60 == 1\n`
      const { is } = yield* outcome({
        base: { "test_a.py": text },
        head: { "test_a.py": text.replace("v0 = f()", "v0 = g()") }
      })
      assert.include(["note", "pass", "finding"], is)
    })
  )
})
