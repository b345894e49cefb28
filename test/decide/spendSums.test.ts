import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { formatMoney } from "../../src/decide/money.ts"
import { isSameSpend, noSpend, sumOf } from "../../src/decide/spend.ts"
import { SpendSums } from "../../src/decide/spendSums.ts"

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Step = Schema.Struct({
  key: small(4),
  group: small(2),
  tokens: small(1000),
  action: Schema.Literals(["put", "put", "put", "leave", "gone"])
})

describe("sums by group, kept by difference", () => {
  it.prop(
    "are what adding everything anew gives, of tasks that are gone too",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(40)) },
    ({ steps }) => {
      const sums = new SpendSums()
      const tasks = new Map<string, { readonly group: string; readonly spend: typeof noSpend }>()
      const gone: Array<{ readonly group: string; readonly spend: typeof noSpend }> = []
      for (const { action, group, key, tokens } of steps) {
        const name = `t${key}`
        const spend = {
          ...noSpend,
          inputTokens: tokens,
          cost: { [group === 0 ? "EUR" : "USD"]: formatMoney(BigInt(tokens)) }
        }
        const entry = { group: `g${group}`, spend }
        const known = tasks.get(name)
        if (action === "put") {
          sums.set(name, entry)
          tasks.set(name, entry)
        } else if (action === "leave") {
          sums.set(name, undefined)
          tasks.delete(name)
        } else {
          sums.gone(name)
          tasks.delete(name)
          if (known !== undefined) gone.push(known)
        }
      }
      for (const group of ["g0", "g1", "g2"]) {
        const all = [...tasks.values(), ...gone].filter((entry) => entry.group === group)
        assert.isTrue(isSameSpend(sums.of(group), sumOf(all.map(({ spend }) => spend))))
      }
    }
  )

  it("begin with what a status says of tasks that nobody here saw", () => {
    const sums = new SpendSums()
    sums.begin("g", { ...noSpend, inputTokens: 5 })
    sums.set("t", { group: "g", spend: { ...noSpend, inputTokens: 3 } })
    sums.gone("t")
    assert.deepStrictEqual([sums.of("g").inputTokens, sums.goneOf("g").inputTokens], [8, 8])
  })

  it("say which groups another task changes, and none for what is the same", () => {
    const sums = new SpendSums()
    const entry = { group: "g", spend: { ...noSpend, inputTokens: 3 } }
    assert.deepStrictEqual(sums.set("t", entry), ["g"])
    assert.deepStrictEqual(sums.set("t", { ...entry }), [])
    assert.deepStrictEqual(sums.set("t", { ...entry, group: "h" }), ["g", "h"])
  })
})
