/** How a Python project is installed for its tests: uv, Poetry, or a virtual environment of pip's. */
import type { Check } from "../checks.ts"
import { quotedIfNeeded } from "../quoted.ts"
import { at, firstOf, has, type Project, readToml, stringsAt, tableAt, textOf } from "./Project.ts"

export interface Installation {
  readonly setup: ReadonlyArray<Check>
  /** What runs the checks afterwards; undefined where nothing is installed. */
  readonly interpreter: string | undefined
  /** Names of what the project asks for by name, directly. */
  readonly tools: ReadonlySet<string>
}

/** Names under which projects list what their tests need, the most telling first; none of the first row, then of the second. */
const groupNames = [
  ["test", "tests", "testing", "pytest"],
  ["dev", "develop", "development"]
] as const
const requirementFiles = [
  [
    "requirements-test.txt",
    "requirements-tests.txt",
    "requirements_test.txt",
    "test-requirements.txt",
    "test_requirements.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "requirements/testing.txt",
    "tests/requirements.txt",
    "test/requirements.txt"
  ],
  ["requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt", "requirements/dev.txt"]
] as const

/** Every file that says how a Python project is installed or tested. */
export const pythonTexts: ReadonlyArray<string> = [
  "pyproject.toml",
  "setup.py",
  "setup.cfg",
  "tox.ini",
  "noxfile.py",
  "Pipfile",
  "requirements.txt",
  ...requirementFiles.flat()
]

/** Whether any of them has a word. */
export const mentionsOf = (project: Project, word: string): boolean =>
  pythonTexts.some((path) => new RegExp(`\\b${word}\\b`, "u").test(textOf(project, path)))

/** Name of a requirement, as tools compare it. */
const nameOf = (requirement: string): string =>
  (/^\s*([A-Za-z0-9][\w.-]*)/u.exec(requirement)?.[1] ?? "").toLowerCase().replace(/[._]+/gu, "-")

const lines = (text: string): ReadonlyArray<string> =>
  text.split("\n").flatMap((line) => (/^\s*(?:#|$)/u.test(line) ? [] : [line.trim()]))

interface Wanted {
  readonly extras: ReadonlyArray<string>
  readonly groups: ReadonlyArray<string>
  readonly files: ReadonlyArray<string>
  /** Requirements that are no list of their own. */
  readonly loose: ReadonlyArray<string>
  readonly names: ReadonlySet<string>
  readonly isInstallable: boolean
}

export const installation = (project: Project): Installation => {
  const config = readToml(textOf(project, "pyproject.toml"))
  const wanted = wantedOf(project, config)
  const isUv = has(project, "uv.lock") || at(config, "tool", "uv", "workspace") !== undefined
  const isPoetry = has(project, "poetry.lock") || at(config, "tool", "poetry", "group") !== undefined
  const [command, lockFiles] =
    isUv && project.hasProgram("uv")
      ? [uv(project, config, wanted), ["uv.lock", "**/pyproject.toml"]]
      : isPoetry && project.hasProgram("poetry")
        ? [poetry(wanted), ["poetry.lock", "pyproject.toml"]]
        : [pip(project, wanted), ["pyproject.toml", "setup.py", "setup.cfg", ...wanted.files]]
  if (command === undefined) return { setup: [], interpreter: undefined, tools: wanted.names }
  return {
    setup: [
      {
        name: "setup",
        role: "setup",
        command,
        lockFiles: lockFiles.filter((file) => file.startsWith("**") || has(project, file)),
        network: true
      }
    ],
    interpreter: ".venv/bin/python",
    tools: wanted.names
  }
}

const uv = (project: Project, config: unknown, { extras, groups }: Wanted): string =>
  [
    "uv sync",
    ...(has(project, "uv.lock") ? ["--frozen"] : []),
    ...(at(config, "tool", "uv", "workspace") === undefined ? [] : ["--all-packages"]),
    ...extras.map((name) => `--extra ${name}`),
    // That of development is uv's own default.
    ...groups.filter((name) => name !== "dev").map((name) => `--group ${name}`)
  ].join(" ")

/** Its environment lies in the project: a home of its own is not there for the next check. */
const poetry = ({ extras }: Wanted): string =>
  [
    "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --no-interaction",
    ...extras.map((name) => `--extras ${name}`)
  ].join(" ")

const venv = ".venv/bin/python"

const pip = (project: Project, wanted: Wanted): string | undefined => {
  const { extras, files, groups, isInstallable, loose } = wanted
  const own = isInstallable ? ["-e", extras.length === 0 ? "." : `.[${extras.join(",")}]`] : []
  const isBare = own.length + files.length + groups.length + loose.length === 0
  if (isBare) return undefined
  // A project whose tests say pytest and whose lists do not.
  const missing = mentionsOf(project, "pytest") && !wanted.names.has("pytest") ? ["pytest"] : []
  const words = [
    ...own,
    ...groups.flatMap((name) => ["--group", name]),
    ...files.flatMap((file) => ["-r", file]),
    ...loose,
    ...missing
  ]
  return [
    // Before 3.13 it ignores itself by no file of its own.
    `python3 -m venv .venv && echo '*' > .venv/.gitignore`,
    ...(groups.length > 0 ? [`${venv} -m pip install -q --upgrade pip`] : []),
    `${venv} -m pip install -q ${words.map(quotedIfNeeded).join(" ")}`
  ].join(" && ")
}

const wantedOf = (project: Project, config: unknown): Wanted => {
  const optional = extrasOf(project, config)
  const groupTable = tableAt(config, "dependency-groups")
  const first = (names: ReadonlyArray<string>) =>
    groupNames
      .map((row) => names.filter((name) => row.some((each) => each === name)))
      .find((row) => row.length > 0) ?? []
  const extras = first([...optional.keys()])
  const groups = first(Object.keys(groupTable))
  const files = [
    ...(has(project, "requirements.txt") ? ["requirements.txt"] : []),
    ...[requirementFiles.map((row) => firstOf(project, row)).find((file) => file !== undefined)].flatMap(
      (file) => file ?? []
    )
  ]
  const isPoetryOnly = at(config, "project") === undefined
  const poetryGroups = Object.values(tableAt(config, "tool", "poetry", "group")).flatMap((group) =>
    Object.keys(tableAt(group, "dependencies"))
  )
  const isInstallable =
    at(config, "build-system") !== undefined ||
    has(project, "setup.py") ||
    /^\[metadata\]/mu.test(textOf(project, "setup.cfg"))
  const declared = stringsAt(config, "project", "dependencies")
  const listed = extras.length + groups.length + files.length > 0
  const loose = [
    ...(isInstallable ? [] : declared),
    ...(isPoetryOnly || !listed ? poetryGroups.filter((name) => name !== "python") : []),
    ...(listed || poetryGroups.length > 0 ? [] : toxDependencies(textOf(project, "tox.ini")))
  ]
  const names = new Set(
    [
      ...declared,
      ...extras.flatMap((name) => optional.get(name) ?? []),
      ...groups.flatMap((name) => groupRequirements(groupTable, name)),
      ...files.flatMap((file) => lines(textOf(project, file))),
      ...loose,
      ...poetryGroups
    ].map(nameOf)
  )
  return { extras, groups, files, loose, names, isInstallable }
}

/** Extras and what they bring, as far as it can be read without running anything. */
const extrasOf = (project: Project, config: unknown): ReadonlyMap<string, ReadonlyArray<string>> => {
  const table = tableAt(config, "project", "optional-dependencies")
  const found = new Map(Object.keys(table).map((name) => [name, stringsAt(table, name)] as const))
  const section = /^\[options\.extras_require\]\n([\s\S]*?)(?=^\[|$(?![\s\S]))/mu.exec(
    textOf(project, "setup.cfg")
  )?.[1]
  for (const [, name = "", list = ""] of (section ?? "").matchAll(
    /^(\w[\w-]*)\s*=([^\n]*(?:\n[ \t]+[^\n]*)*)/gmu
  )) {
    found.set(name, lines(list))
  }
  const script = textOf(project, "setup.py")
  if (/extras_require/u.test(script)) {
    for (const [, name = "", list = ""] of script.matchAll(/["'](\w[\w-]*)["']\s*:\s*\[([^\]]*)\]/gu)) {
      found.set(
        name,
        [...list.matchAll(/["']([^"']+)["']/gu)].map(([, each = ""]) => each)
      )
    }
  }
  return found
}

/** A group may include others. */
const groupRequirements = (
  table: Readonly<Record<string, unknown>>,
  name: string,
  depth = 0
): ReadonlyArray<string> => {
  const list = table[name]
  if (!Array.isArray(list) || depth > 5) return []
  return list.flatMap((each: unknown) => {
    const included = at(each, "include-group")
    return typeof each === "string"
      ? [each]
      : typeof included === "string"
        ? groupRequirements(table, included, depth + 1)
        : []
  })
}

/** What tox installs for every environment; lines for some of them, and with variables, aside. */
const toxDependencies = (text: string): ReadonlyArray<string> => {
  const section = /^\[testenv\]\n([\s\S]*?)(?=^\[|$(?![\s\S]))/mu.exec(text)?.[1] ?? ""
  const list = /^deps\s*=([^\n]*(?:\n[ \t]+[^\n]*)*)/mu.exec(section)?.[1] ?? ""
  return lines(list).filter((line) => /^[A-Za-z0-9][\w.-]*(?:\[[\w,-]+\])?\s*(?:[<>=!~][^:{]*)?$/u.test(line))
}
