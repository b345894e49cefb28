/** A list of files, shortened: folders that hold too much are one line with the number of their files. Pure. */

interface Folder {
  readonly folders: Map<string, Folder>
  readonly files: Array<string>
  count: number
}

const emptyFolder = (): Folder => ({ folders: new Map(), files: [], count: 0 })

const treeOf = (paths: ReadonlyArray<string>): Folder => {
  const root = emptyFolder()
  for (const path of paths) {
    const parts = path.split("/")
    let folder = root
    folder.count++
    for (const part of parts.slice(0, -1)) {
      const next = folder.folders.get(part) ?? emptyFolder()
      folder.folders.set(part, next)
      folder = next
      folder.count++
    }
    folder.files.push(parts.at(-1) ?? "")
  }
  return root
}

const sizeOf = ({ files, folders }: Folder): number => files.length + folders.size

export interface ShownTree {
  /** Paths of files, and `folder/ (12 files)` for what is not shown in full. */
  readonly lines: ReadonlyArray<string>
  /** Files that are in no line, not even by a count. */
  readonly left: number
}

/**
 * At most `maxLines` lines. Folders are opened from the top, the smallest first, as long as there is room; so a small project is shown
 * whole, and a large one by its outline.
 */
export const showTree = (paths: ReadonlyArray<string>, maxLines: number): ShownTree => {
  const root = treeOf(paths)
  const opened = new Set<Folder>([root])
  let room = maxLines - sizeOf(root)
  for (let level = [...root.folders.values()]; level.length > 0 && room > 0;) {
    const next: Array<Folder> = []
    for (const folder of level.toSorted((one, other) => sizeOf(one) - sizeOf(other))) {
      // Its own line goes when it is opened.
      const cost = sizeOf(folder) - 1
      if (cost > room) break
      room -= cost
      opened.add(folder)
      next.push(...folder.folders.values())
    }
    level = next
  }
  const lines: Array<string> = []
  let shown = 0
  const show = (line: string, files: number): void => {
    if (lines.length >= maxLines) return
    lines.push(line)
    shown += files
  }
  const walk = (folder: Folder, prefix: string): void => {
    for (const [name, inner] of folder.folders) {
      if (lines.length >= maxLines) return
      if (opened.has(inner)) walk(inner, `${prefix}${name}/`)
      else show(`${prefix}${name}/ (${inner.count} file${inner.count === 1 ? "" : "s"})`, inner.count)
    }
    for (const name of folder.files) show(`${prefix}${name}`, 1)
  }
  walk(root, "")
  return { lines, left: paths.length - shown }
}
