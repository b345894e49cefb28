/** Limits on what a model's work may use: which one is reached, and what is left. Pure. */
import type { Limits, Prices, Spend } from "../../schema/Budget.ts"
import { formatMoney, parseMoney } from "./money.ts"
import { noSpend, ratesOf } from "./spend.ts"

/** The fields of `Limits` that bound something. */
export type LimitName = Exclude<keyof Limits, "currency">

/** Limits, whose they are, and what of them was used before the run. Several hold at once, so that the tighter one wins. */
export interface Bound {
  /** In words, such as "the task". */
  readonly of: string
  readonly limits: Limits
  readonly before: Spend
}

/** A limit that ends or holds back something, as people read it. */
export interface LimitHit {
  readonly limit: LimitName
  readonly spent: string
  readonly allowed: string
  readonly message: string
}

export const limitNames = ["tokens", "outputTokens", "cost", "modelSeconds", "wallSeconds"] as const

const units: { readonly [L in LimitName]: string } = {
  tokens: "tokens",
  outputTokens: "output tokens",
  cost: "",
  modelSeconds: "seconds of the model",
  wallSeconds: "seconds of wall time"
}

export const tokensOf = ({ inputTokens, outputTokens }: Spend): number => inputTokens + outputTokens

/**
 * The currency of a cost limit: its own, else that of the prices and of what was spent. `undefined` where there are several: amounts of
 * two currencies cannot be compared, and the limit counts as reached.
 */
const currencyOf = ({ currency }: Limits, spent: Spend, prices: Prices | undefined): string | undefined => {
  const found = new Set([currency, prices?.currency].filter((word) => word !== undefined))
  for (const [word, amount] of Object.entries(spent.cost ?? {}))
    if (parseMoney(amount) !== 0n) found.add(word)
  const [only = "", ...others] = found
  return others.length === 0 ? only : undefined
}

/** What is left of one limit, negative when more was spent. Money in 10⁻¹² units, milliseconds for seconds. */
export const leftOf = (name: LimitName, limits: Limits, spent: Spend, prices: Prices | undefined) => {
  const allowed = limits[name]
  if (allowed === undefined) return undefined
  if (name === "cost") {
    const currency = currencyOf(limits, spent, prices)
    const money = parseMoney(String(allowed)) ?? 0n
    if (currency === undefined) return 0n
    return money - (parseMoney(spent.cost?.[currency] ?? "0") ?? 0n)
  }
  const used =
    name === "tokens" ? tokensOf(spent) : name === "outputTokens" ? spent.outputTokens : (spent[name] ?? 0)
  const isTime = name === "modelSeconds" || name === "wallSeconds"
  return BigInt(Math.round((Number(allowed) - used) * (isTime ? 1000 : 1)))
}

const spentWords = (name: LimitName, spent: Spend): string => {
  if (name === "cost") {
    const amounts = Object.entries(spent.cost ?? {}).map(([currency, amount]) => `${amount} ${currency}`)
    return amounts.length === 0 ? "0" : amounts.join(" and ")
  }
  return String(
    name === "tokens" ? tokensOf(spent) : name === "outputTokens" ? spent.outputTokens : (spent[name] ?? 0)
  )
}

const allowedWords = (name: LimitName, limits: Limits, spent: Spend, prices: Prices | undefined): string =>
  name === "cost"
    ? `${limits.cost} ${currencyOf(limits, spent, prices) ?? limits.currency ?? "of a single currency"}`.trim()
    : String(limits[name])

/** The hit of this limit, with what was `spent`; `why` ends the sentence. */
export const hitOf = (
  name: LimitName,
  { limits, of }: Pick<Bound, "limits" | "of">,
  spent: Spend,
  prices: Prices | undefined,
  why = ""
): LimitHit => {
  const [used, allowed] = [spentWords(name, spent), allowedWords(name, limits, spent, prices)]
  const unit = units[name] === "" ? "" : ` ${units[name]}`
  const isAbout = (name === "tokens" || name === "outputTokens") && spent.isEstimated === true
  const measure = isAbout ? "about " : name === "cost" && spent.isCostPartial === true ? "at least " : ""
  return {
    limit: name,
    spent: used,
    allowed,
    message: `limits.${name} of ${of} is reached: ${measure}${used} of ${allowed}${unit} used${why}`
  }
}

/** The first limit that is used up, in the order of `Limits`. `prices` say the currency where the limits do not. */
export const reached = (
  bound: Pick<Bound, "limits" | "of">,
  spent: Spend,
  prices?: Prices
): LimitHit | undefined => {
  for (const name of limitNames) {
    const left = leftOf(name, bound.limits, spent, prices)
    // What is free may be used when no money is allowed.
    const isFree = name === "cost" && left === 0n && prices !== undefined && isFreeOfCharge(prices)
    if (left !== undefined && left <= 0n && !isFree) return hitOf(name, bound, spent, prices)
  }
  return undefined
}

const isFreeOfCharge = (prices: Prices): boolean =>
  Object.values(ratesOf(prices) ?? { none: 1n }).every((rate) => rate === 0n)

/** The bound whose wall time is over first, and what is left of it in milliseconds; `undefined` where none bounds it. */
export const tightestWall = (bounds: ReadonlyArray<Bound>) => {
  let tightest: { readonly bound: Bound; readonly millis: number } | undefined
  for (const bound of bounds) {
    const { wallSeconds } = bound.limits
    if (wallSeconds === undefined) continue
    const millis = (wallSeconds - (bound.before.wallSeconds ?? 0)) * 1000
    if (tightest === undefined || millis < tightest.millis) tightest = { bound, millis }
  }
  return tightest
}

/** What is left of limits after `spent`, to be handed on as limits; what is used up is left out, see `reached`. */
export const leftAfter = (limits: Limits, spent: Spend): Limits => {
  const ofName = (name: LimitName): bigint | undefined => leftOf(name, limits, spent, undefined)
  const left: { -readonly [K in keyof Limits]?: Limits[K] } = {}
  for (const name of limitNames) {
    const value = ofName(name)
    if (value === undefined || value <= 0n) continue
    if (name === "cost") left.cost = formatMoney(value)
    else if (name === "tokens" || name === "outputTokens") left[name] = Number(value)
    else left[name] = Math.ceil(Number(value) / 1000)
  }
  const currency = currencyOf(limits, spent, undefined)
  if (left.cost !== undefined && currency !== undefined && currency !== "") left.currency = currency
  return left
}

/** What a request is about to use, as far as that can be told before it is sent. */
export interface Ahead {
  readonly inputTokens: number
  /** Of these, what a cache had last time. */
  readonly cachedTokens: number
  /** The most tokens of its reply; `undefined` where nobody said one. */
  readonly maxTokens: number | undefined
}

/** How far the next request may go. */
export interface Room {
  readonly maxTokens: number | undefined
  /** Milliseconds for its reply; infinity where nothing bounds it. */
  readonly millis: number
  /** The limit that these milliseconds are left of. */
  readonly cutBy: { readonly limit: LimitName; readonly bound: Bound } | undefined
}

/** A reply of fewer tokens is of no use, and costs the whole request. */
export const leastReplyTokens = 16

/** Whether the next request may be made, and how far it may go within all bounds. */
export const roomFor = (
  bounds: ReadonlyArray<Bound>,
  spentOf: (bound: Bound) => Spend,
  ahead: Ahead,
  prices: Prices | undefined
): Room | LimitHit => {
  let { maxTokens } = ahead
  let millis = Number.POSITIVE_INFINITY
  let cutBy: Room["cutBy"]
  for (const bound of bounds) {
    const spent = spentOf(bound)
    const hit = reached(bound, spent, prices)
    if (hit !== undefined) return hit
    for (const name of limitNames) {
      const left = leftOf(name, bound.limits, spent, prices)
      if (left === undefined || name === "wallSeconds") continue
      const time = millisOf(name, left, prices)
      if (time < millis) {
        millis = time
        cutBy = { limit: name, bound }
      }
      if (name === "modelSeconds") continue
      const tokens = replyTokens(name, left, ahead, prices)
      if (tokens < Math.min(leastReplyTokens, ahead.maxTokens ?? leastReplyTokens)) {
        const why =
          name === "outputTokens"
            ? ", and what is left is too little for a reply"
            : `, and the next request of about ${ahead.inputTokens} tokens does not fit`
        return hitOf(name, bound, spent, prices, why)
      }
      if (Number.isFinite(tokens)) maxTokens = Math.min(maxTokens ?? tokens, tokens)
    }
  }
  return { maxTokens, millis, cutBy }
}

/** Time of a request that what is left of one limit allows: seconds of the model, or money for own hardware. */
const millisOf = (name: LimitName, left: bigint, prices: Prices | undefined): number => {
  if (name === "modelSeconds") return Number(left)
  const hour = name === "cost" ? (ratesOf(prices)?.hour ?? 0n) : 0n
  return hour === 0n ? Number.POSITIVE_INFINITY : Number((left * 36n) / (hour * 10n))
}

/** Tokens of a reply that fit into what is left of one limit after the request itself. */
const replyTokens = (
  name: "cost" | "outputTokens" | "tokens",
  left: bigint,
  { cachedTokens, inputTokens }: Ahead,
  prices: Prices | undefined
): number => {
  if (name === "outputTokens") return Number(left)
  if (name === "tokens") return Number(left) - inputTokens
  const rates = ratesOf(prices)
  if (rates === undefined) return 0
  const cached = BigInt(Math.min(cachedTokens, inputTokens))
  const afterInput = left - (BigInt(inputTokens) - cached) * rates.input - cached * rates.cached
  const rate = rates.output > rates.reasoning ? rates.output : rates.reasoning
  if (afterInput < 0n) return 0
  // Nothing is said of a reply that costs nothing by its tokens.
  return rate === 0n ? Number.POSITIVE_INFINITY : Number(afterInput / rate)
}

/** A bound for each of the limits that are there. */
export const boundsOf = (
  all: ReadonlyArray<{
    readonly of: string
    readonly limits: Limits | undefined
    readonly before?: Spend | undefined
  }>
): ReadonlyArray<Bound> =>
  all.flatMap(({ before = noSpend, limits, of }) =>
    limits !== undefined && limitNames.some((name) => limits[name] !== undefined)
      ? [{ of, limits, before }]
      : []
  )

/** Whether a cost limit can be held against what an endpoint of these prices will cost. */
export const isMeasurable = (bounds: ReadonlyArray<Bound>, prices: Prices | undefined): boolean =>
  bounds.every(
    ({ before, limits }) =>
      limits.cost === undefined ||
      (ratesOf(prices) !== undefined && currencyOf(limits, before, prices) !== undefined)
  )
