/** What `foreman gate init` tries on the base, and what it tries next when that did not pass. */
import type { GateCheck } from "../../../schema/Result.ts"
import { type Check, defaultChecks } from "../checks.ts"
import { checksOfFiles } from "../discover/discover.ts"
import type { BaseFiles, HasProgram } from "../discover/Project.ts"
import { isTestCheck, type Recipes, runnerOf } from "../testRunner.ts"

/** A repository as its default branch has it. */
export interface Ground extends BaseFiles {
  /** Targets that its makefile declares. */
  readonly declared: ReadonlySet<string>
  readonly recipes: Recipes
  readonly hasProgram: HasProgram
}

/** A check that was run on the base. */
export interface Tried {
  readonly check: Check
  readonly result: GateCheck
}

export const isSetup = ({ role }: Pick<Check, "role">): boolean => role === "setup"

const hasPassed = ({ result }: Tried): boolean => result.exitCode === 0 && result.limit === undefined

/** The project's own make targets where it declares some of the suite, else what its files call for. */
export const propose = (ground: Ground): ReadonlyArray<Check> => {
  const found = checksOfFiles(ground, ground.hasProgram)
  const made = defaultChecks(ground.declared)
  // A recipe of make finds no virtual environment that it does not name.
  const setup = found.filter((check) => isSetup(check) && !check.command.includes(".venv"))
  return made.length > 0 ? [...setup, ...made] : found
}

/**
 * What to try after `tried`: a set-up that asks for less, the tests without those that the base fails, what the files call for where the
 * make targets prove no tests. Undefined where nothing is left to try. Every round begins with set-up: its folder is a fresh one.
 */
export const revise = (ground: Ground, tried: ReadonlyArray<Tried>): ReadonlyArray<Check> | undefined => {
  const latest = latestOf(tried)
  const setups = latest.filter(({ check }) => isSetup(check))
  const easier = setups.map((each) => (hasPassed(each) ? undefined : fallback(each.check)))
  if (easier.some((check) => check !== undefined)) {
    return latest.map(({ check }) => {
      const index = setups.findIndex((each) => each.check === check)
      return (index < 0 ? undefined : easier[index]) ?? check
    })
  }
  if (setups.some((each) => !hasPassed(each))) return undefined
  const first = setups.map(({ check }) => check)
  const without = latest.flatMap((each) => withoutFailures(ground, each))
  if (without.length > 0) return [...first, ...without]
  const isTested = latest.some((each) => isTestCheck(each.check) && hasPassed(each))
  if (isTested || defaultChecks(ground.declared).length === 0) return undefined
  const proved = new Set(latest.filter(hasPassed).map(({ check }) => check.role))
  const others = checksOfFiles(ground, ground.hasProgram).filter(
    (check) =>
      (isSetup(check) || !proved.has(check.role)) && !tried.some((each) => each.check.name === check.name)
  )
  return others.some(isTestCheck) ? [...first, ...others] : undefined
}

/** The last result of each name. */
export const latestOf = (tried: ReadonlyArray<Tried>): ReadonlyArray<Tried> => [
  ...new Map(tried.map((each) => [each.check.name, each])).values()
]

/** The same set-up asking for less than a lock file or all extras; undefined where it asks for the least already. */
const fallback = (check: Check): Check | undefined => {
  const command = check.command
    .replace(/\bnpm ci\b/u, "npm install --no-package-lock")
    .replace(/ --(?:frozen-lockfile|immutable|locked|frozen)\b/u, "")
    .replace(/ install (?=-q )(-q )(?:-e '?\.\[[^\]]+\]'?)/u, " install $1-e . pytest")
  return command === check.command ? undefined : { ...check, command }
}

const maxLeftOut = 20

/** A check of pytest that fails in some tests by name: the same without them. Other runners cannot leave out a test and still be asked for one file. */
const withoutFailures = ({ recipes }: Ground, tried: Tried): ReadonlyArray<Check> => {
  const { check, result } = tried
  if (hasPassed(tried) || result.limit !== undefined || !isTestCheck(check)) return []
  const runner = runnerOf(check, recipes)
  const failures = runner?.failures(result.logTail ?? "") ?? []
  if (runner?.name !== "pytest" || failures.length === 0 || failures.length > maxLeftOut) return []
  // A file that cannot be loaded is left out whole.
  const command = check.command.includes("--deselect")
    ? undefined
    : `${check.command} ${failures.map(({ id }) => `--deselect '${id.replace(/\[[^\]]*\]$/u, "").replaceAll("'", "")}'`).join(" ")}`
  return command === undefined ? [] : [{ ...check, command }]
}
