/** Go's spelling of a span of time: `1h30m`, `1.5s`, `500ms`. */
import { Duration } from "effect"

const nanos: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9
}

const whole = /^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/u
const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gu

/** What Go's own 64 bits of nanoseconds can hold: 292 years. */
const mostNanos = 2 ** 63

/** Undefined for what Go would not read, and for negative spans: none of our flags means anything by one. */
export const parseGoDuration = (text: string): Duration.Duration | undefined => {
  if (/^[+-]?0$/u.test(text)) return Duration.zero
  if (!whole.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(part)) total += Number(amount) * (nanos[unit ?? ""] ?? 0)
  return total < mostNanos ? Duration.millis(total / 1e6) : undefined
}
