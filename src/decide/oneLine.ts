/** A text that anybody may have written, as one short line for people: line breaks and control characters become spaces. */
export const oneLine = (text: string, maxChars: number): string => {
  // Of a long text only its beginning is looked at.
  const line = text
    .slice(0, maxChars * 4)
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
  const shown = Array.from(line)
  return shown.length > maxChars || text.length > maxChars * 4
    ? `${shown.slice(0, maxChars - 1).join("")}…`
    : line
}
