/** The rules of `.gitignore` and `.ignore` files. A match costs the length of the name times that of the pattern, whatever these hold. */

/** Does one part of a path, between two slashes, match? */
type Part = (name: string) => boolean
/** `**`: any number of parts. */
const anyParts = Symbol("**")

export interface IgnoreRule {
  readonly isNegated: boolean
  readonly isFolderOnly: boolean
  /** Applies to the name alone, at any depth. */
  readonly isName: boolean
  readonly parts: ReadonlyArray<Part | typeof anyParts>
}

/** Whether a sequence matches one in which some elements stand for any number: back to the last of these, never further. */
const matches = <A, B>(
  items: ArrayLike<A>,
  pattern: ReadonlyArray<B>,
  isMany: (element: B) => boolean,
  isOne: (element: B, item: A) => boolean
): boolean => {
  let item = 0
  let at = 0
  let many = -1
  let retry = 0
  while (item < items.length) {
    const element = pattern[at]
    const current = items[item]
    if (element !== undefined && isMany(element)) {
      many = at++
      retry = item
    } else if (element !== undefined && current !== undefined && isOne(element, current)) {
      at++
      item++
    } else if (many >= 0) {
      at = many + 1
      item = ++retry
    } else return false
  }
  return pattern.slice(at).every(isMany)
}

type Glob = "*" | ((character: string) => boolean)

/** `[…]` from the character after the bracket. `undefined` when it is not closed. */
const readClass = (text: ReadonlyArray<string>, from: number) => {
  let at = from
  const isNegated = text[at] === "!" || text[at] === "^"
  if (isNegated) at++
  const ranges: Array<readonly [string, string]> = []
  for (let isFirst = true; at < text.length && (isFirst || text[at] !== "]"); isFirst = false) {
    if (text[at] === "\\") at++
    const low = text[at++] ?? ""
    if (text[at] === "-" && text[at + 1] !== undefined && text[at + 1] !== "]") {
      ranges.push([low, text[at + 1] ?? ""])
      at += 2
    } else ranges.push([low, low])
  }
  if (text[at] !== "]") return undefined
  const test = (one: string) => ranges.some(([low, high]) => one >= low && one <= high) !== isNegated
  return { next: at + 1, test }
}

const globOf = (pattern: string): ReadonlyArray<Glob> | undefined => {
  const text = Array.from(pattern)
  const globs: Array<Glob> = []
  for (let at = 0; at < text.length;) {
    const one = text[at++] ?? ""
    if (one === "*") {
      if (globs.at(-1) !== "*") globs.push("*")
    } else if (one === "?") globs.push(() => true)
    else if (one === "[") {
      const found = readClass(text, at)
      // Git lets a pattern with an open bracket match nothing.
      if (found === undefined) return undefined
      globs.push(found.test)
      at = found.next
    } else {
      const literal = one === "\\" ? (text[at++] ?? "\\") : one
      globs.push((character) => character === literal)
    }
  }
  return globs
}

const partOf = (pattern: string): Part => {
  if (!/[*?[\\]/u.test(pattern)) return (name) => name === pattern
  if (/^\*[^*?[\\]*$/u.test(pattern)) return (name) => name.endsWith(pattern.slice(1))
  const globs = globOf(pattern)
  if (globs === undefined) return () => false
  return (name) =>
    matches(
      Array.from(name),
      globs,
      (glob) => glob === "*",
      (glob, character) => glob !== "*" && glob(character)
    )
}

/** Lines of one file that are read, and characters of one of them. */
const maxRules = 2_000
const maxChars = 1_000

/** The rules that a file states, in its order. */
export const parseIgnore = (text: string): ReadonlyArray<IgnoreRule> =>
  text
    .split(/\r?\n/u, maxRules)
    .map((line) => line.replace(/(?<!\\)[ \t]+$/u, ""))
    .filter((line) => line !== "" && !line.startsWith("#") && line.length <= maxChars)
    .map((line) => {
      const isNegated = line.startsWith("!")
      const stated = isNegated ? line.slice(1) : line.replace(/^\\(?=[#!])/u, "")
      const isFolderOnly = stated.endsWith("/")
      const pattern = isFolderOnly ? stated.slice(0, -1) : stated
      const isName = !pattern.includes("/")
      const parts = pattern
        .replace(/^\//u, "")
        .split("/")
        .map((part) => (part === "**" && !isName ? anyParts : partOf(part)))
      // `a/**` is what lies in a, not a itself.
      const last = parts.at(-1) === anyParts ? [...parts, () => true] : parts
      return { isNegated, isFolderOnly, isName, parts: last }
    })

/** A folder's rules, with the path of the folder: "" for the root, else with a slash at its end. */
export interface RuleSet {
  readonly folder: string
  readonly rules: ReadonlyArray<IgnoreRule>
}

const isMatch = (
  rule: IgnoreRule,
  name: string,
  within: ReadonlyArray<string>,
  isFolder: boolean
): boolean => {
  if (rule.isFolderOnly && !isFolder) return false
  if (rule.isName) {
    const [part] = rule.parts
    return typeof part === "function" && part(name)
  }
  return matches(
    within,
    rule.parts,
    (part) => part === anyParts,
    (part, one) => typeof part === "function" && part(one)
  )
}

/** `path` relative to the root. `sets` from the root down; the last rule that matches decides. A path below an ignored folder is not asked. */
export const isIgnored = (sets: ReadonlyArray<RuleSet>, path: string, isFolder: boolean): boolean => {
  const name = path.slice(path.lastIndexOf("/") + 1)
  for (const { folder, rules } of sets.toReversed()) {
    const within = path.slice(folder.length).split("/")
    const rule = rules.findLast((one) => isMatch(one, name, within, isFolder))
    if (rule !== undefined) return !rule.isNegated
  }
  return false
}
