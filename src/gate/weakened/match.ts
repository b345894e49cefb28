/** Which claims of the base's tests the commit's tests no longer make. */
import { type Assertion, isAtLeastAsStrong, keyOf, type Loss, loss } from "./assertion.ts"
import { type Answers, answersIn, saidByElements } from "./listed.ts"
import { likeness, type TestCase } from "./testCase.ts"

export interface Placed {
  readonly file: string
  readonly test: TestCase
}

export interface Pair {
  readonly base: Placed
  /** Undefined where the test is gone. */
  readonly head: Placed | undefined
}

export type Weakening =
  | (Loss & { readonly pair: Pair; readonly base: Assertion; readonly head: Assertion })
  /** Said of each element by itself, and of each as before. */
  | { readonly kind: "listed"; readonly isSame: boolean; readonly pair: Pair; readonly base: Assertion }
  | { readonly kind: "lost"; readonly pair: Pair; readonly base: Assertion }
  | { readonly kind: "opaque"; readonly pair: Pair; readonly base: Assertion }

/** Comparisons of two tests or two claims in all; beyond them what is left counts as it stands. */
const maxComparisons = 20_000_000

/** Tests are the same by file and name, else by name alone, else when their words are. */
export const pairs = (base: ReadonlyArray<Placed>, head: ReadonlyArray<Placed>): ReadonlyArray<Pair> => {
  const free = new Set(head)
  const found = new Map<Placed, Placed>()
  const take = (nameOf: (one: Placed) => string): void => {
    const byName = Map.groupBy(free, nameOf)
    for (const one of base) {
      if (found.has(one)) continue
      const other = byName.get(nameOf(one))?.shift()
      if (other === undefined) continue
      found.set(one, other)
      free.delete(other)
    }
  }
  take(({ file, test }) => JSON.stringify([file, test.name]))
  take(({ test }) => test.name)
  take(({ test }) => lastWord(test.name))
  let left = maxComparisons / 100
  for (const one of base) {
    if (found.has(one) || free.size === 0 || left < 0) continue
    let best: { readonly other: Placed; readonly share: number } | undefined
    for (const other of free) {
      left--
      const share = likeness(one.test.words, other.test.words)
      const isAlike = share >= 0.6 || (share >= 0.3 && isNamedAlike(one, other))
      if (isAlike && share > (best?.share ?? 0)) best = { other, share }
    }
    if (best === undefined) continue
    found.set(one, best.other)
    free.delete(best.other)
  }
  return base.map((one) => ({ base: one, head: found.get(one) }))
}

/** Of two names in one file, in words: `test_key_with_spaces` and `test_key_invalid`. */
const isNamedAlike = (one: Placed, other: Placed): boolean =>
  one.file === other.file && likeness(nameWords(one.test.name), nameWords(other.test.name)) >= 0.5

const nameWords = (name: string): ReadonlySet<string> =>
  new Set(
    lastWord(name)
      .match(/[A-Z]?[a-z0-9]+|[A-Z]+/gu)
      ?.map((word) => word.toLowerCase()) ?? []
  )

const lastWord = (name: string): string => name.split(/::|\//u).at(-1) ?? name

interface Open {
  readonly pair: Pair
  readonly left: Array<Assertion>
}

/**
 * In this order: the same claim anywhere in the changed tests; another claim about the same subject; the same expectation of another
 * subject, which is what a rename makes; any other claim of the same test that is as strong. What is left is lost.
 */
export const weakenings = (
  matched: ReadonlyArray<Pair>,
  head: ReadonlyArray<Placed>
): { readonly weak: ReadonlyArray<Weakening>; readonly fresh: number } => {
  const found: Array<Weakening> = []
  const surplus = new Map(
    head.map((placed) => [
      placed,
      placed.test.reading.assertions.filter(({ relation }) => relation !== "vacuous")
    ])
  )
  const open: ReadonlyArray<Open> = matched.map((pair) => ({
    pair,
    left: pair.base.test.reading.assertions.filter(({ relation }) => relation !== "vacuous")
  }))
  const taken = new Set(matched.flatMap(({ head: test }) => test ?? []))
  const fresh = head.filter((placed) => !taken.has(placed))
  /** What the test became: itself, and new tests much like it. */
  let left = maxComparisons
  const became = new Map<Pair, ReadonlyArray<Placed>>()
  const own = ({ pair }: Open): ReadonlyArray<Placed> => {
    const known = became.get(pair)
    if (known !== undefined) return known
    const { words } = pair.base.test
    left -= fresh.length * 50
    const alike = left < 0 ? [] : fresh.filter(({ test }) => likeness(test.words, words) >= 0.5)
    const all = pair.head === undefined ? alike : [pair.head, ...alike]
    became.set(pair, all)
    return all
  }
  const everywhere = () => head

  const settle = (
    where: (one: Open) => ReadonlyArray<Placed>,
    isFor: (base: Assertion, head: Assertion) => boolean,
    then: (one: Open, base: Assertion, head: Assertion) => void = () => undefined
  ): void => {
    for (const one of open) {
      if (one.left.length === 0) continue
      const places = where(one)
      const kept: Array<Assertion> = []
      for (const base of one.left) {
        let match: Assertion | undefined
        for (const placed of places) {
          const list = surplus.get(placed) ?? []
          left -= list.length + 1
          if (left < 0) break
          const index = list.findIndex((candidate) => isFor(base, candidate))
          if (index < 0) continue
          match = list.splice(index, 1)[0]
          break
        }
        if (match === undefined) kept.push(base)
        else then(one, base, match)
      }
      one.left.splice(0, one.left.length, ...kept)
    }
  }
  const judge = ({ pair }: Open, base: Assertion, match: Assertion): void => {
    const lost = loss(base, match)
    if (lost !== undefined) found.push({ ...lost, pair, base, head: match })
  }
  const keys = new Map(
    [...matched.map(({ base }) => base), ...head].flatMap(({ test }) =>
      test.reading.assertions.map((one) => [one, keyOf(one)])
    )
  )
  const isSame = (base: Assertion, other: Assertion) => keys.get(base) === keys.get(other)
  const isAbout = (base: Assertion, other: Assertion) => base.subject === other.subject
  const isHeldAsFirm = (base: Assertion, other: Assertion) =>
    isAbout(base, other) && loss(base, other) === undefined && isAtLeastAsStrong(other, base)

  settle(own, isSame)
  // Of all other tests only those that make the very claim.
  const places = new Map<string, Array<Placed>>()
  for (const placed of head)
    for (const one of surplus.get(placed) ?? []) {
      const key = keys.get(one) ?? ""
      const all = places.get(key) ?? []
      if (all.length < 1_000) all.push(placed)
      places.set(key, all)
    }
  for (const one of open) {
    const kept = one.left.filter((base) => {
      for (const placed of places.get(keys.get(base) ?? "") ?? []) {
        const list = surplus.get(placed) ?? []
        const index = list.findIndex((candidate) => isSame(base, candidate))
        if (index >= 0) return list.splice(index, 1).length === 0
      }
      return true
    })
    one.left.splice(0, one.left.length, ...kept)
  }
  drop(open, (base, one) => claimsOf(one.pair).some((other) => implies(other, base)))
  const answers = new Map<Pair, Answers>()
  drop(open, (base, one) => {
    if (base.relation !== "equal") return false
    const known = answers.get(one.pair) ?? answersIn(own(one).flatMap(({ test }) => test.reading.assertions))
    answers.set(one.pair, known)
    const said = saidByElements(base, known)
    if (said !== undefined) found.push({ kind: "listed", isSame: said === "same", pair: one.pair, base })
    return said !== undefined
  })
  settle(own, isHeldAsFirm)
  settle(own, isAbout, judge)
  settle(everywhere, isHeldAsFirm)
  settle(everywhere, isAbout, judge)
  settle(own, isExpectedElsewhere)
  settle(everywhere, (base, other) => isTelling(base) && isExpectedElsewhere(base, other))
  settle(own, (base, other) => other.relation !== "opaque" && isAtLeastAsStrong(other, base))
  for (const one of open) {
    const place = one.pair.head
    const isHidden =
      place !== undefined && surplus.get(place)?.some(({ relation }) => relation === "opaque") === true
    for (const base of one.left) found.push({ kind: isHidden ? "opaque" : "lost", pair: one.pair, base })
  }
  return { weak: found, fresh: [...surplus.values()].reduce((sum, left) => sum + left.length, 0) }
}

const drop = (open: ReadonlyArray<Open>, isNeedless: (base: Assertion, one: Open) => boolean): void => {
  for (const one of open)
    one.left.splice(0, one.left.length, ...one.left.filter((base) => !isNeedless(base, one)))
}

const claimsOf = ({ head }: Pair): ReadonlyArray<Assertion> => head?.test.reading.assertions ?? []

/** Whether the second cannot fail where the first holds. */
const implies = (held: Assertion, base: Assertion): boolean => {
  if (isOfWhole(held, base)) return true
  // The text of what was raised, by `match=` or by looking into it.
  if (held.relation === "raises" && held.expected.includes(" ~ ") && base.subject.includes("raised.value"))
    return true
  if (held.relation === "contains" && base.relation === "contains") return isInside(held, base)
  if (held.relation !== "equal") return false
  if (held.subject === base.subject && base.relation === "equal") return isOfOnlyCall(held, base)
  if (held.subject === base.subject) {
    return ["present", "truthy", "notEqual", "type"].includes(base.relation) && loss(base, held) === undefined
  }
  // All of a thing, where a part of it was claimed.
  const isWhole =
    ["", ".", "["].some((sign) => sign !== "" && base.subject.startsWith(`${held.subject}${sign}`)) ||
    base.subject === `len(${held.subject})`
  return isWhole && (held.expected.includes(base.expected) || base.subject.startsWith("len("))
}

/** `a == b`, where `a.x == b.x` was claimed. */
const isOfWhole = (held: Assertion, base: Assertion): boolean => {
  if (held.relation !== "equal" || base.relation !== "equal") return false
  return [
    [held.subject, held.expected],
    [held.expected, held.subject]
  ].some(([one = "", other = ""]) => {
    if (one === "" || other === "" || !base.subject.startsWith(`${one}.`)) return false
    const member = base.subject.slice(one.length)
    return base.expected === other + member && /^(?:\.\w+)+$/u.test(member)
  })
}

/** A text that contains the longer one contains the shorter one. */
const isInside = (held: Assertion, base: Assertion): boolean => {
  if (held.subject !== base.subject) return false
  const [whole, part] = [held, base].map(({ expected }) => /^"((?:[^"\\]|\\.)*)"$/u.exec(expected)?.[1])
  return part !== undefined && whole?.includes(part) === true
}

/** That it was called once and with what, where one of the two was claimed. */
const isOfOnlyCall = (held: Assertion, base: Assertion): boolean =>
  held.subject.startsWith("calls(") &&
  held.expected.startsWith("[") &&
  (base.expected === "1" || held.expected === `[${base.expected}]`)

const isExpectedElsewhere = (base: Assertion, head: Assertion): boolean =>
  base.relation === head.relation &&
  base.expected === head.expected &&
  (head.tolerance ?? 0) <= (base.tolerance ?? Number.POSITIVE_INFINITY) &&
  base.relation !== "opaque"

/** An expectation that says enough to be known again in another test. */
const isTelling = ({ expected }: Assertion): boolean =>
  expected.length >= 3 && !/^(?:nil|true|false)$/u.test(expected)
