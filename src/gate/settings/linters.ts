/** Settings of linters, type checkers and coverage: rules emptied or turned off, strictness taken away, thresholds lowered. */
import type { ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"
import { nameOf, say, settingsAt, type Sides, some, type Weight } from "./sides.ts"
import { at, isTable, leaves, listOf, type Value } from "./value.ts"

type Pair = readonly [before: Value | undefined, after: Value | undefined]

interface Said {
  readonly weight: Weight
  readonly message: string
  readonly word?: string | undefined
}

const on = (value: Value | undefined): boolean =>
  value === true || /^(?:true|1|yes|on)$/iu.test(String(value))
const off = (value: Value | undefined): boolean =>
  value === false || /^(?:false|0|no|off)$/iu.test(String(value))
const under = ([before, after]: Pair, ...keys: ReadonlyArray<string>): Pair => [
  at(before, ...keys),
  at(after, ...keys)
]

/** A list of rules to check: emptied asks, shortened is a note. */
const fewer = (what: string, [before, after]: Pair, key: string): ReadonlyArray<Said> => {
  const [was, is] = [listOf(at(before, key)), listOf(at(after, key))]
  const gone = was.filter((rule) => !is.some((one) => rule.startsWith(one) || one === "ALL" || one === "all"))
  if (gone.length === 0 || after === undefined) return []
  return is.length === 0 && at(after, key) !== undefined
    ? [{ weight: "ask", message: `${what} ${key} is empty: nothing is checked`, word: key }]
    : [{ weight: "note", message: `${what} ${key} is without ${some(gone)}`, word: key }]
}

/** A list of rules or files to leave out: one that leaves out all asks. */
const more = (what: string, [before, after]: Pair, key: string): ReadonlyArray<Said> => {
  const was = listOf(at(before, key))
  const added = listOf(at(after, key)).filter((rule) => !was.includes(rule))
  if (added.length === 0) return []
  const isAll = added.some((rule) => /^(?:ALL|all|\.|\*|\*\*|\*\*\/\*(?:\.\w+)?|\.\*|src|lib)$/u.test(rule))
  return [{ weight: isAll ? "ask" : "note", message: `${what} ${key} has ${some(added)}`, word: key }]
}

const ruff = (pair: Pair): ReadonlyArray<Said> =>
  [pair, under(pair, "lint")].flatMap((one) => [
    ...["select", "extend-select"].flatMap((key) => fewer("ruff", one, key)),
    ...["ignore", "extend-ignore", "exclude", "extend-exclude"].flatMap((key) => more("ruff", one, key))
  ])

const strictness =
  /^(?:strict|disallow_\w+|check_untyped_defs|warn_\w+|no_implicit_\w+|extra_checks|strict_\w+|local_partial_types)$/u
/** mypy and pyright; sections for single modules are notes. */
const pythonTypes = (what: string, pair: Pair): ReadonlyArray<Said> => {
  const [before, after] = pair
  if (!isTable(before) || !isTable(after)) return []
  return Object.keys({ ...before, ...after }).flatMap((key): ReadonlyArray<Said> => {
    const [was, is] = [before[key], after[key]]
    if (strictness.test(key) && on(was) && !on(is)) {
      const isWhole = key === "strict" && off(is)
      return [{ weight: isWhole ? "ask" : "note", message: `${what} ${key} is off`, word: key }]
    }
    if (key === "ignore_errors" && on(is) && !on(was))
      return [{ weight: "ask", message: `${what} ignores all errors`, word: key }]
    if (key === "typeCheckingMode" && was !== is && /^(?:off|basic)$/u.test(String(is)))
      return [
        { weight: is === "off" ? "ask" : "note", message: `${what} ${key} is ${String(is)}`, word: key }
      ]
    if (/^(?:exclude|ignore|disable_error_code)$/u.test(key)) return more(what, pair, key)
    return []
  })
}

const coverage = ([before, after]: Pair): ReadonlyArray<Said> => {
  const [was, is] = [at(before, "fail_under"), at(after, "fail_under")]
  if (was === undefined || after === undefined || !(Number(is ?? 0) < Number(was))) return []
  return [
    {
      weight: "ask",
      message: `coverage fail_under is ${is === undefined ? "gone" : String(is)} where it was ${String(was)}`,
      word: "fail_under"
    }
  ]
}

const compilerStrict =
  /^(?:strict|noImplicit\w+|strict[A-Z]\w+|noUnused\w+|noFallthrough\w+|noUnchecked\w+|exactOptional\w+|useUnknown\w+|alwaysStrict|checkJs|noProperty\w+)$/u

const typescript = (pair: Pair): ReadonlyArray<Said> => {
  const [before, after] = under(pair, "compilerOptions")
  if (!isTable(after)) return []
  const old = isTable(before) ? before : {}
  const switched = Object.keys({ ...old, ...after }).flatMap((key): ReadonlyArray<Said> => {
    const [was, is] = [old[key], after[key]]
    if (
      compilerStrict.test(key) &&
      (was === true || (pair[0] !== undefined && was === undefined)) &&
      is === false
    ) {
      const isKnown = was === true || key === "strict"
      return isKnown
        ? [{ weight: key === "strict" ? "ask" : "note", message: `tsc ${key} is off`, word: key }]
        : []
    }
    if (
      /^(?:skipLibCheck|noCheck|noEmitOnError)$/u.test(key) &&
      key !== "noEmitOnError" &&
      is === true &&
      was !== true
    )
      return [{ weight: key === "noCheck" ? "ask" : "note", message: `tsc ${key} is on`, word: key }]
    return []
  })
  return pair[0] === undefined ? [] : [...switched, ...more("tsc", pair, "exclude")]
}

/** `off`, 0, or a list that begins so. */
const isOffRule = (value: Value | undefined): boolean => {
  const severity = Array.isArray(value) ? value[0] : value
  return severity === "off" || severity === 0 || severity === "allow"
}

/** ESLint, oxlint, Biome and xo: rules by name, wherever they stand. */
const scriptRules = (what: string, [before, after]: Pair): ReadonlyArray<Said> => {
  if (before === undefined || after === undefined) return []
  const rulesOf = (side: Value) =>
    leaves(side).filter(
      ([path]) =>
        /^(?:rules|categories|linter)$/u.test(path.at(-2) ?? path.at(-1) ?? "") || path.includes("rules")
    )
  const was = new Map(rulesOf(before).map(([path, value]) => [path.join("."), value]))
  const turned = rulesOf(after).flatMap(([path, value]) => {
    const key = path.join(".")
    return isOffRule(value) && !isOffRule(was.get(key)) && was.get(key) !== value ? [path.at(-1) ?? ""] : []
  })
  const size = (side: Value) => rulesOf(side).filter(([, value]) => !isOffRule(value)).length
  const isEmptied =
    size(before) > 0 &&
    size(after) === 0 &&
    JSON.stringify(at(before, "extends")) === JSON.stringify(at(after, "extends"))
  const linter = under([before, after], "linter", "enabled")
  return [
    ...(isEmptied ? [{ weight: "ask" as const, message: `${what} has no rule left`, word: "rules" }] : []),
    ...(linter[1] === false && linter[0] !== false
      ? [{ weight: "ask" as const, message: `${what} is switched off`, word: "enabled" }]
      : []),
    ...(!isEmptied && turned.length > 0
      ? [{ weight: "note" as const, message: `${what} turns off ${some(turned)}`, word: turned[0] }]
      : []),
    ...["ignorePatterns", "ignores"].flatMap((key) => more(what, [before, after], key))
  ]
}

const golangci = (pair: Pair): ReadonlyArray<Said> => {
  const linters = under(pair, "linters")
  const isAllOff = (side: Value | undefined) => on(at(side, "disable-all")) || at(side, "default") === "none"
  const isBare = isAllOff(linters[1]) && listOf(at(linters[1], "enable")).length === 0
  const exit = under(pair, "run", "issues-exit-code")
  return [
    ...(isBare && !(isAllOff(linters[0]) && listOf(at(linters[0], "enable")).length === 0)
      ? [{ weight: "ask" as const, message: "golangci-lint runs no linter", word: "linters" }]
      : []),
    ...(exit[1] === 0 && exit[0] !== 0
      ? [
          {
            weight: "fail" as const,
            message: "golangci-lint exits 0 whatever it finds",
            word: "issues-exit-code"
          }
        ]
      : []),
    ...(isBare ? [] : fewer("golangci-lint", linters, "enable")),
    ...more("golangci-lint", linters, "disable"),
    ...["exclude", "exclude-dirs", "exclude-files"].flatMap((key) =>
      more("golangci-lint", under(pair, "issues"), key)
    )
  ]
}

const levels: ReadonlyArray<string> = ["allow", "warn", "deny", "forbid"]
const levelOf = (value: Value | undefined): string =>
  typeof value === "string" ? value : String(at(value, "level") ?? "")

/** `[lints.clippy]` and `[lints.rust]` of a manifest, and of a workspace. */
const rustLints = (pair: Pair): ReadonlyArray<Said> =>
  [under(pair, "lints"), under(pair, "workspace", "lints")].flatMap(([before, after]) =>
    leaves(after ?? {}).flatMap(([path, value]): ReadonlyArray<Said> => {
      if (path.at(-1) === "priority") return []
      const keys = path.at(-1) === "level" ? path.slice(0, -1) : path
      const was = levelOf(at(before, ...keys))
      const is = levelOf(value)
      const name = keys.at(-1) ?? ""
      if (!levels.includes(is) || levels.indexOf(is) >= levels.indexOf(was === "" ? "warn" : was)) return []
      return [
        {
          weight: /^(?:all|warnings|correctness)$/u.test(name) ? "ask" : "note",
          message: `lints ${keys.join(".")} is ${is}`,
          word: name
        }
      ]
    })
  )

const flake8 = (pair: Pair): ReadonlyArray<Said> => [
  ...["ignore", "extend-ignore", "exclude", "extend-exclude"].flatMap((key) => more("flake8", pair, key)),
  ...fewer("flake8", pair, "select")
]

const saidOf = (path: string, pair: Pair): ReadonlyArray<Said> => {
  const name = nameOf(path)
  if (name === "pyproject.toml") {
    const tool = under(pair, "tool")
    return [
      ...ruff(under(tool, "ruff")),
      ...pythonTypes("mypy", under(tool, "mypy")),
      ...pythonTypes("pyright", under(tool, "pyright")),
      ...coverage(under(tool, "coverage", "report"))
    ]
  }
  if (/^\.?ruff\.toml$/u.test(name)) return ruff(pair)
  if (/^(?:setup\.cfg|tox\.ini|mypy\.ini|\.mypy\.ini|\.coveragerc|\.flake8)$/u.test(name)) {
    return [
      ...pythonTypes("mypy", under(pair, "mypy")),
      ...flake8(under(pair, "flake8")),
      ...coverage(under(pair, name === ".coveragerc" ? "report" : "coverage:report"))
    ]
  }
  if (name === "pyrightconfig.json") return pythonTypes("pyright", pair)
  if (/^[tj]sconfig(?:\.[\w-]+)*\.json$/u.test(name)) return typescript(pair)
  if (/^(?:\.eslintrc(?:\.\w+)?|eslint\.config\.\w+)$/u.test(name)) return scriptRules("eslint", pair)
  if (/^(?:\.oxlintrc\.json|oxlint\.\w+)$/u.test(name)) return scriptRules("oxlint", pair)
  if (/^biome\.jsonc?$/u.test(name)) return scriptRules("biome", pair)
  if (/^\.golangci\.(?:ya?ml|toml|json)$/u.test(name)) return golangci(pair)
  if (name === "Cargo.toml") return rustLints(pair)
  if (/^(?:\.nycrc(?:\.json)?|\.c8rc(?:\.json)?)$/u.test(name)) return nyc(pair)
  if (name === "package.json")
    return [
      ...scriptRules("eslint", under(pair, "eslintConfig")),
      ...scriptRules("xo", under(pair, "xo")),
      ...nyc(under(pair, "nyc")),
      ...nyc(under(pair, "c8"))
    ]
  return []
}

const nyc = ([before, after]: Pair): ReadonlyArray<Said> =>
  ["lines", "branches", "functions", "statements", "check-coverage"].flatMap((key): ReadonlyArray<Said> => {
    const [was, is] = [at(before, key), at(after, key)]
    if (was === undefined || after === undefined) return []
    const isLower = key === "check-coverage" ? was === true && is !== true : Number(is ?? 0) < Number(was)
    return isLower
      ? [
          {
            weight: "ask",
            message: `coverage of ${key} is ${String(is)} where it was ${String(was)}`,
            word: key
          }
        ]
      : []
  })

export const isLinterFile = (path: string): boolean =>
  /(?:^|\/)(?:pyproject\.toml|\.?ruff\.toml|setup\.cfg|tox\.ini|\.?mypy\.ini|\.coveragerc|\.flake8|pyrightconfig\.json|[tj]sconfig[\w.-]*\.json|\.eslintrc[\w.]*|eslint\.config\.\w+|\.oxlintrc\.json|oxlint\.\w+|biome\.jsonc?|\.golangci\.\w+|Cargo\.toml|\.nycrc[\w.]*|\.c8rc[\w.]*|package\.json)$/u.test(
    path
  )

/** In the tests' own folders such files are data as a rule. */
const isData = (path: string): boolean =>
  /(?:^|\/)(?:fixtures?|__fixtures__|testdata|examples?|templates?|playground)\//u.test(path)

export const linterFindings = (sides: Sides): ReadonlyArray<Finding> =>
  sides.change.files.flatMap((file: ChangedFile): ReadonlyArray<Finding> => {
    if (!isLinterFile(file.path) || isData(file.path) || file.status === "deleted") return []
    return saidOf(file.path, settingsAt(sides, file.path)).map(({ message, weight, word }) =>
      say(file, weight, message, word)
    )
  })
