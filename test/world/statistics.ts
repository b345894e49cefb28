/** Shares with the interval in which the true share lies. */

export interface Share {
  readonly count: number
  readonly of: number
  /** Bounds of the Wilson score interval at 95 %, from 0 to 1; both ends of the whole range where nothing was counted. */
  readonly low: number
  readonly high: number
}

/** Two-sided 95 %. */
const z = 1.959963984540054

/** `count` of `of`; throws where that is no share. */
export const wilson = (count: number, of: number): Share => {
  if (!Number.isInteger(count) || !Number.isInteger(of) || count < 0 || count > of) {
    throw new RangeError(`${count} of ${of} is not a share`)
  }
  if (of === 0) return { count, of, low: 0, high: 1 }
  const share = count / of
  const scale = 1 + z ** 2 / of
  const middle = share + z ** 2 / (2 * of)
  const spread = z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2))
  return {
    count,
    of,
    low: count === 0 ? 0 : (middle - spread) / scale,
    high: count === of ? 1 : (middle + spread) / scale
  }
}

const percent = (value: number): string => `${(value * 100).toFixed(1)} %`

/** `3 of 120 (2.5 %, 0.9 % to 7.1 %)`. */
export const inWords = ({ count, high, low, of }: Share): string =>
  of === 0 ? "none" : `${count} of ${of} (${percent(count / of)}, ${percent(low)} to ${percent(high)})`

/** The middle one; of an even number the mean of the two; undefined of none. */
export const median = (values: ReadonlyArray<number>): number | undefined => {
  const sorted = [...values].sort((one, other) => one - other)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2
}
