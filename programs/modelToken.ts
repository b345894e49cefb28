/** The key of the model's endpoint, as a coder Job's pod is given it: a file that is gone once it is read. Seed 003. */
import { readFileSync, rmSync } from "node:fs"

import { Redacted } from "effect"

/** Where the Job of the first implementation mounts the Secret. */
const defaultFile = "/secrets/model/token"

/** Without the file there is no key: most endpoints want none. */
export const modelToken = (
  env: Readonly<Record<string, string | undefined>>
): Redacted.Redacted<string> | undefined => {
  const path = env["FOREMAN_MODEL_TOKEN_FILE"] ?? defaultFile
  const text = attempt(() => readFileSync(path, "utf8").trim()) ?? ""
  // What the model starts may not find it. A Secret that is mounted as it is cannot be removed.
  attempt(() => rmSync(path, { force: true }))
  return text === "" ? undefined : Redacted.make(text)
}

const attempt = <A>(action: () => A): A | undefined => {
  try {
    return action()
  } catch {
    return undefined
  }
}
