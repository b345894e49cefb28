/** The token for git and for the issue tracker: `GITHUB_TOKEN`, else a file of the user's. Contract §3.2. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { Redacted } from "effect"

import { takeToken } from "./shedToken.ts"

/** An empty variable or a file that cannot be read is no token: what needs one says so itself. */
export const gitToken = (
  env: Readonly<Record<string, string | undefined>>
): Redacted.Redacted<string> | undefined => {
  const ambient = (takeToken(env) ?? env["GITHUB_TOKEN"])?.trim() ?? ""
  if (ambient !== "") return Redacted.make(ambient)
  try {
    const path = join(env["HOME"] ?? "", ".config", "foreman", "github-token")
    const text = readFileSync(path, "utf8").trim()
    return text === "" ? undefined : Redacted.make(text)
  } catch {
    return undefined
  }
}
