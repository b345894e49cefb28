/** What the comparison of tests says: each thing that was lost as a finding, a question or a note. */
import { keyOf, say } from "./assertion.ts"
import type { Finding } from "../finding.ts"
import type { Pair, Placed, Weakening } from "./match.ts"
import { mayReach } from "./production.ts"
import { isGuard } from "./skips.ts"
import { likeness, wordsOf } from "./testCase.ts"
import { asks, type Context, held, isTakenBack, note, type Side, weightOfLoss } from "./weight.ts"

/** Of a file, once: a new test that keeps its others from running. */
export const newOnlyFindings = (matched: ReadonlyArray<Pair>, head: Side): ReadonlyArray<Finding> => {
  const known = new Set(matched.flatMap((pair) => pair.head ?? []))
  return [...Map.groupBy(head.tests, ({ file }) => file)].flatMap(([, tests]) => {
    const only = tests.find((one) => one.test.isOnly === true && !known.has(one))
    return only === undefined || tests.every(({ test }) => test.isOnly === true) ? [] : [onlyFinding(only)]
  })
}

const onlyFinding = ({ file, test }: Placed): Finding => ({
  rule: "weakened",
  file,
  line: test.line,
  test: test.name,
  message: `${test.name} is marked to run alone, so the others of its file do not run`
})

export const findingsOf = (
  pair: Pair,
  weak: ReadonlyArray<Weakening>,
  context: Context
): ReadonlyArray<Finding> => {
  const { base } = pair
  const { production } = context
  const wasSkipped = base.test.skip
  if (wasSkipped?.isConditional === false) return []
  if (pair.head === undefined) return goneFindings(base, weak, context)
  const { file, test } = pair.head
  const about = { rule: "weakened", file, line: test.line, test: test.name } as const
  if (test.skip !== undefined && (wasSkipped === undefined || !test.skip.isConditional)) {
    const message = `${test.name} is skipped now: ${test.skip.how}`
    const isPlatform = test.skip.isConditional && test.skip.isUnset !== true
    return [{ ...about, message, ...(isPlatform ? note : test.skip.isConditional ? asks : held) }]
  }
  const found: Array<Finding> = []
  const guard = test.reading.guards.find((one) => isGuard(one) && !base.test.reading.guards.includes(one))
  if (guard !== undefined)
    found.push({
      ...about,
      message: `${test.name} now ends before it has checked anything, if ${guard}`,
      ...asks
    })
  if (panics(test) && !panics(base.test) && base.test.reading.assertions.length > 0)
    found.push({ ...about, message: `${test.name} is expected to fail now` })
  if (test.isOnly === true && base.test.isOnly !== true) found.push(onlyFinding(pair.head))
  const reaches = (one: Weakening) => mayReach(production, base.test.words, callsIn(one.base.subject))
  const muted = new Set(test.reading.muted.map(keyOf))
  const lost = weak.filter((one) => one.kind === "lost" && !isExcused(one, context) && !isNamedNow(one))
  const vacuous = ({ test: { reading } }: Placed) =>
    reading.assertions.filter(({ relation }) => relation === "vacuous").length
  const always = vacuous(pair.head) - vacuous(base)
  if (lost.length > 0) {
    const things = lost.length === 1 ? "1 thing" : `${lost.length} things`
    const isMuted = lost.some((one) => muted.has(keyOf(one.base)))
    const why =
      always > 0
        ? "; what stands there now always holds"
        : isMuted
          ? "; what stands there now cannot fail"
          : ""
    const said = lost
      .slice(0, 3)
      .map((one) => say(one.base))
      .join(", ")
    found.push({
      ...about,
      message: `${test.name} checks ${things} less: ${said}${lost.length > 3 ? " and more" : ""}${why}`,
      ...weightOfLoss(
        base,
        pair.head,
        lost.map((one) => one.base),
        why !== ""
          ? "no longer"
          : isTakenBack(base, context)
            ? "taken back"
            : lost.some(reaches)
              ? "reached"
              : "as it was"
      )
    })
  }
  const fewer = base.test.cases - test.cases
  // Where the rows show in the claims, what is missing was said above.
  if (
    lost.length === 0 &&
    fewer > 0 &&
    test.cases > 1 &&
    base.test.reading.assertions.length < base.test.cases
  ) {
    found.push({
      ...about,
      message: `${test.name} has ${test.cases} cases where it had ${base.test.cases}`,
      ...asks
    })
  }
  const hidden = weak.filter((one) => one.kind === "opaque" && !isExcused(one, context))
  if (hidden.length > 0) {
    const message = `${test.name} leaves ${hidden.length} of its checks to a helper that the change does not show`
    found.push({ ...about, message, ...note })
  }
  const listed = weak.filter((one) => one.kind === "listed")
  if (listed.length > 0) {
    const isSame = listed.every((one) => one.isSame)
    const how = isSame
      ? "of each element by itself"
      : "of the elements by themselves, and of some something else"
    const isHeldBack = listed.some((one) => !one.isSame && !reaches(one))
    found.push({
      ...about,
      message: `${test.name} says ${how} what it said of a list in ${listed.length} of its checks`,
      ...(isHeldBack ? asks : note)
    })
  }
  for (const one of weak) {
    if (one.kind === "lost" || one.kind === "opaque" || one.kind === "listed") continue
    const line = one.head.line
    if (one.kind === "looser") {
      // How long and how large, within limits that grow with the product and the machine.
      const isMeasured =
        one.base.relation === "compares" &&
        /time|elapsed|duration|took|since|seconds|bytes|size|gzip|memory|alloc/iu.test(one.base.subject)
      const isRounded = one.base.relation === "equal" && one.head.relation === "near"
      found.push({
        ...about,
        line,
        message: `${test.name} asks for less: ${one.how}`,
        ...(isMeasured ? note : reaches(one) || isRounded ? asks : held)
      })
      continue
    }
    const isSameSetUp =
      base.test.reading.steps.join("\n") === test.reading.steps.join("\n") &&
      !isHelperChanged(pair.base, pair.head, context)
    const isBent = one.kind === "bent" && isSameSetUp && !reaches(one)
    const isNegated = one.kind === "bent" && one.base.relation === "equal" && one.head.relation === "notEqual"
    found.push({
      ...about,
      line,
      message: isBent
        ? `${test.name} expects something else although nothing changed that it exercises: ${one.how}`
        : `${test.name} expects something else: ${one.how}. Look whether the issue asks for it`,
      ...(isNegated ? held : isBent ? asks : note)
    })
  }
  const asked = base.test.reading.assertions.map(({ subject }) => subject).join(" ")
  const doubled = test.doubles.filter(
    (name) => name !== "" && !base.test.doubles.includes(name) && callsIn(asked).has(name)
  )
  if (doubled.length > 0)
    found.push({
      ...about,
      message: `${test.name} replaces what it tests with a double: ${doubled.join(", ")}`
    })
  return found
}

const panics = ({ reading }: Placed["test"]): boolean =>
  reading.assertions.some(({ relation, subject }) => relation === "raises" && subject.startsWith("fn "))

/** What the test calls of its own file reads otherwise now. */
const isHelperChanged = (base: Placed, { file, test }: Placed, { base: was, head: is }: Context): boolean =>
  [...test.words].some((word) => {
    const [before, after] = [
      was.others.find((one) => one.name === word && one.file === base.file),
      is.others.find((one) => one.name === word && one.file === file)
    ]
    return before !== undefined && after !== undefined && likeness(before.words, after.words) < 1
  })

/** New tests of a double: what they assert about is what they replaced. */
export const doubleFindings = (matched: ReadonlyArray<Pair>, head: Side): ReadonlyArray<Finding> => {
  const known = new Set(matched.flatMap((pair) => pair.head ?? []))
  return head.tests.flatMap((placed): ReadonlyArray<Finding> => {
    const { file, test } = placed
    if (known.has(placed) || test.doubles.length === 0) return []
    const asked = test.reading.assertions.map(({ subject }) => /^(?:\w+\.)*(\w+)\(/u.exec(subject)?.[1])
    const name = test.doubles.find(
      (one) => test.words.has(one) && asked.length > 0 && asked.every((called) => called === one)
    )
    if (name === undefined) return []
    const message = `${test.name} tests only the double by which it replaces ${name}`
    return [{ rule: "weakened", file, line: test.line, test: test.name, message }]
  })
}

const goneFindings = (
  base: Placed,
  weak: ReadonlyArray<Weakening>,
  context: Context
): ReadonlyArray<Finding> => {
  const { head, production } = context
  const { file, test } = base
  const lost = weak.filter((one) => one.kind === "lost" || one.kind === "opaque")
  const about = { rule: "weakened", file, line: test.line, test: test.name } as const
  const changed = weak.flatMap((one): ReadonlyArray<Finding> =>
    one.kind !== "lost" && one.kind !== "opaque" && one.kind !== "listed"
      ? [
          {
            ...about,
            message: `${test.name} is gone, and another test expects something else: ${one.how}. Look whether the issue asks for it`,
            isNote: true
          }
        ]
      : []
  )
  const isEmpty = test.reading.assertions.length === 0
  if (lost.length === 0 && !isEmpty) return changed
  const words = [...test.words, ...wordsOf(test.name.replaceAll(/\W+/gu, " ")), ...textsOf(test)]
  if (words.some((word) => production.removed.has(word) || isForgotten(word, context))) return changed
  if (words.some((word) => production.fewer.has(word))) return changed
  const now = head.others.find((other) => likeness(other.words, test.words) >= 0.8)
  if (now !== undefined && !head.tests.some((other) => other.test.words.has(now.name)))
    return [
      ...changed,
      { ...about, message: `${test.name} is no longer collected: it is ${now.name} in ${now.file} now` }
    ]
  if (isEmpty && head.tests.some((other) => likeness(other.test.words, test.words) >= 0.5)) return changed
  // The whole file went, along with a file of the product.
  const isAway = production.isFileGone && !head.files.has(file)
  // Support of that version may end, and no other runs it.
  const isOld = test.skip?.isOld === true
  const isFolded = lost.length * 2 <= test.reading.assertions.length
  return [
    ...changed,
    {
      ...about,
      message: `${test.name} is deleted, and what it exercises is still there`,
      ...(isTakenBack(base, context) || isFolded || isAway || isOld ? note : asks)
    }
  ]
}

/** The texts that its claims and steps contain. */
const textsOf = ({ reading }: Placed["test"]): ReadonlyArray<string> =>
  [...reading.assertions.map(({ expected, subject }) => `${subject} ${expected}`), ...reading.steps].flatMap(
    (text) => [...text.matchAll(/"((?:[^"\\]|\\.){1,60})"/gu)].map(([, inner = ""]) => inner)
  )

/** Gone from the product, and no test of the change speaks of it any more. */
const isForgotten = (word: string, { headWords, production }: Context): boolean =>
  production.vanished.has(word) && ![...wordsOf(word)].every((part) => headWords.has(part))

/** Calls in a text, without what they are given. */
const callPath = (text: string): string => [...callsIn(text)].join(" ")

/** Go: the text of an error, where the test claims now which error it is: `errors.Is(err, fs.ErrNotExist)`. */
const isNamedNow = ({ base, pair }: Weakening): boolean =>
  base.relation === "equal" &&
  base.expected.startsWith('"') &&
  base.subject.endsWith(".Error()") &&
  pair.head?.test.reading.assertions.some(
    (one) =>
      one.relation === "equal" &&
      /^(?:\w+\.)?Err[A-Z]\w*$/u.test(one.expected) &&
      `${callPath(one.subject)} Error`.trim() === callPath(base.subject)
  ) === true

/** What a claim speaks of is gone, or no longer can fail. */
const isExcused = ({ base }: Weakening, context: Context): boolean => {
  const { production } = context
  const words = [...wordsOf(`${base.subject} ${base.expected}`)]
  if (words.some((word) => production.removed.has(word) || isForgotten(word, context))) return true
  const isAboutFailing = base.relation === "raises" || base.relation === "succeeds" || base.expected === "nil"
  return isAboutFailing && words.some((word) => production.reshaped.has(word))
}

const callsIn = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/([A-Za-z_]\w*)\(/gu)].map(([, name = ""]) => name))
