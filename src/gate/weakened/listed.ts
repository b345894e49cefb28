/** A claim about a list that became one claim for each of its elements: `match(["a", "b"], "*") == ["a"]`. */
import type { Assertion } from "./assertion.ts"

const literal = /"(?:[^"\\]|\\.)*"/gu
const list = /\[((?:"(?:[^"\\]|\\.)*",?)*)\]/gu
/** Beyond it nobody writes the elements out. */
const maxElements = 200

const literalsIn = (text: string): ReadonlyArray<string> => text.match(literal) ?? []

const withoutModules = (subject: string): string => subject.replaceAll(/\brequire\("[^"]*"\)/gu, "")

/** What is asked besides the text in question: the other texts, and the options. */
const about = (subject: string, texts: ReadonlyArray<string>): string => {
  const bare = withoutModules(subject).replaceAll(literal, '""')
  return JSON.stringify([[...texts].toSorted(), bare.match(/\{[^{}]*\}/gu) ?? []])
}

/** By what is asked, whether it is claimed to hold. Undefined where both is claimed. */
export type Answers = ReadonlyMap<string, boolean | undefined>

export const answersIn = (claims: ReadonlyArray<Assertion>): Answers => {
  const found = new Map<string, boolean | undefined>()
  for (const { relation, subject } of claims) {
    if (relation !== "truthy" && relation !== "falsy") continue
    const key = about(subject, literalsIn(withoutModules(subject)))
    const isHeld = relation === "truthy"
    found.set(key, found.has(key) && found.get(key) !== isHeld ? undefined : isHeld)
  }
  return found
}

/** `a\\b` and `a/b` are one path. */
const slashed = (text: string): string => text.replaceAll(/\\+/gu, "/")

/**
 * Whether each element of the list that `base` asks about is asked about by itself: `same` where each is claimed as `base` has it, to come
 * through or not, and `other` where some are not. A text is a list of one.
 */
export const saidByElements = (
  { expected, relation, subject }: Assertion,
  answers: Answers
): "same" | "other" | undefined => {
  if (relation !== "equal" || answers.size === 0) return undefined
  const sides = /^\[(?:"(?:[^"\\]|\\.)*",?)*\]$/u.test(subject) ? [expected, subject] : [subject, expected]
  const [asked = "", wanted = ""] = sides.map(withoutModules)
  const isKnown = /^\[(?:"(?:[^"\\]|\\.)*",?)*\]$/u.test(wanted)
  const through = new Set(literalsIn(wanted).map(slashed))
  const lists = [...asked.matchAll(list)].map(([whole, inner = ""]) => ({
    whole,
    elements: literalsIn(inner)
  }))
  const [first] = literalsIn(asked)
  const single =
    !isKnown || first === undefined || asked.indexOf(first) !== asked.indexOf('("') + 1
      ? []
      : [{ whole: first, elements: [first] }]
  const answered = [...lists, ...single].flatMap(({ elements, whole }) => {
    const others = literalsIn(asked.replace(whole, ""))
    const isAsked =
      elements.length > 0 &&
      elements.length <= maxElements &&
      elements.every((one) => answers.has(about(asked, [...others, one])))
    if (!isAsked) return []
    const isSame =
      isKnown &&
      [...through].every((one) => elements.some((element) => slashed(element) === one)) &&
      elements.every((one) => answers.get(about(asked, [...others, one])) === through.has(slashed(one)))
    return [isSame]
  })
  return answered.length === 0 ? undefined : answered.includes(true) ? "same" : "other"
}
