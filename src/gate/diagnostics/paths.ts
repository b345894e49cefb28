/** Which file of the repository a word of a tool's output means: tools print paths absolute, from the root, or from a package's folder. */

export interface PathIndex {
  /** The path from the root; undefined for a word that names no file of the repository. */
  readonly find: (word: string) => string | undefined
}

/** More files of one name than this are compared by the whole path only. */
const maxOfOneName = 200

/** `renamed` maps a path of the base to the one that the commit has for it. */
export const pathIndex = (
  files: Iterable<string>,
  renamed: ReadonlyMap<string, string> = new Map()
): PathIndex => {
  const whole = new Set(files)
  for (const [old, path] of renamed) whole.add(old).add(path)
  const byName = new Map<string, Array<string>>()
  for (const path of whole) {
    const name = nameOf(path)
    const same = byName.get(name)
    if (same === undefined) byName.set(name, [path])
    else same.push(path)
  }
  const at = (word: string): string | undefined => {
    const path = word.replace(/^file:\/\//u, "").replace(/^(?:\.\/)+/u, "")
    if (whole.has(path)) return path
    const same = byName.get(nameOf(path)) ?? []
    if (same.length > maxOfOneName) return undefined
    // The longest one that an absolute path ends with, or the only one that ends with what was printed.
    const inside = same.filter((each) => path.endsWith(`/${each}`)).toSorted((a, b) => b.length - a.length)
    if (inside[0] !== undefined) return inside[0]
    const around = path.includes("/") ? same.filter((each) => each.endsWith(`/${path}`)) : same
    return around.length === 1 && /[./]/u.test(path) ? around[0] : undefined
  }
  return {
    find: (word) => {
      const found = at(word)
      return found === undefined ? undefined : (renamed.get(found) ?? found)
    }
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Files that say how a tool works; one that cannot start names them, and has said nothing about the code. */
export const isSettings = (path: string): boolean =>
  /(^|\/)(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-(?:lock|workspace)\.yaml|bun\.lockb?|go\.(?:mod|sum|work)|Cargo\.(?:toml|lock)|pyproject\.toml|setup\.(?:py|cfg)|(?:requirements|constraints)[^/]*\.(?:txt|in)|(?:uv|poetry|Pipfile)\.lock|Pipfile|tox\.ini|tsconfig[^/]*\.json|[^/]+\.config\.[cm]?[jt]s|\.[^/]*rc(?:\.\w+)?|(?:GNU)?[Mm]akefile|[Jj]ustfile|pom\.xml|(?:build|settings)\.gradle(?:\.kts)?|Gemfile(?:\.lock)?|\.golangci\.\w+|\.pre-commit-config\.yaml)$/u.test(
    path
  )
