import { Clock, Effect, Result, Schema } from "effect"

import type { GoPattern } from "../decide/goPattern.ts"
import { type FileMatches, type Match, shareOf, showMatches } from "../decide/grepResult.ts"
import { linesOf } from "../decide/lineEnds.ts"
import { decodeText } from "../decide/textFile.ts"
import { type Listing, WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make, resultLimit, ToolError } from "./AgentTool.ts"
import { asToolError } from "./textFiles.ts"

const maxMatches = 200
/** Characters of all lines that are shown. */
const maxMatchesChars = 24 * 1024
/** Characters of a line that are shown, and of what stands before a match in a longer one. */
const shownChars = 512
const maxShownChars = 4096
const charsBefore = 64
/** Wall time of one search, and of a part of it in which nothing else runs. */
const maxMillis = 10_000
const maxBusyMillis = 50
/** Of each kind of what was skipped, so many are named. */
const maxNamed = 10

const parameters = Schema.Struct({
  pattern: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(1000)).annotate({
    description: "Regular expression in Go's syntax (RE2): no look-around, no back references."
  }),
  path: Schema.optionalKey(
    Schema.String.annotate({ description: "File or folder; the workspace when absent." })
  ),
  max: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxMatches })).annotate({
      description: "Most matches to return; 200 when absent."
    })
  ),
  maxLineChars: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxShownChars })).annotate({
      description: "Characters of a line that are shown; 512 when absent."
    })
  ),
  ignored: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Search files that .gitignore names, too." })
  )
})

/** Loaded by the first search: a run starts sooner without it. */
const patterns = Effect.promise(() => import("../decide/goPattern.ts"))

const shown = (pattern: GoPattern, text: string, chars: number): string => {
  if (text.length <= chars) return text
  const start = pattern.startIn(text.slice(0, pattern.maxChars))
  const from = start < chars ? 0 : start - Math.min(charsBefore, chars >> 1)
  return text.slice(from, from + chars).toWellFormed()
}

/** Files that were not searched, by why. */
class Skipped {
  readonly #named = new Map<string, { count: number; readonly some: Array<string> }>()

  add(why: string, what: string): void {
    const kind = this.#named.get(why) ?? { count: 0, some: [] }
    kind.count++
    if (kind.some.length < maxNamed) kind.some.push(what)
    this.#named.set(why, kind)
  }
  get isEmpty(): boolean {
    return this.#named.size === 0
  }
  /** Whether lines may be missing: a binary file has none. */
  get hidesLines(): boolean {
    return Array.from(this.#named.keys()).some((why) => why !== "binary")
  }
  get output(): Schema.Json {
    return Object.fromEntries(
      Array.from(this.#named, ([why, { count, some }]) => [
        why,
        count > some.length ? [...some, `and ${count - some.length} more`] : some
      ])
    )
  }
}

/** A clock that lets others have a turn: a Lease is renewed, a signal heard. `true` when the time is up. */
const makeTimer = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const deadline = clock.currentTimeMillisUnsafe() + maxMillis
  let restedAt = clock.currentTimeMillisUnsafe()
  return {
    isUp: () => clock.currentTimeMillisUnsafe() > deadline,
    isBusy: () => clock.currentTimeMillisUnsafe() - restedAt > maxBusyMillis,
    rest: Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => void (restedAt = clock.currentTimeMillisUnsafe()))
    )
  }
})
type Timer = Effect.Success<typeof makeTimer>

interface Search {
  readonly pattern: GoPattern
  readonly max: number
  readonly lineChars: number
  readonly timer: Timer
  readonly skipped: Skipped
}

const searchText = Effect.fnUntraced(function* (search: Search, path: string, text: string) {
  const { lineChars, max, pattern, skipped, timer } = search
  const first: Array<Match> = []
  let count = 0
  for (const [index, line] of text.split("\n").entries()) {
    if (timer.isBusy()) yield* timer.rest
    if (timer.isUp()) break
    const isLong = line.length > pattern.maxChars
    if (isLong) skipped.add("searched at the beginning only, a line is too long", `${path}:${index + 1}`)
    if (!pattern.isMatch(isLong ? line.slice(0, pattern.maxChars) : line)) continue
    if (count++ < max) first.push({ line: index + 1, text: shown(pattern, line, lineChars) })
  }
  return { path, first, count } satisfies FileMatches
})

const searchFile = Effect.fnUntraced(function* (search: Search, path: string) {
  const files = yield* WorkspaceTools
  const bytes = yield* Effect.result(files.readFile(path))
  if (Result.isFailure(bytes)) {
    const { message, reason } = bytes.failure
    // A file that vanished is not hidden.
    if (reason._tag !== "FileMissing") search.skipped.add("not readable", message)
    return undefined
  }
  const file = decodeText(bytes.success)
  if (Result.isFailure(file)) {
    search.skipped.add(file.failure.startsWith("it is") ? "binary" : "encoding", path)
    return undefined
  }
  const { text } = linesOf(file.success.text)
  return search.pattern.mayMatch(text)
    ? yield* searchText(search, path, text.endsWith("\n") ? text.slice(0, -1) : text)
    : undefined
})

/** What is not searched on purpose. */
const leftOut = ({ ignored, submodules }: Listing): { readonly [key: string]: Schema.Json } => ({
  ...(ignored.count === 0
    ? {}
    : {
        ignored: [
          ...ignored.some,
          ...(ignored.count > ignored.some.length ? [`and ${ignored.count - ignored.some.length} more`] : [])
        ]
      }),
  ...(submodules.length === 0 ? {} : { submodules: submodules.slice(0, maxNamed) })
})

export const grep = make({
  name: "grep",
  description:
    "Search text files of the workspace line by line. Files that .gitignore names are left out, links are not followed; what was skipped is said.",
  parameters,
  run: Effect.fn("grep")(function* (args, context) {
    const { ignored = false, max = maxMatches, maxLineChars = shownChars, path = ".", pattern: source } = args
    const files = yield* WorkspaceTools
    const { goPattern } = yield* patterns
    const pattern = goPattern(source)
    if (Result.isFailure(pattern)) return yield* new ToolError({ message: `pattern: ${pattern.failure}` })
    const listing = yield* files.listFiles(path, { withIgnored: ignored }).pipe(asToolError)
    const timer = yield* makeTimer
    const skipped = new Skipped()
    const search: Search = { pattern: pattern.success, max, lineChars: maxLineChars, timer, skipped }

    const found: Array<FileMatches> = []
    let gathered = 0
    let searched = 0
    for (const file of listing.files) {
      if (gathered >= max || timer.isUp()) break
      if (timer.isBusy()) yield* timer.rest
      const matches = yield* searchFile(search, file)
      searched++
      if (matches === undefined || matches.count === 0) continue
      found.push(matches)
      gathered += Math.min(matches.count, shareOf(max))
    }
    const unsearched = listing.files.length - searched
    const { matches, more } = showMatches(found, max, resultLimit(maxMatchesChars, context))
    return {
      output: {
        matches: matches.map((match) => ({ ...match })),
        truncated:
          listing.truncated ||
          timer.isUp() ||
          unsearched > 0 ||
          skipped.hidesLines ||
          Object.keys(more).length > 0,
        ...(Object.keys(more).length === 0 ? {} : { more_matches: more }),
        ...(unsearched === 0 ? {} : { files_not_searched: unsearched }),
        ...(skipped.isEmpty ? {} : { skipped: skipped.output }),
        ...leftOut(listing)
      }
    }
  })
})
