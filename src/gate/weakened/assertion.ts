/** What a test holds to be true, the same in every language, and which of two such claims says less. */
import { constancy, isConstant, isNamed, isValue, wildcardsIn } from "./expression.ts"

export type Relation =
  /** Is exactly this. */
  | "equal"
  /** Fails with this. */
  | "raises"
  /** Is this, give or take `tolerance`; or is what a stored snapshot says. */
  | "near"
  /** Said in words that we do not read: a matcher of their own, a helper that the change does not show. */
  | "opaque"
  | "contains"
  | "matches"
  | "compares"
  | "type"
  | "notEqual"
  | "present"
  | "truthy"
  | "falsy"
  | "succeeds"
  /** Holds whatever the code does. */
  | "vacuous"

export interface Assertion {
  readonly relation: Relation
  readonly subject: string
  readonly expected: string
  /** Of `near`: the largest difference that passes. Undefined where it is no number. */
  readonly tolerance?: number | undefined
  /** The same in fewer words, where the language has them: `not x` of Python's `len(x) == 0`. */
  readonly short?: Assertion | undefined
  readonly line: number
}

const strength: Readonly<Record<Relation, number>> = {
  equal: 4,
  raises: 4,
  near: 3,
  opaque: 3,
  contains: 2,
  matches: 2,
  compares: 2,
  type: 2,
  notEqual: 1,
  present: 1,
  truthy: 1,
  falsy: 1,
  succeeds: 1,
  vacuous: 0
}

export const isAtLeastAsStrong = (one: Assertion, other: Assertion): boolean =>
  strength[one.relation] >= strength[other.relation]

export const keyOf = ({ relation, subject, expected, tolerance, short }: Assertion): string =>
  short === undefined ? JSON.stringify([relation, subject, expected, tolerance ?? null]) : keyOf(short)

/** A claim with its sides in order: what is asked, then what is expected of it. */
export const claim = (
  relation: Relation,
  line: number,
  one: string,
  other = "",
  tolerance?: number
): Assertion => {
  const isSymmetric = relation === "equal" || relation === "notEqual" || relation === "near"
  // True of most things, and yet what a test of `__eq__` says.
  if (isSymmetric && one === other)
    return { relation: "truthy", subject: `${one} ${relation} itself`, expected: "", line }
  const difference = constancy(one) - constancy(other)
  const isTurned = isSymmetric && (difference > 0 || (difference === 0 && one > other))
  const [subject, expected] = isTurned ? [other, one] : [one, other]
  if (relation === "equal" && isConstant(subject)) {
    return { relation: "vacuous", subject, expected, line }
  }
  return { relation, subject, expected, ...(relation === "near" && { tolerance }), line }
}

/** That something holds which is a value already. */
export const isAlwaysTrue = (text: string): boolean =>
  isConstant(text) && !/^(?:false|nil|0|""|\[\]|\{\}|\(\))$/u.test(text)

export type Loss =
  | { readonly kind: "looser"; readonly how: string }
  | { readonly kind: "bent"; readonly how: string }
  /** Another name, of which only the issue can tell whether it means another value. */
  | { readonly kind: "renamed"; readonly how: string }

/** What is lost when `head` stands where `base` stood and both speak of the same subject; undefined when nothing is. */
export const loss = (base: Assertion, head: Assertion): Loss | undefined => {
  if (isOpposite(base, head)) return bent(base, head)
  if (!isAtLeastAsStrong(head, base)) {
    return isSameInEffect(base, head) ? undefined : looser(base, head)
  }
  if (base.relation !== head.relation) return undefined
  switch (base.relation) {
    case "near":
      if ((head.tolerance ?? 0) > (base.tolerance ?? Number.POSITIVE_INFINITY)) return looser(base, head)
      return base.expected === head.expected ? undefined : bent(base, head)
    case "raises":
      return raisesLess(base, head)
    case "compares":
      return boundLoss(base, head)
    case "equal":
    case "contains":
    case "matches":
    case "type":
      return base.subject.startsWith("calls(") ? callLoss(base, head) : expectedLoss(base, head)
    default:
      return undefined
  }
}

/** A named value may be the same one; only what can be read is held against the change. */
const expectedLoss = (base: Assertion, head: Assertion): Loss | undefined => {
  if (base.expected === head.expected) return undefined
  // What a table has under a name: each row is a claim of its own, where it can be read.
  if (/^(?:[{[].*[\]}])\[[^[\]]+\]$/su.test(head.expected)) return undefined
  const more = wildcardsIn(head.expected) - wildcardsIn(base.expected)
  if (more !== 0) return more > 0 ? looser(base, head) : undefined
  const areBoth = (is: (text: string) => boolean) => is(base.expected) && is(head.expected)
  if (areBoth(isValue)) return bent(base, head)
  const isSameName = unqualified(base.expected) === unqualified(head.expected)
  return areBoth(isNamed) && !isSameName ? { ...bent(base, head), kind: "renamed" } : undefined
}

/** `expected` is how often, `(…)` for what one call was given, or `[(…)]` for what the only call was. */
const callLoss = (base: Assertion, head: Assertion): Loss | undefined => {
  const [was, is] = [base, head].map(({ expected }) => expected.replace(/^\[(.*)\]$/su, "$1"))
  const [wasGiven, isGiven] = [was, is].map((text) => text?.startsWith("("))
  if (was === is) return undefined
  if (wasGiven === isGiven) return expectedLoss(base, head)
  if (was === "0" || is === "0") return bent(base, head)
  return isGiven === true ? undefined : looser(base, head)
}

const opposites: ReadonlyArray<readonly [Relation, Relation]> = [
  ["truthy", "falsy"],
  ["raises", "succeeds"],
  ["raises", "equal"],
  ["equal", "notEqual"]
]

const isOpposite = (base: Assertion, head: Assertion): boolean => {
  const isPair = opposites.some(
    ([one, other]) =>
      (base.relation === one && head.relation === other) || (base.relation === other && head.relation === one)
  )
  if (base.relation === "equal" && head.relation === "notEqual") return base.expected === head.expected
  if (base.relation === "notEqual" && head.relation === "equal") return base.expected === head.expected
  const isNil = (one: Assertion, other: Assertion) =>
    one.relation === "present" && other.relation === "equal" && other.expected === "nil"
  return isPair || isNil(base, head) || isNil(head, base)
}

/** `== []` and `not x`, `== 0` and `!x` are the same to whoever writes them. */
const isSameInEffect = (base: Assertion, head: Assertion): boolean =>
  head.relation === "falsy" && /^(?:nil|0|""|\[\]|\{\}|\(\))$/u.test(base.expected)

const broad = new Set(["", "Exception", "BaseException", "Error", "Throwable", "RuntimeException"])

const raisesLess = (base: Assertion, head: Assertion): Loss | undefined => {
  const [type = "", text = ""] = base.expected.split(" ~ ")
  const [newType = "", newText = ""] = head.expected.split(" ~ ")
  if (unqualified(type) !== unqualified(newType)) {
    if (broad.has(type) && !broad.has(newType)) return undefined
    return broad.has(newType) || newType.startsWith(`(${type},`) || newType.includes(`,${type}`)
      ? looser(base, head)
      : bent(base, head)
  }
  if (text === newText || text === "") return undefined
  return newText === "" ? looser(base, head) : bent(base, head)
}

/** `errors.Empty` and `Empty` are one, however it is imported. */
const unqualified = (name: string): string => name.replace(/^(?:\w+(?:\.|::))+/u, "")

/** `expected` is an operator and a bound: `<5`. */
const boundLoss = (base: Assertion, head: Assertion): Loss | undefined => {
  if (base.expected === head.expected) return undefined
  const [operator, bound] = bounds(base.expected)
  const [newOperator, newBound] = bounds(head.expected)
  if (operator[0] !== newOperator[0]) return bent(base, head)
  if (Number.isNaN(bound) || Number.isNaN(newBound)) return undefined
  const isUpper = operator.startsWith("<")
  if (bound === newBound) return operator.length < newOperator.length ? looser(base, head) : undefined
  return isUpper === newBound > bound ? looser(base, head) : undefined
}

const bounds = (text: string): readonly [string, number] => {
  const [, operator = "", bound = ""] = /^([<>]=?)(.*)$/su.exec(text) ?? []
  return [operator, bound === "" ? Number.NaN : Number(bound)]
}

const looser = (base: Assertion, head: Assertion): Loss => ({
  kind: "looser",
  how: `${say(base)} became ${say(head)}`
})

const bent = (base: Assertion, head: Assertion): Loss => ({
  kind: "bent",
  how: `${say(base)} became ${say(head)}`
})

const short = (text: string): string => {
  const line = text.replaceAll(/\s+/gu, " ")
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`
}

/** For a person. */
export const say = ({ relation, subject, expected, tolerance }: Assertion): string => {
  const asked = short(subject)
  const wanted = short(expected)
  switch (relation) {
    case "equal":
      return `\`${asked} == ${wanted}\``
    case "notEqual":
      return `\`${asked} != ${wanted}\``
    case "near":
      return tolerance === undefined
        ? `\`${asked}\` is what was stored`
        : `\`${asked}\` is within ${tolerance} of ${wanted}`
    case "raises":
      return `\`${asked}\` fails${wanted === "" ? "" : ` with ${wanted}`}`
    case "succeeds":
      return `\`${asked}\` does not fail`
    case "compares":
      return `\`${asked} ${wanted}\``
    case "present":
      return `\`${asked}\` is there`
    case "truthy":
      return `\`${asked}\` holds`
    case "falsy":
      return `\`${asked}\` does not hold`
    case "vacuous":
      return "something that always holds"
    case "opaque":
      return `\`${asked}\``
    default:
      return `\`${asked}\` ${relation === "type" ? "has type" : relation} ${wanted}`
  }
}
