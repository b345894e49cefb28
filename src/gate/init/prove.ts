/** What the runs on the base come to: which checks the gate file gets, and why the others are left out. */
import { type Check } from "../checks.ts"
import { type Recipes, runnerOf } from "../testRunner.ts"
import { isSetup, latestOf, type Tried } from "./propose.ts"

export interface Proof {
  readonly commit: string
  readonly kept: ReadonlyArray<Kept>
  readonly leftOut: ReadonlyArray<LeftOut>
  /** Paths that the checks changed or left, which git does not ignore. */
  readonly dirty: ReadonlyArray<string>
}

export interface Kept {
  readonly check: Check
  readonly seconds: number
  /** What a person should know of it, in a sentence. */
  readonly note?: string
}

export interface LeftOut {
  readonly check: Check
  readonly why: string
  /** The last lines that it printed. */
  readonly logTail: string
}

/** Ports and words by which a program says that it waits for a service. */
const services: ReadonlyArray<readonly [RegExp, string]> = [
  [/:5432\b|\bpsycopg\w*\.OperationalError|\bpostgres(?:ql)?\b.*(?:refused|connect)/iu, "PostgreSQL"],
  [/:3306\b|\bmysql\b.*(?:refused|connect)/iu, "MySQL"],
  [/:6379\b|\bredis\b.*(?:refused|connect)/iu, "Redis"],
  [/:27017\b|\bmongo\w*\b.*(?:refused|connect|timed out)/iu, "MongoDB"],
  [/:5672\b|\bamqp\b.*refused/iu, "RabbitMQ"],
  [/:9092\b/u, "Kafka"],
  [/docker daemon|docker\.sock|testcontainers/iu, "Docker"]
]

const lastLine = (text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .findLast((line) => line.trim() !== "")
    ?.trim()
    .slice(0, 200) ?? ""

const maxTailLines = 15

/** Why a check is left out, in a sentence. */
const reasonOf = ({ result }: Tried): string => {
  const { exitCode, limit, logTail = "" } = result
  if (limit !== undefined) return `runs into a limit on the base: ${limit}`
  const service = services.find(([form]) => form.test(logTail))?.[1]
  if (service !== undefined && exitCode !== 0) {
    return `needs a service that is not here, by its words ${service}: name it under services, or leave out those tests`
  }
  if (exitCode === 127 || exitCode === 126)
    return `cannot start here: ${lastLine(logTail) || "a program is missing"}`
  return `exits ${exitCode} on the base: ${lastLine(logTail) || "it printed nothing"}`
}

/** Several rounds of tries; the last result of each check counts. Without its set-up a check proves nothing. */
export const prove = (
  commit: string,
  tried: ReadonlyArray<Tried>,
  recipes: Recipes,
  dirty: ReadonlyArray<string>
): Proof => {
  const latest = latestOf(tried)
  const firstFailures = (name: string) => tried.find(({ check }) => check.name === name)?.result
  const kept: Array<Kept> = []
  const leftOut: Array<LeftOut> = []
  for (const each of latest) {
    const { check, result } = each
    const failures = runnerOf(check, recipes)?.failures(result.logTail ?? "") ?? []
    const isGreen = result.exitCode === 0 && result.limit === undefined
    if (isGreen) {
      const before = firstFailures(check.name)
      const isReduced = before !== undefined && before !== result && before.exitCode !== 0 && !isSetup(check)
      kept.push({
        check,
        seconds: result.seconds,
        ...(isReduced && {
          note: "Without the tests that fail on the base: put them back when they are mended."
        })
      })
    } else if (result.limit === undefined && failures.length > 0 && failures.length <= 50) {
      kept.push({
        check,
        seconds: result.seconds,
        note: `Fails on the base in ${failures.length} test(s), which are not held against a change: ${failures
          .slice(0, 3)
          .map(({ name }) => name)
          .join(", ")}${failures.length > 3 ? ", …" : ""}`.slice(0, 300)
      })
    } else {
      const logTail = (result.logTail ?? "").trimEnd().split("\n").slice(-maxTailLines).join("\n")
      leftOut.push({ check, why: reasonOf(each), logTail })
    }
  }
  return { commit, kept, leftOut, dirty }
}
