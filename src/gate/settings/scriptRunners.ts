/** Settings of Vitest, Jest, Mocha, AVA, Playwright and their kind: which files they take, how often a test may try, what stands in for a module. */
import type { ChangedFile } from "../change.ts"
import { matcher } from "../coverage.ts"
import { isTestPath } from "../files.ts"
import type { Finding } from "../finding.ts"
import { folderOf, nameOf, say, settingsAt, type Sides, some } from "./sides.ts"
import { at, isTable, leaves, listOf, type Value } from "./value.ts"

const configNames =
  /^(?:(?:vitest|vite|jest|playwright|karma|ava|cypress|jasmine|wdio)(?:\.[\w-]+)*\.(?:[cm]?[jt]s|json)|vitest\.workspace\.\w+|\.mocharc\.\w+|\.taprc|web-test-runner\.config\.\w+)$/u
export const isRunnerFile = (path: string): boolean => configNames.test(nameOf(path))

/** Keys of package.json that hold such settings. */
const ownKeys = ["jest", "ava", "mocha", "tap", "vitest", "xo"] as const

/** Which key holds the settings of the tests: Vite's file has them under `test`. */
const testsOf = (name: string, settings: Value | undefined): Value | undefined => {
  if (settings === undefined) return undefined
  if (name === "package.json")
    return Object.fromEntries(
      ownKeys.flatMap((key) => {
        const value = at(settings, key)
        return value === undefined || key === "xo" ? [] : [[key, value]]
      })
    )
  return /^vite(?:st)?\./u.test(name)
    ? { test: at(settings, "test") ?? {}, resolve: at(settings, "resolve") ?? {} }
    : settings
}

const flat = (settings: Value | undefined): ReadonlyMap<string, Value> =>
  new Map(leaves(settings ?? {}).map(([path, value]) => [path.join("."), value]))

/** Globs of files to take, and of files to leave. */
const takes = /(?:^|\.)(?:include|testMatch|spec|files|testDir)$/u
const leavesOut = /(?:^|\.)(?:exclude|testIgnore|ignore|testPathIgnorePatterns|modulePathIgnorePatterns)$/u
const isRegular = /PathIgnorePatterns$/u
/** Of coverage, of types, of what to watch or to transform: not of tests. */
const beside =
  /(?:^|\.)(?:coverage|typecheck|watch\w*|transform\w*|forceRerunTriggers|deps|server|benchmark|optimizer)\./u

/** A pattern is the candidate's: one with groups that repeat could keep the matcher busy for hours. */
const isSimple = (pattern: string): boolean =>
  pattern.length <= 300 &&
  !/[)\]}*+?][*+{]|[@+*?!]\(.*[@+*?!]\(/u.test(pattern.replaceAll(/\*\*\/?|\.\*/gu, ""))

/** One answer for a file: what matches a glob anywhere below, or a regular expression as Jest writes it. */
const matches = (key: string, values: ReadonlyArray<string>): ((path: string) => boolean) => {
  if (isRegular.test(key)) {
    const forms = values.filter(isSimple).flatMap((value) => {
      try {
        return [
          new RegExp(
            value.replaceAll(/<rootDir>\/?|\\\\/gu, (found) => (found === "\\\\" ? "\\" : "")),
            "u"
          )
        ]
      } catch {
        return []
      }
    })
    return (path) => forms.some((form) => form.test(`/${path}`) || form.test(path))
  }
  const globs = values.filter(isSimple).flatMap((value) => {
    const glob = value.replaceAll(/^(?:<rootDir>|\.)?\//gu, "").replace(/\/$/u, "")
    return [glob, `${glob}/**`]
  })
  return globs.length === 0 ? () => false : matcher(globs)
}

/** Tests of base and commit that the settings of the commit leave out and those of the base did not. */
const lostFiles = (
  sides: Sides,
  folder: string,
  key: string,
  before: Value | undefined,
  after: Value | undefined
): ReadonlyArray<string> => {
  const [was, is] = [listOf(before), listOf(after)]
  const kept = new Set(sides.commitFiles)
  const files = sides.baseFiles.filter(
    (path) => path.startsWith(folder) && isTestPath(path) && kept.has(path) && /\.[cm]?[jt]sx?$/u.test(path)
  )
  const [wasIn, isIn] = [was, is].map((values) =>
    matches(
      key,
      values.filter((value) => !value.startsWith("!"))
    )
  )
  const [wasNot, isNot] = [was, is].map((values) =>
    matches(
      key,
      values.flatMap((value) => (value.startsWith("!") ? [value.slice(1)] : []))
    )
  )
  return files.filter((path) => {
    const local = path.slice(folder.length)
    if (leavesOut.test(key)) return isIn?.(local) === true && wasIn?.(local) !== true
    const wasTaken =
      (before === undefined
        ? nameOf(local) !== local || /[.-](?:test|spec)\./u.test(local)
        : wasIn?.(local)) === true && wasNot?.(local) !== true
    // Without the key a runner takes what it knows by name.
    const isTaken =
      after === undefined
        ? /(?:^|[./-])(?:test|spec)\.[cm]?[jt]sx?$|(?:^|\/)__tests__\//u.test(local)
        : isIn?.(local) === true
    return (
      wasTaken &&
      (!isTaken || isNot?.(local) === true) &&
      /[.-](?:test|spec)\.|(?:^|\/)(?:tests?|__tests__)(?:\/|\.)/u.test(local) &&
      before !== undefined
    )
  })
}

const isOn = (value: Value | undefined): boolean => value === true || value === "true"
const retries = /(?:^|\.)(?:retry|retries|flakeAttempts)(?:\.count|\.runMode)?$/u
const selects = /(?:^|\.)(?:testNamePattern|grep|fgrep|invert|grepInvert|onlyChanged|shard)$/u
const lets =
  /(?:^|\.)(?:passWithNoTests|allowOnly|dangerouslyIgnoreUnhandledErrors|failZero|allowUncaught|pass-with-no-tests)$/u
const runs = /(?:^|\.)(?:runner|testRunner|pool|environment|testEnvironment|reporters?|globalSetup|preset)$/u
const maps = /(?:^|\.)(?:moduleNameMapper|alias)(?:\.|$)/u
const isFake = /(?:^|[/._-])(?:__)?(?:mock|fake|stub|dummy|noop|shim)s?(?:__)?(?:[/._-]|$)/iu
const libraries = /^[\^]?(?:node:)?(?:assert|chai|expect|vitest|@jest\/|@vitest\/|should|sinon|tap)\b/u

const keyFinding = (
  sides: Sides,
  file: ChangedFile,
  key: string,
  before: Value | undefined,
  after: Value | undefined
): ReadonlyArray<Finding> => {
  const word = key.split(".").at(-1)
  const said = `${key} = ${JSON.stringify(after)}`.slice(0, 120)
  if (beside.test(`${key}.`) && !/thresholds?/iu.test(key)) return []
  if (leavesOut.test(key) || takes.test(key)) {
    const unread = listOf(after).find((pattern) => !isSimple(pattern))
    if (unread !== undefined && !listOf(before).includes(unread))
      return [say(file, "ask", `${key} has ${unread.slice(0, 80)}, which the gate does not read`, word)]
    const lost = lostFiles(sides, folderOf(file.path), key, before, after)
    return lost.length === 0 ? [] : [say(file, "fail", `${key} leaves out ${some(lost)}`, word)]
  }
  if (after === undefined) return []
  if (retries.test(key))
    return Number(after) > Number(before ?? 0)
      ? [say(file, "ask", `${said}: a test that fails is tried again`, word)]
      : []
  if (selects.test(key))
    return after === "" || after === false ? [] : [say(file, "ask", `${said}: tests are selected`, word)]
  if (lets.test(key))
    return isOn(after) && !isOn(before)
      ? [say(file, "ask", `${said}: a run may pass that did not`, word)]
      : []
  if (maps.test(key)) {
    const target = typeof after === "string" ? after : JSON.stringify(after)
    const name = key.split(/moduleNameMapper\.|alias\./u)[1] ?? ""
    return isFake.test(target) || libraries.test(name) || libraries.test(target)
      ? [
          say(
            file,
            /\\?\.(?:css|s[ac]ss|less|svg|png|jpe?g|gif|woff2?|md)/u.test(name) ? "note" : "ask",
            `${said}: it stands in for the real module`,
            word
          )
        ]
      : []
  }
  if (runs.test(key))
    return typeof after === "string" && /^(?:\.|<rootDir>)/u.test(after)
      ? [say(file, "ask", `${said}: the repository's own file runs or reports the tests`, word)]
      : []
  return []
}

/** Thresholds of coverage, wherever they are: `thresholds.lines`, `coverageThreshold.global.branches`, `check-coverage`. */
const isThreshold = (key: string): boolean =>
  /threshold/iu.test(key) && /(?:lines|branches|functions|statements|perFile|100)$/u.test(key)

export const scriptRunnerFindings = (sides: Sides): ReadonlyArray<Finding> =>
  sides.change.files.flatMap((file): ReadonlyArray<Finding> => {
    const name = nameOf(file.path)
    if (!isRunnerFile(name) && name !== "package.json") return []
    if (file.status === "deleted") return []
    const [was, is] = settingsAt(sides, file.oldPath === undefined ? file.path : file.path)
    const [before, after] = [flat(testsOf(name, was)), flat(testsOf(name, is))]
    if (is === undefined || !isTable(is)) return []
    const keys = new Set([...before.keys(), ...after.keys()])
    return [...keys].flatMap((key): ReadonlyArray<Finding> => {
      const [old, now] = [before.get(key), after.get(key)]
      if (JSON.stringify(old) === JSON.stringify(now)) return []
      if (isThreshold(key)) {
        const isLower = typeof old === "number" && (now === undefined ? after.size > 0 : Number(now) < old)
        return isLower
          ? [
              say(
                file,
                "ask",
                `${key} is ${now === undefined ? "gone" : String(now)} where it was ${old}`,
                key.split(".").at(-1)
              )
            ]
          : []
      }
      return keyFinding(sides, file, key, old, now)
    })
  })
