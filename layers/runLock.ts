/**
 * One process at a time works on a run. The lock is the kernel's (`fileLock.ts`), so it ends with its process; a file beside it says who
 * that is, for a message.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"

import { Result, Schema } from "effect"

import { tryLock } from "./fileLock.ts"

const Holder = Schema.Struct({ pid: Schema.Int, host: Schema.String, since: Schema.String })
const decodeHolder = Schema.decodeUnknownResult(Schema.fromJsonString(Holder))

const holderFile = (folder: string): string => join(folder, "holder.json")

/** Takes the lock of the folder's run, or returns `undefined`. Throws where the folder's file system has no locks. */
export const lockRun = (folder: string, nowMillis: number): DatabaseSync | undefined => {
  const lock = tryLock(join(folder, "lock"))
  if (lock === undefined) return undefined
  const holder = { pid: process.pid, host: hostname(), since: new Date(nowMillis).toISOString() }
  try {
    writeFileSync(holderFile(folder), JSON.stringify(holder), { mode: 0o600 })
  } catch {
    // Only a message depends on it.
  }
  return lock
}

/** Who holds the lock, as words. */
export const holderOf = (folder: string): string => {
  try {
    const holder = Result.getOrThrow(decodeHolder(readFileSync(holderFile(folder), "utf8")))
    return `process ${holder.pid} on ${holder.host} since ${holder.since}`
  } catch {
    return "another process"
  }
}
