/** What a program that works in a checkout is given of the host. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

import type { Identity } from "../src/services/GitWorkspace.ts"

/** All that a command is told of the host. */
const allowed = ["PATH", "LANG", "LC_ALL", "TZ", "TERM"]

/** `scratch` has the folders `home` and `tmp`. */
export const commandEnvironment = (
  scratch: string,
  identity: Identity | undefined
): Record<string, string> => ({
  ...Object.fromEntries(
    allowed.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  ),
  HOME: join(scratch, "home"),
  TMPDIR: join(scratch, "tmp"),
  ...(identity === undefined
    ? {}
    : {
        GIT_AUTHOR_NAME: identity.name,
        GIT_AUTHOR_EMAIL: identity.email,
        GIT_COMMITTER_NAME: identity.name,
        GIT_COMMITTER_EMAIL: identity.email
      })
})

/** Objects that the checkout's repository has from elsewhere: what a clone wrote there, before any command could. */
export const borrowedBy = (root: string): ReadonlyArray<string> => {
  const file = join(root, ".git", "objects", "info", "alternates")
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []
}
