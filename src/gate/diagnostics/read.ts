/**
 * What a check printed, without what differs between two runs of the same: colours, folders, times, line numbers, counts, quoted code.
 * File, rule and message stay.
 */
import { plain } from "../runners/TestRunner.ts"
import { readJson } from "./json.ts"
import { isSettings, type PathIndex } from "./paths.ts"

/** One thing that a check said. Two with the same key are the same one. */
export interface Diagnostic {
  readonly key: string
  /** As it was printed, without colours. */
  readonly text: string
  /** A file of the repository that it names, or that stands above it; undefined when it names none. */
  readonly path?: string | undefined
}

/** Lines and characters of a line that are read; more of them are no diagnostics. */
const maxLines = 50_000
const maxLength = 2_000

/** A program of the repository that a check runs says nothing about the code by its name alone. */
const interpreters = /^(?:sh|bash|dash|zsh|\.|source|node|deno|bun|tsx|ts-node|python[\d.]*|ruby|perl|php)$/u

/** Files of the repository that a command starts: `tools/lint.sh` in `sh tools/lint.sh`. */
const programsOf = (command: string, paths: PathIndex): ReadonlyArray<string> => {
  const words = command.split(/\s+|(?=[;&|()])|(?<=[;&|()])/u).filter((word) => word !== "")
  return words.flatMap((word, index) => {
    const before = words[index - 1] ?? ";"
    const path = interpreters.test(before) || /^[;&|(]$/u.test(before) ? paths.find(word) : undefined
    return path ?? []
  })
}

/** npm, yarn, make and `set -x` print what they run before they run it. */
const banner = /^(?:>|\$|\+{1,3}) (.*)$/u
const frame = /^\s*(?:at\s|File ".*", line \d+, in )/u
/** Code as a tool quotes it, and what points into it. */
const quoted = /^\s*>?\s*\d*\s*[|│¦](?:\s|$)|^\d+\s\s|^[\s^~|│─━╰╭╷╵·`_=+-]*$/u
const arrow = /^\s*(?:-->\s|[╭┌,][─-]+\[)/u
const diffBegins = /^(?:--- |\+\+\+ |diff |Diff in |@@ )/u
/** How much there was to say no to, and what follows from it. */
const summary =
  /(?:^|\s)[([]?#(?:\s+[\w-]+){0,2}\s+(?:errors?|warnings?|problems?|issues?|files?|failures?|violations?|offen[cs]es?|hints?|suggestions?|diagnostics?|tests?)\b|\bprevious errors?\b|\b(?:no|all) (?:issues|problems|checks)\b/iu
const complaint = /(?:^|[\s[(])(?:error|warning|fatal|panic|fail(?:ed|ure)?)(?:$|[\s:,[\]()!])|^\s*[✖✗×⨯]\s/iu

const word = /(?:[A-Za-z]:)?[^\s'"`()<>:,;|[\]{}=]+/gu

/** Times, numbers, hashes and folders that are none of the repository. */
const withoutChance = (text: string): string =>
  text
    .replace(word, (each) => (/^(?:[A-Za-z]:)?\//u.test(each) ? "<folder>" : each))
    .replace(/\b\d{4}-\d\d-\d\d[T _]?[\d_:.,-]*Z?/gu, "#")
    .replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|m|µs|ns|min|sec(?:onds?)?|[kKMG]i?B)\b/gu, "#")
    .replace(/\b0x[0-9a-f]+\b/giu, "#")
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b/gu, "#")
    .replace(/(?<![\w.])\d+(?:\.\d+)*(?!\w)/gu, "#")
    .replace(/#(?:[:,.-]#)+/gu, "#")
    .replace(/\s+/gu, " ")
    .trim()

interface Line {
  readonly key: string
  readonly path: string | undefined
}

/** Where in a file: `:12:5`, `(12,5)`, `:12`, and what stands between it and the words. */
const position = /^(?:[:(]\d+(?:[:,]\d+)*\)?)?/u

const readLine = (line: string, paths: PathIndex, programs: ReadonlySet<string>): Line => {
  const named: Array<string> = []
  const parts: Array<string> = []
  let at = 0
  for (const { 0: each, index } of line.matchAll(word)) {
    const path = paths.find(each.replace(/[.!?]+$/u, ""))
    if (path === undefined) continue
    named.push(path)
    parts.push(withoutChance(line.slice(at, index)), path)
    at = index + each.length
    at += position.exec(line.slice(at))?.[0].length ?? 0
  }
  parts.push(withoutChance(line.slice(at)))
  return {
    key: parts.filter((part) => part !== "").join(" "),
    path: named.find((path) => !programs.has(path))
  }
}

/** What the output of a check says, in its order. */
export const readDiagnostics = (
  output: string,
  command: string,
  paths: PathIndex
): ReadonlyArray<Diagnostic> => {
  const text = plain(output)
  const whole = readJson(text)
  const lines =
    whole ??
    text
      .split("\n")
      .slice(-maxLines)
      .flatMap((line) => readJson(line) ?? [line])
  const programs = new Set(programsOf(command, paths))
  const found: Array<Diagnostic> = []
  let above: string | undefined
  let isDiff = false
  let last = ""
  for (const line of lines.map((each) => each.slice(0, maxLength))) {
    if (line.trim() === "") {
      above = undefined
      continue
    }
    const run = banner.exec(line)?.[1]
    if (run !== undefined) for (const path of programsOf(run, paths)) programs.add(path)
    if (run !== undefined || frame.test(line) || quoted.test(line)) continue
    const begins = diffBegins.test(line)
    if (isDiff && !begins && /^[+\- ]/u.test(line)) continue
    isDiff = begins
    const { key, path } = readLine(line, paths, programs)
    if (begins) {
      above = path ?? above
      if (line.startsWith("@@ ")) found.push({ key: `${above ?? ""}: @@`, text: line.trim(), path: above })
      else if (path !== undefined && !line.startsWith("--- ")) found.push({ key, text: line.trim(), path })
      continue
    }
    if (path !== undefined) {
      if (key.replace(/^<file name=" |[ :">]+$/gu, "") === path) above = path
      // The arrow of rustc and ruff stands under the message.
      found.push({ key: arrow.test(line) ? `${path}: ${last}` : key, text: line.trim(), path })
    } else if (above !== undefined && /^\s/u.test(line)) {
      found.push({ key: `${above}: ${key}`, text: `${above}: ${line.trim()}`, path: above })
    } else if (complaint.test(line) && !summary.test(key)) found.push({ key, text: line.trim() })
    last = key
  }
  return found
}

/** Whether a check looked at the code and said no to it: what names no file but settings is the failure of a tool. */
export const isAboutCode = (said: ReadonlyArray<Diagnostic>): boolean =>
  said.some(({ path }) => path !== undefined && !isSettings(path))
