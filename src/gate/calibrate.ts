/** What a gate would have said of commits that people merged: alarms by rule, their share, and what that means for the policy. */
import type { GateCheck } from "../../schema/Result.ts"
import type { GateVerdict } from "./envelope.ts"
import { type Finding, type Policy, weightOf } from "./finding.ts"

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Wilson's interval of a share: between these is the true one, 95 times in 100. Nothing was counted: anything may be true. */
export const wilson = (count: number, total: number, z = 1.959964): Interval => {
  if (total === 0) return { low: 0, high: 1 }
  const share = count / total
  const divisor = 1 + z ** 2 / total
  const centre = (share + z ** 2 / (2 * total)) / divisor
  const half = (z / divisor) * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2))
  // At both ends the formula leaves rounding errors.
  return {
    low: count === 0 ? 0 : Math.max(0, centre - half),
    high: count === total ? 1 : Math.min(1, centre + half)
  }
}

/** One commit of the past, and what the static half says of it. */
export interface Examined {
  readonly commit: string
  /** First line of its message. */
  readonly subject: string
  readonly findings: ReadonlyArray<Finding>
  readonly documents: ReadonlyArray<GateCheck>
  readonly seconds: number
}

/** The judge's own looks at documents fail as checks do, and no policy changes that. */
export const documentsRule = "documents"

/** One kind of alarm: commits of which the rule says something that is no note. */
export interface RuleTally extends Interval {
  readonly rule: string
  /** The policy's word: `fail`, `ask` or `warn`. */
  readonly answer: string
  readonly commits: ReadonlyArray<string>
  /** The first alarm of each of those commits, in the same order: its weight, where, and what. */
  readonly examples: ReadonlyArray<string>
  readonly share: number
  /** How many of those commits it refuses: the others it warns of, or asks about. */
  readonly refused: number
}

export interface Tally {
  readonly total: number
  /** Rules with an alarm first, the most frequent of them at the top. */
  readonly rules: ReadonlyArray<RuleTally>
  /** Commits by the worst that is said of them. */
  readonly refused: number
  readonly asked: number
  readonly warned: number
  readonly refusedInterval: Interval
  readonly medianSeconds: number
  readonly mostSeconds: number
}

interface Alarm {
  readonly rule: string
  readonly answer: string
  readonly text: string
}

const alarmsOf = ({ documents, findings }: Examined, policy: Policy): ReadonlyArray<Alarm> => [
  ...findings.flatMap((finding): ReadonlyArray<Alarm> => {
    const { file, line, message, rule, test } = finding
    const place = `${file}${line === undefined ? "" : `:${line}`}${test === undefined ? "" : ` ${test}`}`
    const answer = weightOf(finding, { policy })
    return answer === "note" ? [] : [{ rule, answer, text: `${place}: ${message}` }]
  }),
  ...documents.flatMap(({ exitCode, message, name }): ReadonlyArray<Alarm> =>
    exitCode === 0 || exitCode === undefined
      ? []
      : [{ rule: documentsRule, answer: "fail", text: message ?? name }]
  )
]

const weights: { readonly [answer: string]: number } = { fail: 3, ask: 2, warn: 1 }

/** The middle one of a list, or the mean of the two; 0 for an empty one. */
export const median = (values: ReadonlyArray<number>): number => {
  const inOrder = values.toSorted((a, b) => a - b)
  const half = inOrder.length / 2
  const low = inOrder[Math.ceil(half) - 1] ?? 0
  return (low + (inOrder[Math.floor(half)] ?? low)) / 2
}

/** `policy` is the one that is calibrated, the same for all commits. */
export const tally = (commits: ReadonlyArray<Examined>, policy: Policy): Tally => {
  const total = commits.length
  const empty = (answer: string) => ({
    answer,
    commits: new Array<string>(),
    examples: new Array<string>(),
    refused: 0
  })
  const byRule = new Map(Object.entries(policy).map(([rule, answer]) => [rule, empty(answer)]))
  const worst = [0, 0, 0, 0]
  for (const each of commits) {
    const alarms = alarmsOf(each, policy)
    const heaviest = Math.max(0, ...alarms.map(({ answer }) => weights[answer] ?? 3))
    worst[heaviest] = (worst[heaviest] ?? 0) + 1
    const refusing = new Set(alarms.flatMap(({ answer, rule }) => (answer === "fail" ? [rule] : [])))
    for (const { answer, rule, text } of alarms) {
      const entry = byRule.get(rule) ?? empty(answer)
      byRule.set(rule, entry)
      if (entry.commits.at(-1) === each.commit) continue
      entry.commits.push(each.commit)
      entry.examples.push(`${answer}  ${text}`)
      if (refusing.has(rule)) entry.refused++
    }
  }
  const rules = [...byRule].map(([rule, entry]): RuleTally => ({
    rule,
    ...entry,
    share: total === 0 ? 0 : entry.commits.length / total,
    ...wilson(entry.commits.length, total)
  }))
  const [, warned = 0, asked = 0, refused = 0] = worst
  const seconds = commits.map((each) => each.seconds)
  return {
    total,
    rules: rules.toSorted((a, b) => b.commits.length - a.commits.length),
    refused,
    asked,
    warned,
    refusedInterval: wilson(refused, total),
    medianSeconds: median(seconds),
    mostSeconds: Math.max(0, ...seconds)
  }
}

export interface Advice {
  readonly rule: string
  /** What to write behind it in `.foreman/gate.yaml`. */
  readonly answer: "fail" | "warn"
  readonly why: string
}

/** A rule that refuses more than this share of what people merged is switched off by them sooner or later. */
const bearable = 0.01
/** A rule that the static half cannot judge says nothing by its silence. */
const needRuns = new Set(["hollow", "dirty", "flaky", "unproved", "unexamined"])

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const range = ({ high, low }: Interval): string => `95 %: ${percent(low)} to ${percent(high)}`

/**
 * Lines for the policy. `warn` where a rule surely refuses more than 1 % of what was merged; `fail` where a rule that only warns would
 * have refused, as far as such a number can tell, less than 2 %. Where the numbers leave it open, nothing.
 */
export const advise = ({ rules, total }: Tally): ReadonlyArray<Advice> =>
  rules.flatMap((each): ReadonlyArray<Advice> => {
    const { answer, commits, refused, rule } = each
    if (rule === documentsRule) return []
    const refusal = wilson(refused, total)
    if (answer === "fail" && refused > 1 && refusal.low > bearable) {
      const why = `says no to ${refused} of ${total} (${range(refusal)}) that were merged all the same`
      return [{ rule, answer: "warn", why }]
    }
    return answer === "warn" && each.high < 2 * bearable && !needRuns.has(rule)
      ? [
          {
            rule,
            answer: "fail",
            why: `would have said no to ${commits.length} of ${total} (${range(each)})`
          }
        ]
      : []
  })

/** One whole gate of the past. */
export interface Run {
  readonly commit: string
  readonly subject: string
  readonly verdict: GateVerdict
  readonly reason?: string | undefined
  readonly message: string
  readonly seconds: number
}

/** `count` of them, spread evenly from the first to the last. */
export const spread = <A>(all: ReadonlyArray<A>, count: number): ReadonlyArray<A> =>
  Array.from({ length: Math.min(count, all.length) }, (_, index) => {
    const at = Math.floor(((index + 0.5) * all.length) / Math.min(count, all.length))
    return all.slice(at, at + 1)
  }).flat()

export interface Calibration {
  readonly repository: string
  /** The commit whose policy was calibrated, and from which the past was followed. */
  readonly head: string
  readonly tally: Tally
  readonly advice: ReadonlyArray<Advice>
  readonly runs: ReadonlyArray<Run>
  /** Commits that could not be read: their own message. They count nowhere. */
  readonly unreadable: ReadonlyArray<{ readonly commit: string; readonly message: string }>
  /** Wall time of the static half of all. */
  readonly seconds: number
}
