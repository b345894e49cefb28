/** The command of a check, taken apart as far as it must be to run fewer tests with it. */
import { quotedIfNeeded } from "../quoted.ts"

export interface Invocation {
  /** Everything before the last command, as it stands: `cd web && CI=1 `. */
  readonly lead: string
  /** Folder in which the last command runs, relative to the root; empty, or ending with a slash. */
  readonly folder: string
  /** The words of the last command, unquoted. */
  readonly words: ReadonlyArray<string>
}

/**
 * A command without pipes, alternatives, substitutions and redirections (but `2>&1`); undefined for another one: what that does cannot be
 * told from its words.
 */
export const parseInvocation = (command: string): Invocation | undefined => {
  const text = command
    .replace(/\s2>&1\s*$/u, "")
    .replaceAll("\\\n", " ")
    .trim()
  const segments = split(text)
  const last = segments?.at(-1)
  // What a variable holds is not known here; it may be in what comes before, as long as that changes no folder.
  if (segments === undefined || last === undefined || /(?<!\\)\$(?!$)/u.test(unsingled(text.slice(last.at))))
    return undefined
  let folder = ""
  for (const { words } of segments.slice(0, -1)) {
    if (words[0] !== "cd") continue
    const to = words[1]
    if (to === undefined || words.length > 2 || /^[/~-]|\.\.|\$/u.test(to)) return undefined
    folder = `${folder}${to.replace(/^\.\/|\/$/gu, "")}/`.replace(/^\.?\//u, "")
  }
  const set = last.words.findIndex((word) => !/^[A-Za-z_]\w*=/u.test(word))
  if (set < 0) return undefined
  const lead = `${text.slice(0, last.at)}${last.words.slice(0, set).map(quoteSetting).join("")}`
  return { lead, folder, words: last.words.slice(set) }
}

const unsingled = (text: string): string => text.replace(/'[^']*'/gu, "")

interface Segment {
  readonly words: ReadonlyArray<string>
  /** Where it begins in the command. */
  readonly at: number
}

const split = (command: string): ReadonlyArray<Segment> | undefined => {
  const segments: Array<{ words: Array<string>; at: number }> = [{ words: [], at: 0 }]
  const piece = /\s*(?:(&&|;|\n)\s*|((?:'[^']*'|"(?:\\.|[^"\\`])*"|\\.|[^\s'"\\;&|<>()`#])+))/uy
  for (let at = 0; at < command.length;) {
    piece.lastIndex = at
    const found = piece.exec(command)
    if (found === null || found[0] === "") return undefined
    at = piece.lastIndex
    if (found[1] === undefined) segments.at(-1)?.words.push(unquote(found[2] ?? ""))
    else segments.push({ words: [], at })
  }
  return segments.filter(({ words }) => words.length > 0)
}

const unquote = (word: string): string =>
  word.replace(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gsu, (_, single, double, escaped) =>
    String(single ?? double?.replace(/\\(["\\$`])/gu, "$1") ?? escaped)
  )

const quoteSetting = (setting: string): string => {
  const at = setting.indexOf("=") + 1
  return `${setting.slice(0, at)}${quotedIfNeeded(setting.slice(at))} `
}

export const render = (lead: string, words: ReadonlyArray<string>): string =>
  `${lead}${words.map(quotedIfNeeded).join(" ")}`

/** One command after another, whatever the ones before exit with: fails when any of them does. */
export const allOf = (lead: string, commands: ReadonlyArray<ReadonlyArray<string>>): string => {
  const [first = "", ...rest] = commands.map((words, index) => render(index === 0 ? lead : "", words))
  return rest.length === 0
    ? first
    : `${first}; failed=$?; ${rest.map((each) => `${each} || failed=$?`).join("; ")}; exit $failed`
}

/** A command's options, kept in order, and what else it was given. `valued` are the options whose value is a word of its own. */
export const options = (
  words: ReadonlyArray<string>,
  valued: RegExp
): { readonly options: ReadonlyArray<string>; readonly operands: ReadonlyArray<string> } => {
  const kept: Array<string> = []
  const operands: Array<string> = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ""
    if (!word.startsWith("-")) {
      operands.push(word)
      continue
    }
    kept.push(word)
    const value = words[at + 1]
    if (valued.test(word) && value !== undefined) {
      kept.push(value)
      at += 1
    }
  }
  return { options: kept, operands }
}
