/**
 * Patterns of Go's syntax (RE2) for lines. The time is linear in the text whatever the pattern: a model's regexp cannot hang the daemon,
 * as JavaScript's own engine could. Pure.
 */
import { Result } from "effect"
import { RE2JS } from "re2js"

/** Instructions of a compiled pattern. */
const maxSize = 2_000
/**
 * Instructions times characters of one test, which nothing interrupts. While re2js makes its states the slowest measured took 250 ns for
 * each on a busy machine, so most of a second at worst; commonly it is a hundredth of it.
 */
const maxWork = 4_000_000
/** The same for a look at a whole file, which only spares looks at its lines. */
const maxTextWork = 1_000_000
/** The same for finding where a match is, which is slower and only decides what is shown. */
const maxFindWork = 4_000_000

export interface GoPattern {
  /** Characters of a line that are tested. */
  readonly maxChars: number
  readonly isMatch: (line: string) => boolean
  /** False when no line of the text can match. Lines end with LF. */
  readonly mayMatch: (text: string) => boolean
  /** Where in a line that matches the match begins; 0 when that is not known. */
  readonly startIn: (line: string) => number
}

const literally = (literal: string): GoPattern => ({
  maxChars: Infinity,
  isMatch: (line) => line.includes(literal),
  mayMatch: (text) => text.includes(literal),
  startIn: (line) => Math.max(0, line.indexOf(literal))
})

/** Asserts that hold for a line and not for a text of lines, and flags that make such ones. */
const isForLinesOnly = /\\[Az]|\(\?[a-zA-Z]*-[a-zA-Z]*m/u

export const goPattern = (pattern: string): Result.Result<GoPattern, string> => {
  if (!/[\\^$.*+?()[\]{}|]/u.test(pattern)) return Result.succeed(literally(pattern))
  return Result.flatMap(
    Result.try({
      try: () => ({
        inLine: RE2JS.compile(pattern),
        inText: isForLinesOnly.test(pattern) ? undefined : RE2JS.compile(pattern, RE2JS.MULTILINE)
      }),
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause))
    }),
    ({ inLine, inText }) => {
      const size = inLine.programSize()
      if (size > maxSize) {
        return Result.fail(`it is too large: ${size} instructions, at most ${maxSize}; repeat less`)
      }
      const maxChars = Math.floor(maxWork / size)
      return Result.succeed({
        maxChars,
        isMatch: (line) => inLine.test(line),
        mayMatch: (text) => inText === undefined || text.length * size > maxTextWork || inText.test(text),
        startIn: (line) => {
          if (line.length * size > maxFindWork) return 0
          const matcher = inLine.matcher(line)
          return matcher.find() ? matcher.start() : 0
        }
      })
    }
  )
}
