/**
 * JUnit and its relatives (TestNG, Kotest, Spock) by Maven and by Gradle. Both write what became of each test into files of one form, which a
 * narrowed command prints: what they say on their own is a summary.
 */
import { type Invocation, render } from "./invocation.ts"
import {
  distinct,
  type Failure,
  plain,
  type Recognise,
  type TestFile,
  type TestOutcome,
  within
} from "./TestRunner.ts"

interface Place {
  /** Folder of the module, without a slash at its end; "" for that of the command. */
  readonly module: string
  readonly className: string
}

const placeOf = (folder: string, path: string): Place | undefined => {
  const inside = within(folder, path) ?? ""
  const found =
    /^(?:(.+)\/)?src\/\w*[tT]est\/(?:java|kotlin|groovy)\/(?:.*\/)?(\w+)\.(?:java|kt|groovy)$/u.exec(inside)
  return found === null ? undefined : { module: found[1] ?? "", className: found[2] ?? "" }
}

/** The names that Surefire and most Gradle builds look for. */
const isUsual = (className: string): boolean => /^Test[A-Z0-9]|(?:Tests?|TestCase|Spec)$/u.test(className)

const reports = (folder: string) => `-path '*/${folder}/*' -name 'TEST-*.xml'`

/** Runs a command, then prints the tags of its reports that tell of tests. What an earlier run reported is taken away first. */
const reporting = (lead: string, folder: string, command: string): string =>
  [
    `${lead}find . ${reports(folder)} -type f -exec rm -f {} +`,
    command,
    "code=$?",
    `find . ${reports(folder)} -type f -exec grep -hoE '<(testcase|failure|error|skipped)( [^>]*)?/?>' {} +`,
    "exit $code"
  ].join("; ")

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" }

/** Parameters and their list belong to a run of a test, not to its name. */
const bare = (name: string): string =>
  name
    .replace(/&(lt|gt|quot|apos|amp);/gu, (whole, word: string) => entities[word] ?? whole)
    .replace(/\(.*$|\{.*$|\[[^\]]*\]$/gsu, "")
    .trim()

/** The tags of reports, in their order. */
export const readReports = (output: string): ReadonlyArray<TestOutcome> | undefined => {
  const text = plain(output)
  const found: Array<TestOutcome> = []
  for (const [, tag, attributes = ""] of text.matchAll(/^<(testcase|failure|error|skipped)\b([^\n]*)>$/gmu)) {
    const last = found.at(-1)
    if (tag === "testcase") {
      found.push({ name: bare(/\bname="([^"]*)"/u.exec(attributes)?.[1] ?? ""), outcome: "passed" })
    } else if (last !== undefined) {
      found[found.length - 1] = { name: last.name, outcome: tag === "skipped" ? "skipped" : "failed" }
    }
  }
  const hasRun = /BUILD (?:SUCCESS|FAILURE|FAILED)|^\[(?:INFO|ERROR)\] Tests run:/mu.test(text)
  return found.length > 0 || (hasRun && /BUILD SUCCESS/u.test(text)) ? found : undefined
}

const classesOf = (folder: string, files: ReadonlyArray<TestFile>): ReadonlyArray<Place> =>
  files.flatMap(({ path }) => placeOf(folder, path) ?? [])

/** `sh ./mvnw -B test`: the program, what starts it, and the words after it. */
const programOf = (
  { words }: Invocation,
  names: RegExp
): { readonly program: ReadonlyArray<string>; readonly rest: ReadonlyArray<string> } | undefined => {
  const at = /^(?:sh|bash)$/u.test(words[0] ?? "") ? 1 : 0
  return names.test(words[at] ?? "")
    ? { program: words.slice(0, at + 1), rest: words.slice(at + 1) }
    : undefined
}

const quiet = /^(?:-q|--quiet)$/u
const none = ["-DfailIfNoTests=false", "-Dsurefire.failIfNoSpecifiedTests=false"]

export const maven: Recognise = (invocation) => {
  const { folder, lead } = invocation
  const found = programOf(invocation, /^(?:.*\/)?mvnw?$/u)
  if (found === undefined) return undefined
  const goals = found.rest.filter((word) => !word.startsWith("-"))
  const options = found.rest.filter((word) => word.startsWith("-") && !quiet.test(word))
  const chooses =
    /^-(?:D(?:test|it\.test|skipTests|maven\.test\.skip|groups|excludedGroups|failIfNoTests)\b|pl$|rf$|f$|P$)/u
  if (
    !/^(?:test|verify|package|install)$/u.test(goals.at(-1) ?? "") ||
    options.some((word) => chooses.test(word))
  )
    return undefined
  const start = [...found.program, ...options]
  const asked = (classes: string, modules: ReadonlyArray<string>) => {
    const chosen = modules.every((module) => module !== "") && modules.length > 0
    return render("", [
      ...start,
      ...(chosen ? ["-pl", [...new Set(modules)].join(","), "-am"] : []),
      ...none,
      `-Dtest=${classes}`,
      "test"
    ])
  }
  const byMethod = (failures: ReadonlyArray<Failure>) => failures.map(({ id }) => id)
  return {
    name: "mvn test",
    isShared: true,
    takes: (path) => placeOf(folder, path) !== undefined,
    surelyCollects: (path) => isUsual(placeOf(folder, path)?.className ?? ""),
    narrow: (files) => {
      const places = classesOf(folder, files)
      const classes = [...new Set(places.map(({ className }) => className))].join(",")
      return reporting(
        lead,
        "surefire-reports",
        asked(
          classes,
          places.map(({ module }) => module)
        )
      )
    },
    read: readReports,
    failures: (output) =>
      distinct(
        [
          ...plain(output).matchAll(
            /^\[ERROR\]\s+(?:(\w+)(?:\([^()]*\))?(?:\[[^\]]*\])?\(([\w.$]+)\)|([\w.$]+)\.(\w+)(?:\([^)]*\))?(?:\[[^\]]*\])?)\s+(?:-- )?Time elapsed:[^\n]*<<< (?:FAILURE|ERROR)!/gmu
          )
        ].map(([, method = "", owner = "", className = owner, name = method]) => failureOf(className, name))
      ),
    only: (failures) => `${lead}${asked(byMethod(failures).join(","), [])}`,
    except: (failures) =>
      `${lead}${asked(
        byMethod(failures)
          .map((id) => `!${id}`)
          .join(","),
        []
      )}`
  }
}

const failureOf = (className: string, name: string): Failure => {
  const place = className.replace(/^.*\./u, "").replace(/\$.*$/u, "")
  return { id: `${place}#${name}`, name, place }
}

export const gradle: Recognise = (invocation) => {
  const { folder, lead } = invocation
  const found = programOf(invocation, /^(?:.*\/)?gradlew?$/u)
  if (found === undefined) return undefined
  const tasks = found.rest.filter((word) => !word.startsWith("-"))
  const options = found.rest.filter((word) => word.startsWith("-") && !quiet.test(word))
  if (
    !/^(?:test|check|build)$/u.test(tasks.at(-1) ?? "") ||
    options.some((word) => /^(?:--tests|-x|-p|-b|--exclude-task)/u.test(word))
  )
    return undefined
  const start = [...found.program, ...options, "--continue"]
  const task = (module: string, name: string) =>
    `${module === "" ? "" : `:${module.replaceAll("/", ":")}`}:${name}`
  return {
    name: "gradle test",
    isShared: true,
    takes: (path) => placeOf(folder, path) !== undefined && /\/?src\/test\//u.test(path),
    surelyCollects: (path) => isUsual(placeOf(folder, path)?.className ?? ""),
    narrow: (files) => {
      const places = classesOf(folder, files)
      const modules = [...new Set(places.map(({ module }) => module))]
      const words = modules.flatMap((module) => [
        // Gradle runs again only what it takes for out of date.
        task(module, "cleanTest"),
        task(module, "test"),
        ...places.flatMap((place) => (place.module === module ? ["--tests", place.className] : []))
      ])
      return reporting(lead, "test-results", render("", [...start, ...words]))
    },
    read: readReports,
    failures: (output) =>
      distinct(
        [
          ...plain(output).matchAll(
            /^([\w.$]+)(?: > [^\n>]*)*? > ([^\n>]+?)(?:\(.*\))?(?: ?\[[^\]\n]*\])? FAILED$/gmu
          )
        ].map(([, className = "", name = ""]) => ({
          ...failureOf(className, name),
          id: `${className}.${name}`
        }))
      ),
    only: (failures) =>
      `${lead}${render("", [...start, ...tasks, ...failures.flatMap(({ id }) => ["--tests", `*${id.replace(/^.*\.(?=[^.]+\.[^.]+$)/u, "")}`])])}`,
    except: () => undefined
  }
}
