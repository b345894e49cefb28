/** Changes to what decides about changes: CI, release, gate and policy files, and the part of a build file that the checks run. */
import type { Change, ChangedFile } from "./change.ts"
import type { Check } from "./checks.ts"
import type { Finding } from "./finding.ts"
import { compareScript, onlyBuilds } from "./buildScript.ts"
import { compareCi } from "./ciChanges.ts"
import { type CommandChange, compareCommands, isBump } from "./commands.ts"
import { isLockFile } from "./dependencyFiles.ts"
import { makefileNames, makefilePart } from "./make.ts"
import { scriptsOf } from "./discover/scripts.ts"
import { isComparedSettings } from "./settings/settings.ts"
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
  const ofCi = new Map(ciChanges(change))
  return change.files.flatMap((file): ReadonlyArray<Finding> => {
    const what = kindOf(file)
    const found =
      what === undefined
        ? recipeChange(change, file, steps, programs, base.get("")?.manifest)
        : {
            weight: ofCi.get(file)?.weight ?? weights[what] ?? "fail",
            how: `decides about ${what}, and the change touches it${ofCi.has(file) ? `: ${ofCi.get(file)?.how}` : ""}`
          }
    const line = file.addedLines[0]
    return found === undefined
      ? []
      : [
          {
            rule: "protected",
            file: file.path,
            ...(line !== undefined && { line }),
            message: found.how,
            ...(found.weight === "note" && { isNote: true as const }),
            ...(found.weight === "ask" && { asks: true as const })
          }
        ]
  })
}

/** Of what is not compared by meaning: who may release, and who reviews, is for a person to say. */
const weights: Readonly<Record<string, CommandChange["weight"]>> = { releases: "ask", policy: "ask" }

const kindOf = ({ oldPath, path }: ChangedFile): string | undefined =>
  [path, ...(oldPath === undefined ? [] : [oldPath])].map(protectedBy).find((each) => each !== undefined)

const ciChanges = (change: Change): ReadonlyArray<readonly [ChangedFile, CommandChange]> => {
  const files = change.files.filter((file) => kindOf(file) === "CI")
  return compareCi(files).flatMap((found, index) => {
    const file = files[index]
    return file === undefined ? [] : [[file, found] as const]
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
  change: Change,
  file: ChangedFile,
  steps: ReadonlyArray<Step>,
  programs: ReadonlySet<string>,
  manifest: string | undefined
): CommandChange | undefined => {
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
    const found = compareRecipes(before ?? "", after ?? "")
    // Without its makefile a check does not start at all, and that is seen.
    return file.status === "deleted" && found !== undefined ? { ...found, weight: "ask" } : found
  }
  if (file.status === "added") return undefined
  if (name === "package.json") {
    const names = here.flatMap(({ command }) => scriptNames(command))
    const [before, after] = [file.before, file.after].map((text) => reachedScripts(scriptsOf(text), names))
    return before === undefined || after === undefined
      ? undefined
      : compareScripts(before, after, (program) => isBuildScript(change, inside(folder, program)))
  }
  // What a check runs is its recipe, unless it is itself the test, or the product that the test starts.
  const isRecipe =
    (programs.has(path) || programs.has(path.replace(/\/[^/]*$/u, ""))) &&
    !/test/iu.test(path) &&
    !isLockFile(path) &&
    !isProduct(path, manifest) &&
    !isComparedSettings(path)
  if (!isRecipe) return undefined
  const how = "is a program that a check of the gate runs"
  // A tool that is still told to read it fails; a check that tells it no longer is compared itself.
  const isNeedless = /\.(?:json|ya?ml|toml|ini)$/u.test(path) || isBuildScript(change, path)
  if (file.status === "deleted" && isNeedless) return { weight: "note", how: `${how}, and is deleted` }
  return path.endsWith(".sh") && file.before !== undefined && file.after !== undefined
    ? compareScript(file.before, file.after)
    : { weight: "ask", how }
}

/** A shell script of the change that only builds, as it was. */
const isBuildScript = ({ files }: Change, path: string): boolean => {
  const before = files.find((file) => (file.oldPath ?? file.path) === path)?.before
  return before !== undefined && path.endsWith(".sh") && onlyBuilds(before)
}

const withHow = (found: CommandChange | undefined, what: string): CommandChange | undefined =>
  found === undefined ? undefined : { weight: found.weight, how: `${what}: ${found.how}` }

/** Calls of other scripts stand for what those run. */
const compareScripts = (
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  isKnownBuild: (program: string) => boolean
): CommandChange | undefined => {
  const flat = (scripts: ReadonlyMap<string, string>) =>
    [...scripts.values()]
      .map((script) =>
        script.replaceAll(
          /\b(?:npm|pnpm|yarn|bun)\s+(?:-\S+\s+)*(?:run(?:-script)?\s+[\w:.-]+|test\b)/gu,
          "npm run"
        )
      )
      .toSorted()
      .join("\n")
  if (JSON.stringify([...before].toSorted()) === JSON.stringify([...after].toSorted())) return undefined
  return withHow(
    compareCommands(flat(before), flat(after), isKnownBuild),
    "changes a script that a check of the gate runs"
  )
}

/** Of a makefile: variables by what they hold, recipes by what they run. */
const compareRecipes = (before: string, after: string): CommandChange | undefined => {
  if (before === after) return undefined
  const what = "changes what make does in a check of the gate"
  if (isBump(before, after)) return { weight: "note", how: `${what}: other versions` }
  const lines = (text: string) => text.split("\n").map((line) => line.trim())
  const known = new Set(lines(before))
  const come = lines(after).filter((line) => !known.has(line))
  const forces = come.find(
    (line) =>
      /^(?:export\s+)?(?:SHELL|\.SHELLFLAGS)\s*[:?+]?=(?!\s*(?:\S*\/)?(?:env\s+)?(?:ba|da|z|k)?sh\b|\s*-\w+)/u.test(
        line
      ) ||
      /^(?:export\s+)?(?:MAKEFLAGS|GNUMAKEFLAGS)\s*[:?+]?=.*(?:-\w*[intq]|--(?:ignore-errors|keep-going|just-print|touch))/u.test(
        line
      ) ||
      /^\.IGNORE\b/u.test(line)
  )
  if (forces !== undefined) return { weight: "fail", how: `${what}: ${forces.slice(0, 80)}` }
  const ignores = (text: string) => text.split("\n").filter((line) => /^\t@?-/u.test(line)).length
  if (ignores(after) > ignores(before))
    return { weight: "fail", how: `${what}: a command that fails no longer counts` }
  const commands = (text: string) =>
    text
      .split("\n")
      .map((line) =>
        line.startsWith("\t")
          ? line.replace(/^\t[@+-]*/u, "")
          : line.replace(/^(?:export\s+)?[\w.-]+\s*[:+?]*=\s*/u, "").replace(/^[^=]*::?(?!=).*$/u, "")
      )
      .filter((line) => line.trim() !== "")
      .join("\n")
  return withHow(
    compareCommands(commands(before), commands(after)) ?? { weight: "note", how: "something is added" },
    what
  )
}

/** Files of the package itself: what it exports and installs. */
const isProduct = (path: string, manifest: string | undefined): boolean =>
  /^(?:src|lib|source|app|dist)\//u.test(path) ||
  (manifest !== undefined && entriesOf(manifest).includes(path))

const entriesOf = (manifest: string): ReadonlyArray<string> => {
  try {
    const { bin, exports, main, module }: Record<string, unknown> = JSON.parse(manifest)
    return [...JSON.stringify([main, module, bin, exports]).matchAll(/"(?:\.\/)?([^"]+\.\w+)"/gu)].map(
      ([, path = ""]) => path
    )
  } catch {
    return []
  }
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
