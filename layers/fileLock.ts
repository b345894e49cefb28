/**
 * An exclusive lock on a file. It is SQLite's, and so the kernel's: it ends with the process, however that ends, so no lock is ever
 * stale, and a pid that was given out again means nothing.
 */
import { DatabaseSync } from "node:sqlite"

/** Closing it gives the lock back. `undefined`: another process holds it. Throws when the file cannot be made. */
export const tryLock = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec("BEGIN EXCLUSIVE")
    return database
  } catch (cause) {
    database.close()
    if (!(cause instanceof Error && /locked|busy/iu.test(cause.message))) throw cause
    return undefined
  }
}
