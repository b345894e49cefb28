/** Sum of the lines of an invoice, in cents. */
export const sum = (lines) => {
  let total = 0
  for (const line of lines) total += line.cents * line.count
  return total
}

/** Tax on an amount in cents, rounded to whole cents. */
export const tax = (cents, percent) => Math.round((cents * percent) / 100)
