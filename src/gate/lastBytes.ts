/** The end of a text, at most so many bytes of UTF-8; it begins with a whole character. */
export const lastBytes = (text: string, bytes: number): string => {
  const encoded = new TextEncoder().encode(text)
  if (encoded.length <= bytes) return text
  let start = encoded.length - bytes
  while (((encoded[start] ?? 0) & 0xc0) === 0x80) start++
  return new TextDecoder().decode(encoded.subarray(start))
}

/** Whether a run that keeps so many bytes of its output has kept all of it. */
export const isWhole = (text: string, keptBytes: number): boolean =>
  // A character that was cut at the beginning leaves at most three bytes less.
  new TextEncoder().encode(text).length < keptBytes - 3
