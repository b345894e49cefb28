/** Which test runner a check comes to: the table of runners, and the make targets and package scripts that hide one. */
import type { Check } from "./checks.ts"
import { maxCommandBytes } from "./exchange.ts"
import { scriptsOf } from "./discover/scripts.ts"
import { ctest } from "./runners/ctest.ts"
import { go } from "./runners/go.ts"
import { type Invocation, parseInvocation, render } from "./runners/invocation.ts"
import { gradle, maven } from "./runners/jvm.ts"
import { ava, jest, mocha, nodeTest, vitest, tape } from "./runners/node.ts"
import { pytest, unittest } from "./runners/python.ts"
import { cargo } from "./runners/rust.ts"
import type { Recognise, TestRunner } from "./runners/TestRunner.ts"
import { together } from "./runners/together.ts"
import { scriptRun } from "./workspaceCommand.ts"

const table: ReadonlyArray<Recognise> = [
  go,
  pytest,
  unittest,
  cargo,
  nodeTest,
  vitest,
  jest,
  mocha,
  ava,
  tape,
  maven,
  gradle,
  ctest
]

/** Files of the base that name commands, as far as they are there. Not of the commit: its author would choose what is run. */
export interface Recipes {
  readonly makefile?: string | undefined
  readonly packageJson?: string | undefined
  /** The package.json files of folders, by folder without a slash at its end. */
  readonly packages?: ReadonlyMap<string, string>
}

/** A check that runs tests: by its role, or by what it is called where it has none. */
export const isTestCheck = ({ name, role, target }: Check): boolean =>
  role === undefined
    ? /(?:^|[-_. :/])(?:tests?|spec|unit|integration|e2e)(?:$|[-_. :/])/iu.test(target ?? name)
    : role === "test"

/** Paths that checks of tests name in their commands: `test.sh` in `sh test.sh`. */
export const namedBy = (checks: ReadonlyArray<Pick<Check, "command">>): ReadonlySet<string> =>
  new Set(
    checks.flatMap(({ command }) =>
      (parseInvocation(command)?.words ?? command.split(/\s+/u)).map((word) => word.replace(/^\.\//u, ""))
    )
  )

/** A make target may run another one, a script a third. */
const maxIndirections = 5

/** The runner of a check; undefined where the command cannot be taken apart, or is of a kind that is not known. */
export const runnerOf = (check: Pick<Check, "command">, recipes: Recipes): TestRunner | undefined => {
  const runner = runnerBehind(check.command, recipes, maxIndirections)
  return runner === undefined ? undefined : fitting(runner)
}

const runnerBehind = (command: string, recipes: Recipes, left: number): TestRunner | undefined => {
  const invocation = parseInvocation(command)
  if (invocation === undefined || left === 0) return undefined
  for (const recognise of table) {
    const runner = recognise(invocation)
    if (runner !== undefined) return runner
  }
  const runners = behind(invocation, recipes).map((next) => runnerBehind(next, recipes, left - 1))
  const known = runners.filter((runner) => runner !== undefined)
  return known.length === 0 || known.length < runners.length ? undefined : together(known)
}

/** A check's command, and what is behind it: the recipe of a make target, a package script, and so on. */
export const layersOf = (check: Pick<Check, "command">, recipes: Recipes): ReadonlyArray<string> => {
  const layers: Array<string> = []
  let next: ReadonlyArray<string> = [check.command]
  for (let depth = 0; depth < maxIndirections && next.length > 0; depth++) {
    layers.push(...next)
    next = next.flatMap((command) => {
      const invocation = parseInvocation(command)
      return invocation === undefined ? [] : behind(invocation, recipes)
    })
  }
  return layers
}

/** A room puts some words of its own before a command (`room.ts`). */
const maxBytes = maxCommandBytes - 1_024

const fitting = (runner: TestRunner): TestRunner => {
  const short = (command: string | undefined) =>
    command !== undefined && new TextEncoder().encode(command).length <= maxBytes ? command : undefined
  return {
    ...runner,
    narrow: (files) => short(runner.narrow(files)),
    only: (failures) => short(runner.only(failures)),
    except: (failures) => short(runner.except(failures))
  }
}

/** The commands that a make target or a script of a package stands for: one for each folder in which it runs. */
const behind = ({ folder, lead, words }: Invocation, recipes: Recipes): ReadonlyArray<string> => {
  const [program, ...rest] = words
  if (program === "make" || program === "gmake") {
    const [target, ...others] = rest.filter((word) => !/^-(?:s|k|-silent|-no-print-directory)$/u.test(word))
    const recipe =
      folder !== "" || target === undefined || others.length > 0 || recipes.makefile === undefined
        ? undefined
        : recipeOf(recipes.makefile, target)
    return recipe === undefined ? [] : [`${lead}${recipe}`]
  }
  const manifests = manifestsOf(folder.replace(/\/$/u, ""), recipes)
  const run = scriptRun(words, manifests)
  return (run?.folders ?? []).map((into) => {
    const scripts = scriptsOf(manifests.get(into))
    const script = scripts[run?.script ?? ""] ?? ""
    const more = run?.more ?? []
    const before = scripts[`pre${run?.script ?? ""}`]
    const first = before === undefined ? "" : `${before} && `
    const up = `${folder}${into}`.split("/").filter((part) => part !== "")
    // npm finds the programs of the folder, and of those around it.
    const bins = ["", ...up.map((_, index) => "/..".repeat(index + 1))].map(
      (path) => `$PWD${path}/node_modules/.bin`
    )
    const enter = into === "" ? "" : `cd ${into} && `
    return `${lead}${enter}export PATH="${bins.join(":")}:$PATH"; ${first}${script}${more.length > 0 ? render(" ", more) : ""}`
  })
}

/** As a command in the folder sees them. */
const manifestsOf = (folder: string, { packageJson, packages }: Recipes): ReadonlyMap<string, string> => {
  const all = new Map([
    ...(packageJson === undefined ? [] : [["", packageJson] as const]),
    ...(packages ?? [])
  ])
  if (folder === "") return all
  return new Map(
    [...all].flatMap(([path, text]) =>
      path === folder
        ? [["", text] as const]
        : path.startsWith(`${folder}/`)
          ? [[path.slice(folder.length + 1), text] as const]
          : []
    )
  )
}

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/gu, "\\$&")

/** A target's recipe as one command, after the targets that it depends on; undefined when it needs more of make than plain variables. */
export const recipeOf = (makefile: string, target: string): string | undefined => {
  const lines = makefile.replaceAll("\\\n", " ").split("\n")
  const at = lines.findIndex((line) => new RegExp(`^${escape(target)}\\s*:(?!=)`, "u").test(line))
  if (at < 0) return undefined
  const recipe: Array<string> = []
  for (const line of lines.slice(at + 1)) {
    if (!line.startsWith("\t")) break
    recipe.push(line.replace(/^\t[@+-]*/u, "").trim())
  }
  const needs = (lines[at] ?? "")
    .replace(/^[^:]*::?/u, "")
    .replace(/#.*$/u, "")
    .trim()
  const values = variablesOf(lines)
  const text = [...(needs === "" ? [] : [`make ${needs}`]), ...recipe.filter((line) => line !== "")]
    .join(" && ")
    .replace(/\$\$|\$[({](\w+)[)}]/gu, (whole, name: string | undefined) =>
      name === undefined ? "$" : (values.get(name) ?? whole)
    )
  // Each line of a recipe has a shell of its own.
  if (recipe.length > 1 && recipe.some((line) => /\bcd\s/u.test(line))) return undefined
  return recipe.length === 0 || /\$[({@<^*]|[|;]\s*$/u.test(text) ? undefined : text
}

const variablesOf = (lines: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const values = new Map<string, string>([["MAKE", "make"]])
  for (const line of lines) {
    const found = /^(?:export\s+)?(\w+)\s*(?:\?|:{1,2})?=\s*([^#\n]*)/u.exec(line)
    if (found?.[1] !== undefined) values.set(found[1], (found[2] ?? "").trim())
  }
  return values
}
