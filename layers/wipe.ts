/** Removes a folder, whatever a run did to its permissions (contract §9.4, 0a7de0d1). */
import { chmodSync, lstatSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"

/** Folders that may not be written or entered keep their children from being removed. Links are not followed. */
const unlock = (path: string): void => {
  if (!lstatSync(path).isDirectory()) return
  chmodSync(path, 0o700)
  for (const name of readdirSync(path)) unlock(join(path, name))
}

/** Throws the system's error. A path that does not exist is fine. */
export const wipe = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    unlock(path)
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  }
}
