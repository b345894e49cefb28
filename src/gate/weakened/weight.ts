/** What a lost claim weighs: held against the change, asked about, or told. */
import type { Assertion } from "./assertion.ts"
import type { Placed } from "./match.ts"
import type { Production } from "./production.ts"
import { likeness, wordsOf } from "./testCase.ts"

export interface Side {
  readonly tests: Array<Placed>
  /** Of the tests that were read. */
  readonly files: Set<string>
  /** Functions that no runner collects, by file. */
  readonly others: Array<{
    readonly file: string
    readonly name: string
    readonly words: ReadonlySet<string>
  }>
}

/** What a finding weighs. Nothing: it is held against the change. */
export type Weight = { readonly asks?: true; readonly isNote?: true }
export const held: Weight = {}
export const asks: Weight = { asks: true }
export const note: Weight = { isNote: true }

/** What all findings of a change are judged by. */
export interface Context {
  readonly production: Production
  readonly base: Side
  readonly head: Side
  /** Of all tests of the commit. */
  readonly headWords: ReadonlySet<string>
  /** The tests claim nothing that they did not claim before: the change only takes tests away. */
  readonly isOnlyLess: boolean
}

/**
 * Nobody takes a claim away and leaves the rest as it was, unless what it spoke of behaves otherwise now. A test that was rewritten along
 * with the product may say it in other words.
 */
export const weightOfLoss = (
  base: Placed,
  head: Placed,
  lost: ReadonlyArray<Assertion>,
  what: "no longer" | "taken back" | "reached" | "as it was"
): Weight => {
  const [was, is] = [base.test.reading, head.test.reading]
  const added = [...head.test.words].filter((word) => !base.test.words.has(word)).length
  if (was.isCut && is.isCut) return note
  if (is.isCut) return asks
  if (what === "no longer") return added <= 6 ? held : asks
  if (what === "taken back") return note
  if (lost.every(isSetUpDone)) return note
  if (lost.every(isOfNoError)) return added > 0 ? note : asks
  const [checks, left] = [checksIn(base), checksIn(head)]
  // As many claims as before, in the same words: said otherwise, or about less.
  if (added <= 2) return what === "reached" || left >= checks ? asks : held
  if (left * 2 < checks) return asks
  return what === "reached" || left >= checks || likeness(base.test.words, head.test.words) < 0.5
    ? note
    : asks
}

/**
 * A fix or a feature that is taken back takes its tests along: the tests claim nothing new, what they name changed, and the product has
 * less code than before.
 */
export const isTakenBack = ({ test }: Placed, { isOnlyLess, production }: Context): boolean =>
  isOnlyLess &&
  production.isSmaller &&
  [...test.words, ...wordsOf(test.name)].some((word) => production.reduced.has(word))

/** Lines that claim something. A table claims it once for each row. */
const checksIn = ({ test: { reading } }: Placed): number =>
  new Set(reading.assertions.filter(({ relation }) => relation !== "vacuous").map(({ line }) => line)).size

/** That no error came: the test's framework may be handed the error instead. */
const isOfNoError = ({ expected, relation, subject }: Assertion): boolean =>
  relation === "opaque"
    ? /\bfail\(/u.test(subject)
    : (relation === "falsy" && /^e(?:r|rr|rror)?$/iu.test(subject)) ||
      isSetUpDone({ expected, relation, subject }) ||
      (expected === "nil" && /^e(?:rr(?:or)?)?$/iu.test(subject))

/** That what Go's own library did for the test did not fail: files and folders that it needs. */
const isSetUpDone = ({
  expected,
  relation,
  subject
}: Pick<Assertion, "expected" | "relation" | "subject">): boolean =>
  (relation === "succeeds" || expected === "nil") &&
  /^(?:os\.(?:CreateTemp|MkdirTemp|Mkdir|MkdirAll|ReadFile|WriteFile|Create|Open|Remove|RemoveAll|Chdir|Getwd|Pipe|Setenv)|io\.ReadAll|ioutil\.(?:TempFile|TempDir|ReadAll|ReadFile|WriteFile))\(/u.test(
    subject
  )
