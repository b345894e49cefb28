/** The confusion of the rule `weakened`: what it must catch, what it must tell, and what it must let pass. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { findWeakened } from "../../layers/gate/weakened.ts"
import { type Case, changeOf } from "./weakened/pair.ts"
import { javascript } from "./weakened/javascript.ts"
import { go } from "./weakened/go.ts"
import { python } from "./weakened/python.ts"
import { rust } from "./weakened/rust.ts"

const cases: ReadonlyArray<Case> = [...python, ...javascript, ...go, ...rust]

const outcome = Effect.fnUntraced(function* (one: Case) {
  const findings = yield* findWeakened(changeOf(one))
  const is = findings.some(({ isNote }) => isNote !== true)
    ? "finding"
    : findings.length > 0
      ? "note"
      : "pass"
  return { is, findings } as const
})

describe("weakened tests", () => {
  it.effect.each(cases)("$name", (one) =>
    Effect.gen(function* () {
      const { findings, is } = yield* outcome(one)
      const said = findings.map(({ message }) => message).join("\n")
      assert.strictEqual(is, one.is, said)
      if (one.says !== undefined) assert.include(said, one.says)
    })
  )
})
