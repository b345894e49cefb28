/**
 * What tells this process from another of the same node in the node's Lease. A daemon that was killed is followed by one of the same
 * token: whoever holds the folder's lock is its only daemon, so a Lease of that token is its own and need not be waited out.
 */
import { randomUUID } from "node:crypto"
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { Effect } from "effect"

import { writeAtomically } from "./atomicFile.ts"
import { tryLock } from "./fileLock.ts"

const tokenIn = (file: string): string => {
  const known = existsSync(file) ? readFileSync(file, "utf8").trim() : ""
  if (/^[0-9a-f-]{36}$/u.test(known)) return known
  const token = randomUUID()
  writeAtomically(file, `${token}\n`)
  return token
}

/** Holds the lock until the scope closes. Where another daemon has it, or the disk refuses, the token is one of this process alone. */
export const make = (workspaceRoot: string) =>
  Effect.acquireRelease(
    Effect.try(() => {
      const folder = join(workspaceRoot, ".daemon")
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const held = tryLock(join(folder, "lock"))
      return { held, token: held === undefined ? randomUUID() : tokenIn(join(folder, "token")) }
    }).pipe(
      Effect.catch((error) =>
        Effect.as(Effect.logDebug("no lasting process token", error), {
          held: undefined,
          token: randomUUID()
        })
      )
    ),
    ({ held }) => Effect.sync(() => held?.close())
  ).pipe(Effect.map(({ token }) => token))
