/** What of a repository a task is about: the files and folders that it names. Pure. */

/** As much of a repository's tree as is looked at. */
export interface Entry {
  readonly path: string
  readonly kind: "file" | "link" | "submodule"
  readonly bytes: number
  readonly object: string
}

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")))
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** What stands before the first wildcard, whole names only. */
const fixedPart = (glob: string): string => {
  const path = glob.replace(/^(?:\.?\/)+/u, "").replace(/\/+$/u, "")
  const wild = path.search(/[*?[{]/u)
  return wild < 0 ? path : folderOf(path.slice(0, wild))
}

/** Words of a text that may be paths or names of files. */
const maxWords = 2_000
const wordsOf = (text: string): ReadonlySet<string> => {
  const words = text.match(/[\p{L}\p{N}_@.~+-]+(?:\/[\p{L}\p{N}_@.~+-]+)*/gu) ?? []
  return new Set(words.slice(0, maxWords).map((word) => word.replace(/^(?:\.\/)+|[.]+$/gu, "")))
}

export interface Named {
  /** Files that the task names, by their path or by a name that tells them apart. */
  readonly files: ReadonlySet<string>
  /** Folders that it names, and those of the files; never empty, the root being "". */
  readonly folders: ReadonlyArray<string>
}

/** A name such as `index.ts` says nothing when there are more of them. */
const maxNamesakes = 3
const maxNamedFiles = 50

/** By the task's declared paths and by the words of its text. */
export const namedBy = (
  entries: ReadonlyArray<Entry>,
  task: { readonly paths: ReadonlyArray<string>; readonly text: string }
): Named => {
  const declared = new Set(task.paths.map(fixedPart))
  const words = wordsOf(task.text)
  const files = new Set<string>()
  const namesakes = new Map<string, Array<string>>()
  const folders = new Set<string>()
  for (const { kind, path } of entries) {
    if (kind !== "file") continue
    if (declared.has(path) || words.has(path)) files.add(path)
    const name = nameOf(path)
    if (name.includes(".") && words.has(name)) {
      const known = namesakes.get(name)
      if (known === undefined) namesakes.set(name, [path])
      else known.push(path)
    }
    for (let folder = folderOf(path); folder !== "" && !folders.has(folder); folder = folderOf(folder)) {
      if (declared.has(folder) || (folder.includes("/") && words.has(folder))) folders.add(folder)
    }
  }
  for (const paths of namesakes.values()) {
    if (paths.length <= maxNamesakes) for (const path of paths) files.add(path)
  }
  const some = [...files].slice(0, maxNamedFiles)
  for (const path of some) folders.add(folderOf(path))
  return { files: new Set(some), folders: folders.size === 0 ? [""] : [...folders] }
}
