/** Settings of pytest, compared by what it would collect and how it would end: `addopts`, `testpaths`, `python_files` and the like. */
import type { ChangedFile } from "../change.ts"
import { matcher } from "../coverage.ts"
import type { Finding } from "../finding.ts"
import { folderOf, nameOf, say, settingsAt, type Sides, some } from "./sides.ts"
import { at, isTable, listOf, type Table, type Value } from "./value.ts"

/** In the order in which pytest looks for them; it takes the first that speaks of pytest. */
export const pytestFiles = [
  "pytest.toml",
  ".pytest.toml",
  "pytest.ini",
  ".pytest.ini",
  "pyproject.toml",
  "tox.ini",
  "setup.cfg"
] as const

const sectionOf = (name: string, settings: Value | undefined): Table | undefined => {
  if (settings === undefined) return undefined
  const own =
    name === "pyproject.toml"
      ? (at(settings, "tool", "pytest", "ini_options") ?? at(settings, "tool", "pytest"))
      : name === "setup.cfg"
        ? at(settings, "tool:pytest")
        : at(settings, "pytest")
  if (isTable(own)) return own
  // These speak of pytest even when they are empty.
  return /^\.?pytest\.(?:ini|toml)$/u.test(name) ? {} : undefined
}

interface Options {
  readonly words: ReadonlyArray<string>
  readonly table: Table
}

const wordsOf = (value: Value | undefined): ReadonlyArray<string> =>
  Array.isArray(value)
    ? listOf(value)
    : typeof value === "string"
      ? (value.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/gu) ?? []).map((word) => word.replaceAll(/["']/gu, ""))
      : []

const optionsOf = (table: Table | undefined): Options => ({
  words: wordsOf(table?.["addopts"]),
  table: table ?? {}
})

/** `-m x`, `-mx`, `--opt x` and `--opt=x` as `name x`. */
const optionsIn = (words: ReadonlyArray<string>): ReadonlyArray<readonly [name: string, value: string]> =>
  words.flatMap((word, index): ReadonlyArray<readonly [string, string]> => {
    if (!word.startsWith("-")) return []
    const next = words[index + 1] ?? ""
    const [, long, value] = /^(--[\w-]+)(?:=(.*))?$/su.exec(word) ?? []
    if (long !== undefined) return [[long, value ?? (next.startsWith("-") ? "" : next)]]
    const [, short = "", rest = ""] = /^(-\w)(.*)$/su.exec(word) ?? []
    return [[short, rest === "" ? next : rest]]
  })

/** They print something and run no test. */
const runsNothing =
  /^(?:--co|--collect-?only|--version|-V|--help|-h|--fixtures(?:-per-test)?|--funcargs|--markers|--setup-plan|--cache-show)$/u
/** They leave tests out, try again, or change what an outcome is. */
const selects =
  /^(?:-k|-m|--deselect|--lf|--last-failed|--nf|--reruns|--force-flaky|--flake-finder|--suppress-no-test-exit-code|--noconftest|--continue-on-collection-errors|-c|--config-file|--rootdir|-o|--override-ini|--sw|--stepwise(?:-skip)?)$/u
const enginePlugins = /^no:(?:python|unittest|main|runner|skipping|reports|doctest)$/u

/** What the words of the commit add to those of the base. */
const addedOptions = (before: Options, after: Options): ReadonlyArray<readonly [string, string]> => {
  const known = new Set(optionsIn(before.words).map((option) => option.join(" ")))
  return optionsIn(after.words).filter((option) => !known.has(option.join(" ")))
}

const optionFindings = (file: ChangedFile, before: Options, after: Options): ReadonlyArray<Finding> => [
  ...addedOptions(before, after).flatMap(([name, value]): ReadonlyArray<Finding> => {
    const said = `${name}${value === "" ? "" : ` ${value}`}`.slice(0, 100)
    if (runsNothing.test(name)) return [say(file, "fail", `addopts ${said}: pytest runs no test`, name)]
    if (name === "-p" && enginePlugins.test(value))
      return [say(file, "fail", `addopts ${said}: pytest runs without what collects or reports tests`, value)]
    // A marker that the base left out another way, or that an expression only names to be run.
    if (selects.test(name))
      return [say(file, "ask", `addopts ${said}: tests are selected, repeated or judged otherwise`, name)]
    return name === "--assert" && value === "plain" ? [say(file, "note", "addopts --assert plain", name)] : []
  }),
  ...["--doctest-modules", "--doctest-glob", "--cov-fail-under"].flatMap((name): ReadonlyArray<Finding> => {
    const [was, is] = [before, after].map(
      ({ words }) => optionsIn(words).find(([option]) => option === name)?.[1]
    )
    if (was === undefined) return []
    if (is === undefined && after.words.length === 0 && Object.keys(after.table).length === 0) return []
    const isLower = name === "--cov-fail-under" && (is === undefined || Number(is) < Number(was))
    return (name === "--cov-fail-under" ? isLower : is === undefined)
      ? [
          say(
            file,
            "ask",
            `addopts has ${name} ${is === undefined ? "no longer" : `${is} where it had ${was}`}`
          )
        ]
      : []
  })
]

const usualFiles = ["test_*.py", "*_test.py"]
const usualSkipped = ["*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}"]

/** Whether pytest, started in `folder` without a path, looks into a file. */
const collector = ({ table, words }: Options, folder: string): ((path: string) => boolean) => {
  const own = (key: string, usual: ReadonlyArray<string>) =>
    table[key] === undefined ? usual : listOf(table[key])
  const isNamed = matcher(
    own("python_files", usualFiles).map((glob) => (glob.includes("/") ? `**/${glob}` : glob))
  )
  const isSkipped = matcher(own("norecursedirs", usualSkipped))
  const roots = own("testpaths", [""]).map((path) => path.replace(/^\.\/?|\/+$/gu, ""))
  const isBelow = matcher(roots.flatMap((root) => (root === "" ? ["**"] : [root, `${root}/**`])))
  const ignored = optionsIn(words).flatMap(([name, value]) =>
    name === "--ignore"
      ? [value.replace(/\/+$/u, ""), `${value.replace(/\/+$/u, "")}/**`]
      : name === "--ignore-glob"
        ? [value, `${value}/**`]
        : []
  )
  const isIgnored = ignored.length === 0 ? () => false : matcher(ignored)
  return (path) => {
    if (!path.startsWith(folder) || !path.endsWith(".py")) return false
    const local = path.slice(folder.length)
    return (
      isBelow(local) &&
      isNamed(nameOf(local)) &&
      !isIgnored(local) &&
      !local
        .split("/")
        .slice(0, -1)
        .some((part) => isSkipped(part))
    )
  }
}

const collectionFindings = (
  sides: Sides,
  file: ChangedFile,
  before: Options,
  after: Options
): ReadonlyArray<Finding> => {
  const folder = folderOf(file.path)
  const [was, is] = [collector(before, folder), collector(after, folder)]
  const left = new Set(sides.commitFiles)
  const lost = sides.baseFiles.filter((path) => left.has(path) && was(path) && !is(path))
  const moved = ["python_classes", "python_functions"].filter((key) => {
    const names = listOf(after.table[key])
    return after.table[key] !== undefined && listOf(before.table[key]).some((name) => !names.includes(name))
  })
  return [
    ...(lost.length === 0 ? [] : [say(file, "fail", `pytest no longer collects ${some(lost)}`)]),
    ...moved.map((key) => say(file, "ask", `${key} names fewer tests`, key))
  ]
}

const isOn = (value: Value | undefined): boolean =>
  value === true || /^(?:true|1|yes|on)$/iu.test(String(value))

/** For each folder in which a file that pytest may read is touched, what it reads there in base and commit. */
export const pytestFindings = (sides: Sides): ReadonlyArray<Finding> => {
  const touched = sides.change.files.filter((file) =>
    [file.path, file.oldPath ?? file.path].some((path) => pytestFiles.some((name) => name === nameOf(path)))
  )
  const folders = [...new Set(touched.map(({ path }) => folderOf(path)))]
  return folders.flatMap((folder): ReadonlyArray<Finding> => {
    const read = pytestFiles.map((name) =>
      settingsAt(sides, `${folder}${name}`).map((settings) => sectionOf(name, settings))
    )
    const was = read.find(([before]) => before !== undefined)?.[0]
    const found = read.findIndex(([, after]) => after !== undefined)
    const is = read[found]?.[1]
    const path = `${folder}${pytestFiles[found] ?? ""}`
    const file =
      touched.find((one) => one.path === path) ?? touched.find((one) => folderOf(one.path) === folder)
    if (file === undefined) return []
    const [before, after] = [optionsOf(was), optionsOf(is)]
    const isStrict = ({ table }: Options) =>
      ["xfail_strict", "strict_xfail", "strict"].some((key) => isOn(table[key]))
    const isLax = isStrict(before) && !isStrict(after)
    return [
      ...optionFindings(file, before, after),
      ...collectionFindings(sides, file, before, after),
      ...(isLax
        ? [
            say(
              file,
              "ask",
              "xfail_strict is off: a test that is expected to fail may pass unseen",
              "xfail_strict"
            )
          ]
        : [])
    ]
  })
}
