/**
 * Everything that a whole run of a check reports as failed: tests by their ids, and the files and packages that could not be run at all.
 * The candidate prints it; it excuses only what the base fails as well.
 */
import { type Failure, plain, type TestRunner } from "./TestRunner.ts"

export interface FailedReport {
  /** Ids of failed tests, and of what failed around them; a file's begins with `file:`. */
  readonly failed: ReadonlySet<string>
  /** How many the runner says that there are. */
  readonly count: number
}

const sum = (text: string, pattern: RegExp): number =>
  [...text.matchAll(pattern)].reduce((total, [, digits]) => total + Number(digits), 0)

const files = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  [...text.matchAll(pattern)].map(([, path = ""]) => `file:${path}`)

/** What else than tests failed, and the runner's own count; undefined where the report is not there whole, or does not say. */
type Summary = (
  text: string,
  failures: ReadonlyArray<Failure>
) =>
  | {
      readonly count: number
      readonly more?: ReadonlyArray<string>
      /** Failures as often as they were printed: a report that names fewer than it counts leaves some out. */
      readonly named?: number
    }
  | undefined

const last = (text: string, pattern: RegExp): string | undefined => [...text.matchAll(pattern)].at(-1)?.[0]

const summaries: Readonly<Record<string, Summary>> = {
  pytest: (text) => {
    const line = last(text, /^(?:=+ )?\d+ (?:passed|failed|skipped|error)[^\n]* in \d[\d.]*s/gmu)
    // Collecting that was interrupted has run nothing.
    if (line === undefined || /^!+ (?:Interrupted|_pytest|stopping)/mu.test(text)) return undefined
    return {
      count: sum(line, /(\d+) (?:failed|errors?)\b/gu),
      named: [...text.matchAll(/^(?:FAILED|ERROR) \S+/gmu)].length
    }
  },
  unittest: (text) => {
    const line = last(text, /^FAILED \([^)\n]*\)$/gmu)
    return line === undefined
      ? undefined
      : {
          count: sum(line, /(?:failures|errors)=(\d+)/gu),
          named: [...text.matchAll(/^(?:FAIL|ERROR): /gmu)].length
        }
  },
  "node --test": (text) =>
    /^[#ℹ] pass \d+$/mu.test(text) ? { count: sum(text, /^[#ℹ] (?:fail|cancelled) (\d+)$/gmu) } : undefined,
  jest: (text) =>
    /^Test Suites: /mu.test(text)
      ? {
          count: sum(text, /^(?:Tests|Test Suites): +(\d+) failed/gmu),
          more: files(text, /^FAIL +(?:\S+ )*?(\S+\.[cm]?[jt]sx?)\b/gmu)
        }
      : undefined,
  vitest: (text) =>
    /^ *Test Files /mu.test(text)
      ? {
          count: sum(text, /^ *(?:Tests|Test Files) +(\d+) failed/gmu),
          more: files(text, /^ *FAIL +(?:\|[^|]*\| )?(\S+\.[cm]?[jt]sx?)\b/gmu)
        }
      : undefined,
  "go test": (text, failures) => {
    // The rest of a package does not run after a panic.
    if (/^panic: /mu.test(text) || !/^(?:ok|FAIL|---|\?) /mu.test(text.replaceAll("\t", " ")))
      return undefined
    const named = new Set(failures.map(({ place }) => place))
    const packages = [...text.matchAll(/^FAIL\t(\S+)/gmu)].flatMap(([, name = ""]) =>
      named.has(name) ? [] : [`file:${name}`]
    )
    return { count: failures.length + packages.length, more: packages }
  }
}

/** Undefined where the runner's report cannot be trusted to name everything. */
export const failedIn = (runner: TestRunner, output: string): FailedReport | undefined => {
  const text = plain(output)
  const failures = runner.failures(output)
  const summary = summaries[runner.name]?.(text, failures)
  if (summary === undefined) return undefined
  const { count, more = [], named } = summary
  const failed = new Set([...failures.map(idOf), ...more.map(located)])
  return failed.size === 0 || (named !== undefined && named < count) ? undefined : { failed, count }
}

/** The same for the same test wherever its repository lies. */
export const idOf = ({ id, place }: Failure): string =>
  place === undefined || id.includes(place) ? located(id) : `${place} ${id}`

/** Some runners name a file that could not be loaded by its absolute path: without the folder, which is the gate's (`room.ts`). */
export const located = (name: string): string => name.replace(/^(file:)?\/.*\/repository\//u, "$1")

/** Whether all that failed at the commit fails on the base too; undefined where the reports do not tell. */
export const isWithin = (
  commit: FailedReport | undefined,
  base: FailedReport | undefined,
  isTouched: (id: string) => boolean
): boolean | undefined => {
  if (commit === undefined || base === undefined) return undefined
  const added = [...commit.failed].filter((id) => !base.failed.has(id) || isTouched(id))
  if (added.length === 0) return commit.count <= base.count
  // A file that the change touched may fail by an old test of it.
  return added.every((id) => id.startsWith("file:") && base.failed.has(id)) ? undefined : false
}
