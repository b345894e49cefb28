/** The runners of Node: its own, vitest, jest, mocha, AVA and tape. */
import { Option, Schema } from "effect"
import picomatch from "picomatch"

import { options, render } from "./invocation.ts"
import {
  distinct,
  type Failure,
  literally,
  plain,
  type Recognise,
  type TestOutcome,
  type TestRunner,
  within
} from "./TestRunner.ts"

const isScript = (path: string) => /\.[cm]?[jt]sx?$/u.test(path)
/** The Test Anything Protocol, nested as Node writes it or flat. */
export const readTap = (output: string): ReadonlyArray<TestOutcome> | undefined => {
  const text = plain(output)
  if (!/^(?:TAP version|1\.\.\d+)/mu.test(text)) return undefined
  return [...text.matchAll(/^\s*(not ok|ok) \d+ ?(?:- )?(.*?)(?: # (SKIP|TODO|time=)[^\n]*)?$/gimu)].map(
    ([, word, name = "", directive]): TestOutcome => ({
      name: (name.split(" > ").at(-1) ?? name).replaceAll("\\#", "#"),
      // Vitest begins with the file.
      ...(/^\S+\.[cm]?[jt]sx? > /u.test(name) && { file: name.split(" > ")[0] }),
      outcome: /skip|todo/iu.test(directive ?? "")
        ? "skipped"
        : word?.toLowerCase() === "ok"
          ? "passed"
          : "failed"
    })
  )
}

/**
 * A reporter of our own for Node's runner, which says the file of each test. What a test prints comes to it as another event, so none of it
 * is in the report.
 */
const reporter = `data:text/javascript,export default async function*(events){for await(const{type,data}of events)if(type==="test:pass"||type==="test:fail")yield"foreman-test "+JSON.stringify([type,data.file,data.name,data.skip!==undefined||data.todo!==undefined])+String.fromCharCode(10)}`

const Line = Schema.fromJsonString(
  Schema.Tuple([Schema.String, Schema.NullOr(Schema.String), Schema.String, Schema.Boolean])
)
const decodeLine = Schema.decodeUnknownOption(Line)

const readNode = (output: string): ReadonlyArray<TestOutcome> | undefined => {
  const lines = [...plain(output).matchAll(/^foreman-test (.*)$/gmu)].flatMap(([, line]) =>
    Option.toArray(decodeLine(line))
  )
  if (lines.length === 0) return readTap(output)
  return lines.map(([type, file, name, isLeftOut]) => ({
    name,
    outcome: isLeftOut ? "skipped" : type === "test:pass" ? "passed" : "failed",
    ...(file !== null && { file })
  }))
}

const named = (names: ReadonlyArray<string>): ReadonlyArray<Failure> =>
  distinct(names.map((name) => ({ id: name, name })))

/** Both of Node's reports; suites that a failed test lies in are among the names. */
const failuresOfNode = (output: string): ReadonlyArray<Failure> =>
  named(
    [...plain(output).matchAll(/^\s*(?:✖ (.+) \(\d[\d.]*m?s\)|not ok \d+ - (.+?)(?: # .*)?)$/gmu)].flatMap(
      ([, first, second]) => first ?? second?.replaceAll("\\#", "#") ?? []
    )
  )

const anyOf = (failures: ReadonlyArray<Failure>): string =>
  failures.map(({ name }) => literally(name)).join("|")

/** What `node --test` looks for by itself. */
const usual = [
  "**/*{.,-,_}test.{js,cjs,mjs,ts,cts,mts}",
  "**/test-*.{js,cjs,mjs,ts,cts,mts}",
  "**/test.{js,cjs,mjs,ts,cts,mts}",
  "**/test/**/*.{js,cjs,mjs,ts,cts,mts}"
]
const valuedOfNode =
  /^(?:-r|-C|--(?:require|import|loader|conditions|env-file|test-name-pattern|test-reporter|test-reporter-destination|test-concurrency|test-timeout|test-shard|test-skip-pattern))$/u

export const nodeTest: Recognise = ({ lead, folder, words }) => {
  const at = words.findIndex((word) => /^(?:.*\/)?node$/u.test(word))
  if (at < 0 || at > 1 || !words.includes("--test")) return undefined
  const given = options(words.slice(at + 1), valuedOfNode)
  if (given.options.some((option) => /^--test-(?:name-pattern|skip-pattern|only|shard)/u.test(option)))
    return undefined
  const flags = given.options.filter(
    (option, index, all) =>
      !/^--test(?:-reporter(?:-destination)?(?:=.*)?)?$/u.test(option) &&
      !/^--test-reporter(?:-destination)?$/u.test(all[index - 1] ?? "")
  )
  const start = [...words.slice(0, at + 1), ...flags, "--test"]
  const globs =
    given.operands.length === 0 ? usual : given.operands.map((operand) => operand.replace(/^\.\//u, ""))
  return {
    name: "node --test",
    isShared: false,
    takes: (path) => isScript(path) && within(folder, path) !== undefined,
    surelyCollects: (path) =>
      !path.includes("node_modules/") && picomatch.isMatch(within(folder, path) ?? path, globs),
    narrow: (files) =>
      render(lead, [
        ...start,
        `--test-reporter=${reporter}`,
        ...files.map(({ path }) => within(folder, path) ?? path)
      ]),
    read: readNode,
    failures: failuresOfNode,
    only: (failures) =>
      render(lead, [...start, `--test-name-pattern=^(?:${anyOf(failures)})$`, ...given.operands]),
    // The pattern is tried on the names of suites too, and on that of the root.
    except: (failures) =>
      render(lead, [
        ...start,
        `--test-name-pattern=^(?!(?:.* )?(?:<root>|${anyOf(failures)})?$)`,
        ...given.operands
      ])
  }
}

/** Its usual output does not say by which name a failed test could be run again. */
const nothingSays = /^$^/gmu

/** A runner whose settings lie in files of its own: which files it collects takes a run to know, but for the usual names. */
const packaged =
  (runner: {
    readonly name: string
    readonly valued: RegExp
    readonly choosing: RegExp
    readonly ours: RegExp
    readonly first: ReadonlyArray<string>
    readonly command?: string
    readonly beforeFiles?: ReadonlyArray<string>
    readonly read: TestRunner["read"]
    /** Its group is the name of a failed test, after those of its suites. */
    readonly failed: RegExp
    readonly usual: ReadonlyArray<string>
    /** Its operands are globs of files, and no filter. */
    readonly takesGlobs?: true
  }): Recognise =>
  ({ lead, folder, words }) => {
    const at = words.findIndex((word) => new RegExp(`^(?:.*/)?${runner.name}$`, "u").test(word))
    if (
      at < 0 ||
      !words
        .slice(0, at)
        .every((word) => /^(?:npx|pnpm|yarn|bunx|exec|c8|nyc|-y|--yes|--no-install|--)$/u.test(word))
    )
      return undefined
    const given = options(words.slice(at + 1), runner.valued)
    if (given.options.some((option) => runner.choosing.test(option))) return undefined
    const start = [
      ...words.slice(0, at + 1),
      ...(runner.command === undefined ? [] : [runner.command]),
      ...given.options.filter((option) => !runner.ours.test(option))
    ]
    const operands = given.operands.filter((operand) => operand !== "run")
    if (operands.some((operand) => /^(?:watch|bench|related|list|init|dev)$/u.test(operand))) return undefined
    return {
      name: runner.name,
      isShared: false,
      takes: (path) => isScript(path) && within(folder, path) !== undefined,
      surelyCollects: (path) =>
        (operands.length === 0 || runner.takesGlobs === true) &&
        picomatch.isMatch(
          within(folder, path) ?? path,
          operands.length === 0 ? [...runner.usual] : operands.map((one) => one.replace(/^\.\//u, ""))
        ),
      narrow: (files) =>
        render(lead, [
          ...start,
          ...runner.first,
          ...(runner.beforeFiles ?? []),
          ...files.map(({ path }) => within(folder, path) ?? path)
        ]),
      read: runner.read,
      failures: (output) =>
        named([...plain(output).matchAll(runner.failed)].map(([, name = ""]) => name.trim())),
      only: (failures) =>
        runner.failed === nothingSays
          ? undefined
          : render(lead, [...start, ...operands, "-t", `(?:${anyOf(failures)})$`]),
      except: (failures) =>
        runner.failed === nothingSays
          ? undefined
          : render(lead, [...start, ...operands, "-t", `^(?!.*(?:${anyOf(failures)})$)`])
    }
  }

const usualOfPackages = ["**/*.{test,spec}.?(c|m)[jt]s?(x)"]

export const vitest = packaged({
  name: "vitest",
  valued: /^(?:-[cr]|--(?:config|root|dir|project|environment|pool|maxWorkers|testTimeout))$/u,
  choosing: /^(?:-t|--(?:testNamePattern|shard|changed|dir|exclude|tags?Filter)(?:=|$))/u,
  ours: /^(?:--run|--watch(?:=.*)?|--reporter(?:=.*)?|--coverage(?:[.=].*)?|--passWithNoTests|--silent)$/u,
  command: "run",
  first: ["--reporter=tap-flat"],
  read: readTap,
  failed: /^\s*FAIL\s+.*? > (?:.* > )?(.+)$/gmu,
  usual: usualOfPackages
})

/** What `jest --verbose` prints of each test. */
export const readJest = (output: string): ReadonlyArray<TestOutcome> | undefined => {
  const text = plain(output)
  if (!/^Tests: {7}/mu.test(text) && !/^Test Suites: /mu.test(text)) return undefined
  const marks: Readonly<Record<string, TestOutcome["outcome"]>> = {
    "✓": "passed",
    "✕": "failed",
    "○": "skipped",
    "✎": "skipped"
  }
  let file: string | undefined
  return [
    ...text.matchAll(
      /^\s+(?<mark>[✓✕○✎]) (?:skipped |todo )?(?<name>.*?)(?: \(\d+(?:\.\d+)? m?s\))?$|^(?:PASS|FAIL) (?:\S+ )?(?<path>\S+\.[cm]?[jt]sx?)(?: \([\d.]+ s\))?$/gmu
    )
  ].flatMap(({ groups = {} }): ReadonlyArray<TestOutcome> => {
    const { mark = "", name, path } = groups
    file = path ?? file
    return name === undefined
      ? []
      : [{ name, outcome: marks[mark] ?? "skipped", ...(file !== undefined && { file }) }]
  })
}

export const jest = packaged({
  name: "jest",
  valued: /^(?:-[cw]|--(?:config|rootDir|maxWorkers|testTimeout|env))$/u,
  choosing:
    /^(?:-[tof]|--(?:testNamePattern|testPathPatterns?|shard|changedSince|onlyChanged|onlyFailures|findRelatedTests|runTestsByPath)(?:=|$))/u,
  ours: /^(?:--verbose|--silent|--coverage(?:=.*)?|--passWithNoTests|--watch\w*|--json)$/u,
  first: ["--verbose"],
  beforeFiles: ["--runTestsByPath"],
  read: readJest,
  failed: /^\s*● (?:.* › )?(.+)$/gmu,
  usual: [...usualOfPackages, "**/__tests__/**/*.?(c|m)[jt]s?(x)"]
})

export const mocha = packaged({
  name: "mocha",
  valued: /^(?:-[rtugfR]|--(?:require|timeout|ui|grep|fgrep|config|reporter|extension|file))$/u,
  choosing: /^(?:-[gfi]|--(?:grep|fgrep|invert)(?:=|$))/u,
  ours: /^(?:-R|--reporter(?:=.*)?|--recursive)$/u,
  first: ["--reporter=tap"],
  read: readTap,
  failed: nothingSays,
  usual: ["test/*.{js,cjs,mjs}"],
  takesGlobs: true
})

const ofAva =
  "{test,src/test,source/test,**/test-*,**/*.test,**/*.spec,**/{test,tests,__tests__}/**/[!_]*}.{js,cjs,mjs,ts,cts,mts}"

export const ava = packaged({
  name: "ava",
  valued: /^(?:-[cTmN]|--(?:concurrency|config|timeout|match|node-arguments))$/u,
  choosing: /^(?:-[mw]|--(?:match|watch)(?:=|$))/u,
  ours: /^(?:-[tsv]|--(?:tap|verbose|serial|fail-fast))$/u,
  first: ["--tap"],
  read: readTap,
  failed: nothingSays,
  usual: [ofAva],
  takesGlobs: true
})

export const tape = packaged({
  name: "tape",
  valued: /^(?:-[ri]|--(?:require|ignore|ignore-pattern))$/u,
  choosing: /^(?:-[i]|--(?:only|ignore\S*)(?:=|$))/u,
  ours: /^(?:--no-only|--strict)$/u,
  first: [],
  read: readTap,
  failed: nothingSays,
  usual: [],
  takesGlobs: true
})
