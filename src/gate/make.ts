/** Makefiles, read line by line: what they declare, and what one of their targets comes to. */

/** Names under which make looks for its file, in its order. */
export const makefileNames = ["GNUmakefile", "makefile", "Makefile"] as const

const ruleForm = /^([^\s:#=][^:#=]*?)\s*::?(?![:=])(.*)$/u

/** What one makefile declares: explicit targets, and files of the repository that it includes by a literal path. */
export const readMakefile = (
  text: string
): { readonly targets: ReadonlySet<string>; readonly includes: ReadonlyArray<string> } => {
  const targets = new Set<string>()
  const includes: Array<string> = []
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    const rule = ruleForm.exec(line)
    if (rule?.[1] !== undefined) for (const target of rule[1].split(/\s+/u)) targets.add(target)
    const include = /^[-s]?include\s+([^#]+)/u.exec(line)
    if (include?.[1] !== undefined) {
      includes.push(
        ...include[1]
          .trim()
          .split(/\s+/u)
          .filter((path) => !/[$*?[]|^\/|(^|\/)\.\.(\/|$)/u.test(path))
      )
    }
  }
  return { targets, includes }
}

interface Rule {
  readonly targets: ReadonlyArray<string>
  readonly needs: ReadonlyArray<string>
  readonly lines: Array<string>
}

/** Special targets that change nothing of what a recipe does. */
const isDeclaration = (target: string): boolean => target === ".PHONY"

/**
 * What a makefile does for some targets: their rules, those that they need or call, and everything outside of rules (variables,
 * conditions, includes: each may reach anywhere). Two makefiles with the same answer run the same for these targets.
 */
export const makefilePart = (text: string, wanted: ReadonlyArray<string>): string => {
  const rules: Array<Rule> = []
  const common: Array<string> = []
  let current: Rule | undefined
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    const rule = line.startsWith("\t") ? null : ruleForm.exec(line)
    if (rule !== null) {
      current = {
        targets: (rule[1] ?? "").split(/\s+/u),
        needs: (rule[2] ?? "").split(/[\s;|]+/u).filter((word) => word !== ""),
        lines: [line]
      }
      rules.push(current)
    } else if (line.startsWith("\t") && current !== undefined) current.lines.push(line)
    else if (line.trim() !== "" && !line.startsWith("#")) {
      current = undefined
      common.push(line)
    }
  }
  const isPattern = (target: string) => target.includes("%") || target.startsWith(".") || target.includes("$")
  const reached = new Set(wanted)
  const kept = new Set<Rule>()
  for (let size = -1; size !== kept.size;) {
    size = kept.size
    for (const rule of rules) {
      if (rule.targets.every(isDeclaration)) continue
      if (!rule.targets.some((target) => reached.has(target) || isPattern(target))) continue
      kept.add(rule)
      for (const need of rule.needs) reached.add(need)
      for (const line of rule.lines.slice(1)) for (const called of callsOf(line)) reached.add(called)
    }
  }
  return [...common, ...rules.filter((rule) => kept.has(rule)).flatMap(({ lines }) => lines)].join("\n")
}

/** Targets that a recipe's line asks make for. */
const callsOf = (line: string): ReadonlyArray<string> =>
  [...line.matchAll(/(?:\$[({]MAKE[)}]|\bmake)((?:\s+[\w./=-]+)+)/gu)].flatMap(([, words = ""]) =>
    words.trim().split(/\s+/u)
  )
