/** Text of others in a prompt: fenced so that it cannot end its fence, and cut where it is too long. Pure. */

/** A fence that the text cannot close. */
export const fenced = (label: string, text: string): string => {
  const longest = Array.from(text.matchAll(/`+/gu)).reduce((most, [run]) => Math.max(most, run.length), 2)
  const fence = "`".repeat(longest + 1)
  return `${fence}${label}\n${text}\n${fence}`
}

/** Its beginning, and how much is left out. */
export const cut = (text: string, limit: number): string =>
  text.length <= limit
    ? text
    : `${text.slice(0, limit).toWellFormed()}\n(cut here; ${text.length - limit} more characters)`

/** Its beginning and its end, and how much is left out between them. */
export const cutInside = (text: string, limit: number): string => {
  if (text.length <= limit) return text
  const half = limit >> 1
  const left = text.length - 2 * half
  return `${text.slice(0, half).toWellFormed()}\n(${left} characters are left out)\n${text.slice(-half).toWellFormed()}`
}
