import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import type { Limits, Prices, Spend } from "../../schema/Budget.ts"
import { boundsOf, isMeasurable, leftAfter, reached, roomFor } from "../../src/decide/limits.ts"
import { formatMoney, parseMoney } from "../../src/decide/money.ts"
import { addSpend, costOf, isSameSpend, noSpend, spendIn, spendOf, sumOf } from "../../src/decide/spend.ts"

const usage = (inputTokens: number, outputTokens: number, cachedTokens = 0, reasoningTokens = 0) => ({
  inputTokens,
  outputTokens,
  cachedTokens,
  reasoningTokens
})
const money = (pico: bigint | undefined) => (pico === undefined ? undefined : formatMoney(pico))

describe("the cost of a request", () => {
  const eur = { currency: "EUR" }
  const rows: ReadonlyArray<readonly [string, Parameters<typeof costOf>, string | undefined]> = [
    [
      "is exact where a binary fraction would not be",
      [usage(3, 1), 0, { ...eur, input: "0.1", output: "0.2" }],
      "0.0000005"
    ],
    ["takes the price of a million", [usage(1e6, 1e6), 0, { ...eur, input: "3", output: "15.25" }], "18.25"],
    [
      "takes cached tokens out of the input, and thoughts out of the output",
      [usage(1000, 100, 900, 60), 0, { ...eur, input: "10", output: "10", cached: "1", reasoning: "20" }],
      "0.0035"
    ],
    [
      "takes input and output where the parts have no price of their own",
      [usage(1000, 100, 900, 60), 0, { ...eur, input: "10", output: "20" }],
      "0.012"
    ],
    [
      "takes a part that is larger than its whole for the whole",
      [usage(10, 0, 1000), 0, { ...eur, input: "5", output: "5", cached: "1" }],
      "0.00001"
    ],
    [
      "of own hardware is time alone, and tokens cost nothing",
      [usage(1e6, 1e6), 1800, { ...eur, hardwarePerHour: "0.5" }],
      "0.25"
    ],
    [
      "adds hardware to tokens",
      [usage(1e6, 0), 36, { ...eur, input: "1", output: "1", hardwarePerHour: "1" }],
      "1.01"
    ],
    ["is nothing where the price is 0", [usage(9, 9), 9, { ...eur, input: "0", output: "0" }], "0"],
    ["is not known without prices", [usage(9, 9), 9, undefined], undefined],
    ["is not known without a price of the output", [usage(9, 9), 9, { ...eur, input: "1" }], undefined],
    [
      "is not known from hardware beside half of the prices",
      [usage(9, 9), 9, { ...eur, input: "1", hardwarePerHour: "1" }],
      undefined
    ],
    [
      "does not break on figures that no server should send",
      [usage(-5, Number.NaN, 1.5), 0, { ...eur, input: "1", output: "1" }],
      "0"
    ]
  ]
  it.each(rows)("%s", (_, request, expected) => {
    assert.strictEqual(money(costOf(...request)), expected)
  })

  it("that is not known is said, and so is an estimate", () => {
    assert.deepStrictEqual(spendOf(usage(3, 4), 1.2345, undefined, true), {
      ...usage(3, 4),
      modelSeconds: 1.235,
      isCostPartial: true,
      isEstimated: true
    })
    const prices = { ...eur, input: "1", output: "1" }
    assert.deepStrictEqual(spendOf(usage(3, 4), 1, prices, false), {
      ...usage(3, 4),
      modelSeconds: 1,
      cost: { EUR: "0.000007" }
    })
  })
})

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const opt = Schema.optionalKey
/** Whole figures, of which money and seconds are made. */
const Figures = Schema.Struct({
  tokens: Schema.Tuple([int(0, 1e7), int(0, 1e7), int(0, 1e7), int(0, 1e7)]),
  millis: opt(int(0, 1e7)),
  pico: opt(int(0, 1e15)),
  currency: Schema.Literals(["EUR", "USD"]),
  isEstimated: Schema.Boolean
})
const spendFrom = ({ currency, isEstimated, millis, pico, tokens }: typeof Figures.Type): Spend => ({
  ...usage(...tokens),
  ...(millis !== undefined && { modelSeconds: millis / 1000, wallSeconds: (millis + 1) / 1000 }),
  ...(pico === undefined ? { isCostPartial: true } : { cost: { [currency]: formatMoney(BigInt(pico)) } }),
  ...(isEstimated && { isEstimated })
})
const Bounds = Schema.Struct({
  tokens: opt(int(1, 2e7)),
  outputTokens: opt(int(1, 1e7)),
  pico: opt(int(1, 1e15)),
  modelSeconds: opt(int(1, 1e4)),
  wallSeconds: opt(int(1, 1e4))
})
const limitsFrom = ({ pico, ...rest }: typeof Bounds.Type): Limits => ({
  ...rest,
  ...(pico !== undefined && { cost: formatMoney(BigInt(pico)) })
})
const Rates = Schema.Tuple([int(0, 1e8), int(0, 1e8)])
const pricesFrom = ([input, output]: typeof Rates.Type): Prices => ({
  currency: "EUR",
  input: formatMoney(BigInt(input) * 1_000_000n),
  output: formatMoney(BigInt(output) * 1_000_000n)
})

describe("laws of what was used", () => {
  it.prop(
    "money is read as it is written",
    { high: int(0, 1e15), low: int(0, 1e12 - 1) },
    ({ high, low }) => {
      const pico = BigInt(high) * 10n ** 12n + BigInt(low)
      assert.strictEqual(parseMoney(formatMoney(pico)), pico)
    }
  )

  it.prop(
    "the whole is the sum of its parts, in whatever order and grouping",
    { all: Schema.Array(Figures).check(Schema.isMaxLength(8)), at: int(0, 8) },
    ({ all, at }) => {
      const parts = all.map(spendFrom)
      const whole = sumOf(parts)
      assert.isTrue(isSameSpend(whole, addSpend(sumOf(parts.slice(0, at)), sumOf(parts.slice(at)))))
      assert.isTrue(isSameSpend(whole, sumOf(parts.toReversed())))
    }
  )

  it.prop("a result carries it there and back", { figures: Figures }, ({ figures }) => {
    const spend = spendFrom(figures)
    const wire: unknown = JSON.parse(JSON.stringify({ usage: spend }))
    const extra = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Json))(wire)
    assert.isTrue(isSameSpend(spendIn(extra), spend))
  })

  it("of an older runner is read, and what is none is not", () => {
    assert.deepStrictEqual(spendIn({ usage: usage(1, 2) }), usage(1, 2))
    for (const extra of [undefined, {}, { usage: 5 }, { usage: { inputTokens: "many" } }]) {
      assert.isUndefined(spendIn(extra))
    }
  })
})

describe("limits", () => {
  const bound = (limits: Limits, before: Spend = noSpend) => ({ of: "the task", limits, before })
  const rows: ReadonlyArray<readonly [string, Limits, Partial<Spend>, string | undefined]> = [
    ["tokens in and out count together", { tokens: 10 }, { inputTokens: 6, outputTokens: 4 }, "tokens"],
    ["one below is not reached", { tokens: 10 }, { inputTokens: 5, outputTokens: 4 }, undefined],
    ["output alone", { outputTokens: 4 }, { inputTokens: 9, outputTokens: 4 }, "outputTokens"],
    ["money to the last digit", { cost: "0.3" }, { cost: { EUR: "0.299999999999" } }, undefined],
    ["money", { cost: "0.30" }, { cost: { EUR: "0.3" } }, "cost"],
    ["seconds of the model", { modelSeconds: 3 }, { modelSeconds: 3 }, "modelSeconds"],
    ["seconds of wall time", { wallSeconds: 3 }, { wallSeconds: 3.5 }, "wallSeconds"],
    [
      "two currencies cannot be compared, so that the limit holds",
      { cost: "100" },
      { cost: { EUR: "1", USD: "1" } },
      "cost"
    ],
    ["another currency than the limit's", { cost: "100", currency: "EUR" }, { cost: { USD: "1" } }, "cost"],
    ["nothing is used where no limit is", {}, { inputTokens: 1e12 }, undefined]
  ]
  it.each(rows)("%s", (_, limits, used, expected) => {
    assert.strictEqual(reached(bound(limits), { ...noSpend, ...used })?.limit, expected)
  })

  it("that is reached says which, of whom, what was used and what was allowed", () => {
    assert.deepStrictEqual(
      reached(bound({ cost: "2", currency: "EUR" }), {
        ...noSpend,
        cost: { EUR: "2.5" },
        isCostPartial: true
      }),
      {
        limit: "cost",
        spent: "2.5 EUR",
        allowed: "2 EUR",
        message: "limits.cost of the task is reached: at least 2.5 EUR of 2 EUR used"
      }
    )
    assert.include(
      reached(bound({ tokens: 5 }), { ...noSpend, inputTokens: 7, isEstimated: true })?.message,
      "about 7 of 5 tokens used"
    )
  })

  it.prop(
    "what is left and then used is what was allowed",
    { bounds: Bounds, figures: Figures },
    ({ bounds, figures }) => {
      const [allowed, spent] = [limitsFrom(bounds), spendFrom(figures)]
      if (reached(bound(allowed), spent) !== undefined) return
      const { currency: _, ...left } = leftAfter(allowed, spent)
      assert.sameMembers(Object.keys(left), Object.keys(allowed))
      if (left.tokens !== undefined) {
        assert.strictEqual(left.tokens + spent.inputTokens + spent.outputTokens, allowed.tokens)
      }
      if (left.cost !== undefined) {
        const [used = "0"] = Object.values(spent.cost ?? {})
        assert.strictEqual(
          (parseMoney(left.cost) ?? 0n) + (parseMoney(used) ?? 0n),
          parseMoney(allowed.cost ?? "")
        )
      }
    }
  )

  it.prop(
    "the tighter one wins: two bounds leave exactly the room of the tighter",
    { one: Bounds, other: Bounds, rates: Rates, inputTokens: int(0, 1e7) },
    ({ inputTokens, one, other, rates }) => {
      const roomOf = (...all: ReadonlyArray<typeof Bounds.Type>) => {
        const room = roomFor(
          boundsOf(all.map((it) => ({ of: "x", limits: limitsFrom(it) }))),
          ({ before }) => before,
          { inputTokens, cachedTokens: 0, maxTokens: 8192 },
          pricesFrom(rates)
        )
        return "limit" in room ? undefined : { tokens: room.maxTokens ?? 0, millis: room.millis }
      }
      const [first, second] = [roomOf(one), roomOf(other)]
      assert.deepStrictEqual(
        roomOf(one, other),
        first &&
          second && {
            tokens: Math.min(first.tokens, second.tokens),
            millis: Math.min(first.millis, second.millis)
          }
      )
    }
  )

  it.prop(
    "a request that has room costs no more than is left, if its input was told right",
    { bounds: Bounds, rates: Rates, inputTokens: int(0, 1e7) },
    ({ bounds, inputTokens, rates }) => {
      const [allowed, prices] = [limitsFrom(bounds), pricesFrom(rates)]
      const room = roomFor(
        [bound(allowed)],
        ({ before }) => before,
        { inputTokens, cachedTokens: 0, maxTokens: undefined },
        prices
      )
      if ("limit" in room || room.maxTokens === undefined) return
      const used = spendOf(usage(inputTokens, room.maxTokens), 0, prices, false)
      assert.isAtMost(room.maxTokens, allowed.outputTokens ?? Number.POSITIVE_INFINITY)
      assert.isAtMost(inputTokens + room.maxTokens, allowed.tokens ?? Number.POSITIVE_INFINITY)
      const [paid, most] = [used.cost?.["EUR"] ?? "", allowed.cost ?? "9".repeat(20)].map(parseMoney)
      assert.isTrue((paid ?? 0n) <= (most ?? 0n))
    }
  )

  it("money for own hardware bounds the time of a request", () => {
    const room = roomFor(
      [bound({ cost: "0.5" })],
      () => noSpend,
      { inputTokens: 9, cachedTokens: 0, maxTokens: 100 },
      {
        currency: "EUR",
        hardwarePerHour: "1"
      }
    )
    assert.deepInclude(room, { millis: 1_800_000, maxTokens: 100 })
  })

  it("a limit of money where no price is known cannot be measured, nor in another currency", () => {
    const bounds = boundsOf([{ of: "x", limits: { cost: "1", currency: "EUR" } }])
    const priced = { currency: "EUR", input: "1", output: "1" }
    assert.isTrue(isMeasurable(bounds, priced))
    assert.isTrue(isMeasurable(boundsOf([{ of: "x", limits: { tokens: 1 } }]), undefined))
    assert.isFalse(isMeasurable(bounds, undefined))
    assert.isFalse(isMeasurable(bounds, { ...priced, currency: "USD" }))
    assert.isFalse(isMeasurable(bounds, { currency: "EUR", input: "1" }))
  })

  it("what is free may be used where no money is allowed", () => {
    const free = { currency: "EUR", input: "0", output: "0" }
    assert.isUndefined(reached(bound({ cost: "0" }), noSpend, free))
    assert.strictEqual(reached(bound({ cost: "0" }), noSpend, { ...free, output: "1" })?.limit, "cost")
  })
})
