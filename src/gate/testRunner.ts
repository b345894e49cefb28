/** Which test runner a check comes to: the table of runners, and the make targets and package scripts that hide one. */
import type { Check } from "./checks.ts"
import { maxCommandBytes } from "./exchange.ts"
import { scriptsOf } from "./presets.ts"
import { go } from "./runners/go.ts"
import { parseInvocation, render } from "./runners/invocation.ts"
import { jest, mocha, nodeTest, vitest } from "./runners/node.ts"
import { pytest, unittest } from "./runners/python.ts"
import { cargo } from "./runners/rust.ts"
import type { Recognise, TestRunner } from "./runners/TestRunner.ts"

const table: ReadonlyArray<Recognise> = [go, pytest, unittest, cargo, nodeTest, vitest, jest, mocha]

/** Files of the base that name commands, as far as they are there. Not of the commit: its author would choose what is run. */
export interface Recipes {
  readonly makefile?: string | undefined
  readonly packageJson?: string | undefined
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
  for (const command of layersOf(check, recipes)) {
    const invocation = parseInvocation(command)
    for (const recognise of invocation === undefined ? [] : table) {
      const runner = invocation && recognise(invocation)
      if (runner !== undefined) return fitting(runner)
    }
  }
  return undefined
}

/** A check's command, and what is behind it: the recipe of a make target, a package script, and so on. */
export const layersOf = (check: Pick<Check, "command">, recipes: Recipes): ReadonlyArray<string> => {
  const layers = [check.command]
  while (layers.length < maxIndirections) {
    const invocation = parseInvocation(layers.at(-1) ?? "")
    const next = invocation?.folder === "" ? behind(invocation.words, recipes) : undefined
    if (invocation === undefined || next === undefined) break
    layers.push(`${invocation.lead}${next}`)
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

const behind = (words: ReadonlyArray<string>, recipes: Recipes): string | undefined => {
  const [program, ...rest] = words
  if (program === "make" || program === "gmake") {
    const [target, ...others] = rest.filter((word) => !/^-(?:s|k|-silent|-no-print-directory)$/u.test(word))
    return target === undefined || others.length > 0 || recipes.makefile === undefined
      ? undefined
      : recipeOf(recipes.makefile, target)
  }
  if (!/^(?:npm|pnpm|yarn)$/u.test(program ?? "") || recipes.packageJson === undefined) return undefined
  const said = rest.filter((word) => !/^(?:run|run-script|-s|--silent|-q)$/u.test(word))
  const name = said[0] === "t" ? "test" : said[0]
  if (name === undefined) return undefined
  const script = scriptsOf(recipes.packageJson)[name]
  if (script === undefined) return undefined
  const more = said.slice(1).filter((word, index) => index > 0 || word !== "--")
  const before = scriptsOf(recipes.packageJson)[`pre${name}`]
  const first = before === undefined ? "" : `${before} && `
  return `export PATH="$PWD/node_modules/.bin:$PATH"; ${first}${script}${more.length > 0 ? render(" ", more) : ""}`
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
