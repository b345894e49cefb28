/** A private file that is there whole or not at all, also after a power cut. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs"
import { dirname } from "node:path"

/** Readable by the owner alone. Throws the system's error. */
export const writeAtomically = (path: string, content: string): void => {
  const temporary = `${path}.${process.pid}.tmp`
  const file = openSync(temporary, "w", 0o600)
  try {
    writeSync(file, content)
    fsyncSync(file)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  const folder = openSync(dirname(path), "r")
  fsyncSync(folder)
  closeSync(folder)
}
