/** Money as whole numbers of 10⁻¹² of its unit, so that a sum is the sum of its parts. Pure. */

const digits = 12

/** Whole 10⁻¹² units of decimal text; `undefined` for text that is not a decimal number. */
export const parseMoney = (text: string): bigint | undefined => {
  const parts = /^(\d{1,24})(?:\.(\d{1,12}))?$/u.exec(text)
  return parts === null ? undefined : BigInt(`${parts[1]}${(parts[2] ?? "").padEnd(digits, "0")}`)
}

/** Decimal text without zeros that say nothing; never below 0. */
export const formatMoney = (pico: bigint): string => {
  const text = String(pico > 0n ? pico : 0n).padStart(digits + 1, "0")
  const fraction = text.slice(-digits).replace(/0+$/u, "")
  return `${text.slice(0, -digits)}${fraction === "" ? "" : `.${fraction}`}`
}
