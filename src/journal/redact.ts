/** Secrets that the runner knows, taken out of what is written down: as they are, and in the encodings in which tools show them. Pure. */
import { Base64, Hex } from "effect/encoding"

export const redacted = "[redacted]"

/** A shorter text is found in too many others that are no secret. */
const minLength = 6

/** Text of a secret within JSON. */
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/**
 * What base64 makes of the secret wherever it stands in a longer text: three ways to be aligned, without the characters at both ends that
 * its neighbours change.
 */
const aligned = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].map((offset) => {
    const bytes = new TextEncoder().encode(secret)
    const padded = new Uint8Array(offset + bytes.length)
    padded.set(bytes, offset)
    const whole = Base64.encode(padded).replace(/=+$/u, "")
    const isWhole = padded.length % 3 === 0
    return whole.slice(offset === 0 ? 0 : offset + 1, isWhole ? whole.length : whole.length - 1)
  })

const formsOf = (secret: string): ReadonlyArray<string> => {
  const base64 = aligned(secret)
  const hex = Hex.encode(secret)
  const once = inJson(secret)
  const twice = inJson(once)
  return [
    secret,
    // A command's output is JSON within a message, which is JSON within a record.
    once,
    twice,
    inJson(twice),
    encodeURIComponent(secret),
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
  ].filter((form) => form.length >= minLength)
}

/** A function that takes these secrets out of a text. One of fewer than 6 characters stays: it is part of too many other words. */
export const redactor = (secrets: ReadonlyArray<string>): ((text: string) => string) => {
  const known = secrets.map((secret) => secret.trim()).filter((secret) => secret.length >= minLength)
  // The longest first: a secret may be part of another.
  const forms = [...new Set(known.flatMap(formsOf))].toSorted((a, b) => b.length - a.length)
  return (text) => forms.reduce((rest, form) => rest.replaceAll(form, redacted), text)
}
