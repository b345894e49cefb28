/** A key that its owner keeps in a file. */
import { readFileSync } from "node:fs"

import { Redacted } from "effect"

/** `undefined` for a file that cannot be read or is empty. It stays: it is the user's. */
export const keyIn = (path: string): Redacted.Redacted<string> | undefined => {
  try {
    const text = readFileSync(path, "utf8").trim()
    return text === "" ? undefined : Redacted.make(text)
  } catch {
    return undefined
  }
}
