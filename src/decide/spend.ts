/** What a model's work used and what it costs. Pure; sums are exact. */
import { Option, Schema } from "effect"

import { type Prices, Spend } from "../../schema/Budget.ts"
import type { Usage } from "../../schema/Usage.ts"
import { formatMoney, parseMoney } from "./money.ts"

export const noSpend: Spend = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 }

/** Whole milliseconds, so that sums of seconds do not drift. */
const addSeconds = (one = 0, other = 0): number => Math.round((one + other) * 1000) / 1000

const addCosts = (one: Spend["cost"] = {}, other: Spend["cost"] = {}): NonNullable<Spend["cost"]> => {
  const sum = { ...one }
  for (const [currency, amount] of Object.entries(other)) {
    sum[currency] = formatMoney((parseMoney(sum[currency] ?? "0") ?? 0n) + (parseMoney(amount) ?? 0n))
  }
  return sum
}

export const addSpend = (one: Spend, other: Spend): Spend => {
  const cost = addCosts(one.cost, other.cost)
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    ...(hasEither(one.modelSeconds, other.modelSeconds) && {
      modelSeconds: addSeconds(one.modelSeconds, other.modelSeconds)
    }),
    ...(hasEither(one.wallSeconds, other.wallSeconds) && {
      wallSeconds: addSeconds(one.wallSeconds, other.wallSeconds)
    }),
    ...(Object.keys(cost).length > 0 && { cost }),
    ...flagsOf(one, other)
  }
}
/** What cannot be measured in a part cannot be in the whole. */
const flagsOf = (one: Spend, other: Spend) => ({
  ...((one.isEstimated === true || other.isEstimated === true) && { isEstimated: true }),
  ...((one.isCostPartial === true || other.isCostPartial === true) && { isCostPartial: true })
})
const hasEither = (one: number | undefined, other: number | undefined): boolean =>
  one !== undefined || other !== undefined

export const sumOf = (spends: Iterable<Spend | undefined>): Spend => {
  let sum = noSpend
  for (const spend of spends) if (spend !== undefined) sum = addSpend(sum, spend)
  return sum
}

/** Each figure as the larger of both says it: two views of one sum, of which either may lag. */
export const mostOf = (one: Spend, other: Spend | undefined): Spend => {
  if (other === undefined) return one
  const most = (name: "modelSeconds" | "wallSeconds") =>
    hasEither(one[name], other[name]) && { [name]: Math.max(one[name] ?? 0, other[name] ?? 0) }
  const cost = { ...one.cost }
  for (const [currency, amount] of Object.entries(other.cost ?? {})) {
    const isMore = (parseMoney(amount) ?? 0n) > (parseMoney(cost[currency] ?? "0") ?? 0n)
    if (isMore || cost[currency] === undefined) cost[currency] = amount
  }
  return {
    inputTokens: Math.max(one.inputTokens, other.inputTokens),
    outputTokens: Math.max(one.outputTokens, other.outputTokens),
    cachedTokens: Math.max(one.cachedTokens, other.cachedTokens),
    reasoningTokens: Math.max(one.reasoningTokens, other.reasoningTokens),
    ...most("modelSeconds"),
    ...most("wallSeconds"),
    ...(Object.keys(cost).length > 0 && { cost }),
    ...flagsOf(one, other)
  }
}

/** The order of keys says nothing: a server may give them back in another. */
export const isSameSpend = (one: Spend | undefined, other: Spend | undefined): boolean =>
  canonical(one) === canonical(other)

const canonical = (spend: Spend | undefined): string =>
  spend === undefined
    ? ""
    : JSON.stringify([
        spend.inputTokens,
        spend.outputTokens,
        spend.cachedTokens,
        spend.reasoningTokens,
        spend.modelSeconds ?? 0,
        spend.wallSeconds ?? 0,
        Object.entries(spend.cost ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
        spend.isEstimated === true,
        spend.isCostPartial === true
      ])

const decode = Schema.decodeUnknownOption(Spend)

/** What the result of a run says it used (`extra.usage`); `undefined` where it says nothing that can be read. */
export const spendIn = (extra: { readonly [key: string]: unknown } | undefined): Spend | undefined =>
  Option.getOrUndefined(decode(extra?.["usage"]))

/** Prices in 10⁻⁶ units: for a million tokens each, and for an hour. */
interface Rates {
  readonly input: bigint
  readonly output: bigint
  readonly cached: bigint
  readonly reasoning: bigint
  readonly hour: bigint
}

const micro = (text: string | undefined): bigint | undefined => {
  const pico = text === undefined ? undefined : parseMoney(text)
  return pico === undefined ? undefined : pico / 1_000_000n
}

/**
 * The prices as far as a cost can be told from them; `undefined` when it cannot. Own hardware alone is enough, for then tokens cost
 * nothing more; of tokens both input and output need a price.
 */
export const ratesOf = (prices: Prices | undefined): Rates | undefined => {
  if (prices === undefined) return undefined
  const [input, output, hour] = [micro(prices.input), micro(prices.output), micro(prices.hardwarePerHour)]
  const [cached, reasoning] = [micro(prices.cached), micro(prices.reasoning)]
  if (input !== undefined && output !== undefined) {
    return { input, output, cached: cached ?? input, reasoning: reasoning ?? output, hour: hour ?? 0n }
  }
  const hasTokenPrice = [input, output, cached, reasoning].some((price) => price !== undefined)
  if (hasTokenPrice || hour === undefined) return undefined
  return { input: 0n, output: 0n, cached: 0n, reasoning: 0n, hour }
}

const mostTokens = 1_000_000_000_000

/** Figures of a server as numbers of tokens: whole, not negative, and not so large that sums of them are inexact. */
const sane = (usage: Usage): Usage => ({
  inputTokens: whole(usage.inputTokens),
  outputTokens: whole(usage.outputTokens),
  cachedTokens: whole(usage.cachedTokens),
  reasoningTokens: whole(usage.reasoningTokens)
})
const whole = (figure: number): number =>
  Number.isNaN(figure) ? 0 : Math.min(Math.max(Math.ceil(figure), 0), mostTokens)

/** A part that is larger than its whole, as some servers count, is the whole. */
const split = (all: number, part: number): readonly [bigint, bigint] => {
  const inner = Math.min(all, part)
  return [BigInt(all - inner), BigInt(inner)]
}

/** Cost of one request in 10⁻¹² units, time rounded up to one; `undefined` where no price is known. */
export const costOf = (usage: Usage, seconds: number, prices: Prices | undefined): bigint | undefined => {
  const rates = ratesOf(prices)
  if (rates === undefined) return undefined
  const { cachedTokens, inputTokens, outputTokens, reasoningTokens } = sane(usage)
  const [fresh, cached] = split(inputTokens, cachedTokens)
  const [said, thought] = split(outputTokens, reasoningTokens)
  const tokens = fresh * rates.input + cached * rates.cached + said * rates.output + thought * rates.reasoning
  const hour = BigInt(Math.round(seconds * 1000)) * rates.hour * 10n
  return tokens + (hour + 35n) / 36n
}

/** What one request used. */
export const spendOf = (
  usage: Usage,
  seconds: number,
  prices: Prices | undefined,
  isEstimated: boolean
): Spend => {
  const cost = costOf(usage, seconds, prices)
  return {
    ...sane(usage),
    modelSeconds: Math.round(seconds * 1000) / 1000,
    ...(cost === undefined || prices === undefined
      ? { isCostPartial: true }
      : { cost: { [prices.currency]: formatMoney(cost) } }),
    ...(isEstimated && { isEstimated: true })
  }
}

/** What it cost, as fields of a line in a log. */
export const costWords = ({ cost }: Spend): { readonly cost?: string } =>
  cost === undefined
    ? {}
    : {
        cost: Object.entries(cost)
          .map(([currency, amount]) => `${amount} ${currency}`)
          .join(" ")
      }
