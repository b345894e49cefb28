/** Python: uv, Poetry or pip, the interpreter that the checks then use, its test runner, and the linters that a project brings. */
import type { Check } from "../checks.ts"
import { isTestPath } from "../files.ts"
import { membersOf } from "./packages.ts"
import { installation, mentionsOf } from "./pythonInstall.ts"
import {
  at,
  type Discover,
  folderOf,
  fromFolder,
  has,
  inFolder,
  isForeign,
  type Project,
  readToml,
  stringsAt,
  textOf
} from "./Project.ts"

const marks = [
  "pyproject.toml",
  "setup.py",
  "setup.cfg",
  "requirements.txt",
  "tox.ini",
  "pytest.ini",
  "Pipfile"
] as const

export const python: Discover = (project) => {
  if (!has(project, ...marks)) return []
  const installed = installation(project)
  const members = uvMembers(project)
  const tools =
    project.isUnattended || installed.interpreter !== undefined ? installed.tools : new Set<string>()
  const run = (module: string) => `${installed.interpreter ?? "python3"} -m ${module}`
  return [
    ...installed.setup,
    ...linters(project, tools, run),
    ...(members.length === 0 ? tests(project, run) : []),
    ...members.flatMap((folder) => testsOfMember(project, folder))
  ]
}

/** Linters and type checkers: configured, and installed with the project or, where somebody has looked, on this machine. */
const linters = (
  project: Project,
  tools: ReadonlySet<string>,
  run: (module: string) => string
): ReadonlyArray<Check> => {
  const config = readToml(textOf(project, "pyproject.toml"))
  const isSet = (name: string) => at(config, "tool", name) !== undefined
  const commandOf = (tool: string, words: string): string | undefined =>
    tools.has(tool)
      ? run(`${tool} ${words}`.trim())
      : !project.isUnattended && project.hasProgram(tool)
        ? `${tool} ${words}`.trim()
        : undefined
  const wanted: ReadonlyArray<readonly [boolean, "format" | "lint" | "build", string, string]> = [
    [isSet("black"), "format", "black", "--check -q ."],
    [at(config, "tool", "ruff", "format") !== undefined, "format", "ruff", "format --check ."],
    [isSet("ruff") || has(project, "ruff.toml", ".ruff.toml"), "lint", "ruff", "check ."],
    [has(project, ".flake8"), "lint", "flake8", ""],
    [
      at(config, "tool", "mypy", "files") !== undefined ||
        at(config, "tool", "mypy", "packages") !== undefined,
      "build",
      "mypy",
      ""
    ]
  ]
  return wanted.flatMap(([isWanted, role, tool, words]) => {
    const command = isWanted ? commandOf(tool, words) : undefined
    const name = role === "format" ? `${tool} format`.replace("black format", "black") : tool
    return command === undefined ? [] : [{ name, role, command } satisfies Check]
  })
}

const isTest = (path: string): boolean => path.endsWith(".py") && isTestPath(path)

const tests = (project: Project, run: (module: string) => string): ReadonlyArray<Check> => {
  if (!project.paths.some(isTest)) return []
  if (isPytest(project)) return [{ name: "pytest", role: "test", command: run("pytest -q") }]
  // Discovery from the root imports packages: a folder that is none is named.
  const folder = ["tests", "test"].find(
    (name) =>
      !has(project, `${name}/__init__.py`) && project.paths.some((path) => path.startsWith(`${name}/test`))
  )
  const isAtRoot = project.paths.some((path) => /^test[^/]*\.py$/u.test(path))
  return [
    {
      name: "unittest",
      role: "test",
      command: run(folder === undefined || isAtRoot ? "unittest" : `unittest discover -s ${folder}`)
    }
  ]
}

/** Whether anything says pytest: a file of its own, or a text that tells how the project is tested. */
const isPytest = (project: Project): boolean =>
  has(project, "pytest.ini", ".pytest.ini") ||
  project.paths.some((path) => /(?:^|\/)conftest\.py$/u.test(path) && !isForeign(path)) ||
  mentionsOf(project, "pytest")

const uvMembers = (project: Project): ReadonlyArray<string> => {
  const config = readToml(textOf(project, "pyproject.toml"))
  const folders = project.paths.flatMap((path) =>
    path.endsWith("/pyproject.toml") && !isForeign(path) ? [folderOf(path)] : []
  )
  return membersOf(
    [
      ...stringsAt(config, "tool", "uv", "workspace", "members"),
      ...stringsAt(config, "tool", "uv", "workspace", "exclude").map((pattern) => `!${pattern}`)
    ],
    folders
  )
}

/** By the interpreter of the workspace, which the root's set-up made. What a package needs of its neighbours it names as a workspace source. */
const testsOfMember = (project: Project, folder: string): ReadonlyArray<Check> => {
  const up = folder
    .split("/")
    .map(() => "..")
    .join("/")
  const own = inFolder(project, folder)
  const sources = Object.keys(
    (at(readToml(textOf(own, "pyproject.toml")), "tool", "uv", "sources") as object | undefined) ?? {}
  )
  const others = sources.length > 0 ? uvMembers(project).filter((each) => each !== folder) : []
  const found =
    isPytest(project) || isPytest(own)
      ? own.paths.some(isTest)
        ? [{ name: "pytest", role: "test", command: `${up}/.venv/bin/python -m pytest -q` } satisfies Check]
        : []
      : tests(own, (module) => `${up}/.venv/bin/python -m ${module}`)
  return found.map((check) => ({
    ...fromFolder(folder, check),
    paths: [`${folder}/**`, ...others.map((each) => `${each}/**`), "pyproject.toml", "uv.lock", "conftest.py"]
  }))
}
