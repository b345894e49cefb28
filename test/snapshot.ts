/** A folder in memory: what takes many processes to make once takes a few writes to make again. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

export type Snapshot = ReadonlyArray<{ readonly path: string; readonly bytes: Buffer; readonly mode: number }>

/** Its files; a folder without one is left out, and so are links. */
export const takeSnapshot = (folder: string): Snapshot =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name)
      return { path: relative(folder, file), bytes: readFileSync(file), mode: lstatSync(file).mode }
    })

export const restore = (snapshot: Snapshot, folder: string): void => {
  for (const { bytes, mode, path } of snapshot) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), bytes, { mode })
  }
}
