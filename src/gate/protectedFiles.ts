/** Changes to what decides about changes: CI, release, gate and policy files, and the part of a build file that the checks run. */
import type { Change, ChangedFile } from "./change.ts"
import type { Check } from "./checks.ts"
import type { Finding } from "./finding.ts"
import { makefileNames, makefilePart } from "./make.ts"
import { scriptsOf } from "./discover/scripts.ts"
import { filesRunBy } from "./recipes.ts"

const protectedPaths: ReadonlyArray<{ readonly what: string; readonly form: RegExp }> = [
  { what: "the gate", form: /^\.foreman\//u },
  {
    what: "CI",
    form: /^(\.github\/(workflows|actions)\/|\.circleci\/|\.buildkite\/|\.ci\/|\.gitlab\/ci\/|\.gitlab-ci\.ya?ml$|\.travis\.yml$|\.drone\.ya?ml$|\.woodpecker|Jenkinsfile$|azure-pipelines[^/]*\.ya?ml$|bitbucket-pipelines\.ya?ml$|\.pre-commit-config\.ya?ml$)/u
  },
  {
    what: "releases",
    form: /^(\.goreleaser\.ya?ml$|\.releaserc|release\.config\.[cm]?js$|release-please-config\.json$|\.github\/release[^/]*\.ya?ml$|cliff\.toml$)/u
  },
  {
    what: "policy",
    form: /^((\.github\/|docs\/|\.gitlab\/)?CODEOWNERS$|\.github\/(settings|branch-protection)[^/]*\.ya?ml$)/u
  }
]

/** What a path decides about; undefined for one that decides nothing by its name. */
export const protectedBy = (path: string): string | undefined =>
  protectedPaths.find(({ form }) => form.test(path))?.what

/** Build files of one folder of the base: commands of the checks lead into them. */
export interface BuildFiles {
  readonly makefile?: string | undefined
  readonly manifest?: string | undefined
}

/** Part of a check: one command, and where it runs. */
interface Step extends Pick<Check, "target" | "command"> {
  /** From the root; empty, or ending with a slash. */
  readonly folder: string
}

/** A path from the root; what leads out of the repository stays in it. */
const inside = (folder: string, path: string): string => {
  const parts: Array<string> = []
  for (const part of `${folder}${path}`.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return parts.join("/")
}
const folderInside = (folder: string, path: string): string => {
  const found = inside(folder, path)
  return found === "" ? "" : `${found}/`
}
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1)

const folderOption = /\s(?:-C|--prefix|--directory|--cwd)[ =](["']?)([\w./-]+)\1/u

/** `cd web && make -C tools lint` is one step, in `web/tools/`. A folder that only a variable knows is taken for the one before. */
const stepsOf = ({ command, target }: Check): ReadonlyArray<Step> => {
  if (target !== undefined) return [{ folder: "", target, command }]
  let folder = ""
  return command.split(/&&|\|\||[;\n]/u).flatMap((part): ReadonlyArray<Step> => {
    const to = /^\s*\(?\s*cd\s+(["']?)([\w./-]+)\1\s*$/u.exec(part)?.[2]
    if (to !== undefined) {
      folder = folderInside(folder, to)
      return []
    }
    const own = folderOption.exec(part)
    return [
      own?.[2] === undefined
        ? { folder, command: part }
        : { folder: folderInside(folder, own[2]), command: part.replace(own[0], "") }
    ]
  })
}

/** Folders in which the checks run something. */
export const foldersOf = (checks: ReadonlyArray<Check>): ReadonlyArray<string> => [
  ...new Set(checks.flatMap(stepsOf).map(({ folder }) => folder))
]

/** `checks` are those of the gate; what they do not run of a Makefile or a package.json may change. `base` has its build files by folder. */
export const protectedChanges = (
  change: Change,
  checks: ReadonlyArray<Check>,
  base: ReadonlyMap<string, BuildFiles> = new Map()
): ReadonlyArray<Finding> => {
  const steps = checks.flatMap(stepsOf)
  const programs = new Set(
    foldersOf(checks).flatMap((folder) =>
      commandsOf(
        steps.filter((step) => step.folder === folder),
        base.get(folder) ?? {}
      )
        .flatMap(filesRunBy)
        .map((path) => inside(folder, path))
    )
  )
  return change.files.flatMap((file): ReadonlyArray<Finding> => {
    const what = [file.path, ...(file.oldPath === undefined ? [] : [file.oldPath])]
      .map(protectedBy)
      .find((each) => each !== undefined)
    const message =
      what === undefined
        ? recipeChange(file, steps, programs)
        : `decides about ${what}, and the change touches it`
    const line = file.addedLines[0]
    return message === undefined
      ? []
      : [{ rule: "protected", file: file.path, ...(line !== undefined && { line }), message }]
  })
}

/** What steps of one folder run, with the recipes that make and npm run for them. */
const commandsOf = (
  steps: ReadonlyArray<Step>,
  { makefile, manifest }: BuildFiles
): ReadonlyArray<string> => {
  const targets = steps.flatMap(targetsOf)
  const names = steps.flatMap(({ command }) => scriptNames(command))
  return [
    ...steps.map(({ command }) => command),
    ...(targets.length === 0
      ? []
      : makefilePart(makefile ?? "", targets)
          .split("\n")
          .map((line) => line.replace(/^(?:\t[@+-]*|[\w.-]+\s*[:+?]*=\s*)/u, ""))),
    ...reachedScripts(scriptsOf(manifest), names).values()
  ]
}

const recipeChange = (
  file: ChangedFile,
  steps: ReadonlyArray<Step>,
  programs: ReadonlySet<string>
): string | undefined => {
  const path = file.oldPath ?? file.path
  const folder = folderOf(path)
  const name = path.slice(folder.length)
  const here = steps.filter((step) => step.folder === folder)
  // What the base has not, the base's checks do not run; but make would take a new file of the better name.
  const isMakefile = makefileNames.some((each) => each === name)
  if (isMakefile || name.endsWith(".mk")) {
    const targets = (isMakefile ? here : steps).flatMap(targetsOf)
    if (targets.length === 0) return undefined
    const [before, after] = [file.before ?? "", file.after ?? ""].map((text) => makefilePart(text, targets))
    return before === after ? undefined : "changes what make does in a check of the gate"
  }
  if (file.status === "added") return undefined
  if (name === "package.json") {
    const names = here.flatMap(({ command }) => scriptNames(command))
    const [before, after] = [file.before, file.after].map((text) =>
      JSON.stringify([...reachedScripts(scriptsOf(text), names)].sort(([a], [b]) => (a < b ? -1 : 1)))
    )
    return before === after ? undefined : "changes a script that a check of the gate runs"
  }
  // What a check runs is its recipe, unless it is itself the test.
  return (programs.has(path) || programs.has(path.replace(/\/[^/]*$/u, ""))) && !/test/iu.test(path)
    ? "is a program that a check of the gate runs"
    : undefined
}

/** Make's own targets in a command; the default one where it names none. */
const targetsOf = ({ target, command }: Step): ReadonlyArray<string> =>
  target === undefined
    ? [...command.matchAll(/\bmake\b([^;&|\n]*)/gu)].flatMap(([, rest = ""]) => {
        const named = rest.split(/\s+/u).filter((word) => /^[\w./-]+$/u.test(word) && !word.startsWith("-"))
        return named.length === 0 ? ["all"] : named
      })
    : [target]

/** Scripts of a package.json that a command calls, with what runs before and after them. */
const scriptNames = (command: string): ReadonlyArray<string> =>
  [
    ...command.matchAll(
      /\b(?:npm|pnpm|yarn|bun)\s+(?:-\S+\s+)*(?:run(?:-script)?\s+)?(?:-\S+\s+)*([\w:.-]+)/gu
    ),
    ...command.matchAll(/\bnode\s+--run[ =]([\w:.-]+)/gu)
  ].flatMap(([, name = ""]) => {
    const script = name === "t" || name === "tst" ? "test" : name
    return [`pre${script}`, script, `post${script}`]
  })

/** All scripts that these names lead to. */
const reachedScripts = (
  scripts: Readonly<Record<string, string>>,
  names: ReadonlyArray<string>
): ReadonlyMap<string, string> => {
  const reached = new Map<string, string>()
  const toSee = [...names]
  for (let name = toSee.pop(); name !== undefined; name = toSee.pop()) {
    const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined
    if (script === undefined || reached.has(name)) continue
    reached.set(name, script)
    toSee.push(...scriptNames(script))
  }
  return reached
}
