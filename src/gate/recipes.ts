/** Which files of the repository a command runs, or is told how to work by: the recipe of a check. What it looks at is not among them. */

const shells = /^(?:ba|da|z|k)?sh$/u
const interpreters = /^(?:node|bun|tsx|ts-node|deno|go|python[\d.]*|ruby|perl|php|Rscript|lua|source|\.)$/u
/** They run another command, which follows their own options. */
const wrappers =
  /^(?:env|exec|command|time|nice|nohup|timeout|xargs|npx|cross-env|cross-env-shell|uv|poetry|pipenv|run|!|if|then|do|while|else)$/u
/** After these comes no program of the repository: code, a module, a check of syntax, a runner of tests. */
const ends = /^(?:-[cemp]|-[a-z]+c|--eval|--print|--check|--test|--run)$/u
const takesValue = /^(?:-[rWXI]|--require|--import|--loader|--experimental-loader)$/u
/** By tool, the options whose value is a file that says how to work. `-c` of one is `--check` of another, so each has its own. */
const configOptions: ReadonlyArray<readonly [tool: RegExp, options: RegExp]> = [
  [
    /^(?:eslint|oxlint|stylelint|tsup|rollup|jshint|htmlhint|markdownlint(?:-cli2?)?|vitest|jest|playwright|vite|webpack|karma)$/u,
    /^(?:-c|--config)$/u
  ],
  [
    /^(?:mocha|_mocha|c8|nyc|prettier|oxfmt|ruff|black|ava|tap|biome|golangci-lint|yamllint|commitlint|lint-staged)$/u,
    /^--config(?:-path|-file)?$/u
  ],
  [/^(?:golangci-lint|yamllint|pytest|py\.test|tox)$/u, /^(?:-c|--config-file)$/u],
  [/^(?:tsc|vue-tsc|tsgo|tsd|dtslint)$/u, /^(?:-p|--project)$/u],
  [
    /^(?:mypy|isort|bandit|flake8|pyright)$/u,
    /^(?:--config-file|--config|--settings(?:-file|-path)?|-c|--project)$/u
  ],
  [/^(?:pylint|coverage)$/u, /^--rcfile$/u],
  [/^(?:mocha|_mocha|node|tsx|ts-node|ava)$/u, /^(?:-r|--require|--import|--loader|--experimental-loader)$/u]
]

/** The files that the options of one simple command name as settings or as code to load first. */
const settingsOf = (command: string): ReadonlyArray<string> => {
  const words = withoutWrappers(command.trim().split(/\s+/u).map(bare))
  return words.flatMap((word, index) => {
    const tools = words.slice(0, index).map((each) => each.replace(/^.*\//u, ""))
    const [option = "", value = words[index + 1] ?? ""] = word.split(/=(.*)/su)
    const isConfig = configOptions.some(
      ([tool, options]) => options.test(option) && tools.some((each) => tool.test(each))
    )
    if (!isConfig || value === "") return []
    return [
      /^(?:-p|--project)$/u.test(option) && !value.includes(".json")
        ? `${bare(value)}/tsconfig.json`
        : bare(value)
    ]
  })
}

const bare = (word: string): string => word.replaceAll(/^["']|["']$/gu, "").replace(/^\.\//u, "")

/** The word that is run, without what stands before it: variables, `env`, `timeout -k 5 60`. */
export const withoutWrappers = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  let isWrapped = false
  const first = words.findIndex((word) => {
    const isPrefix =
      /^[A-Za-z_]\w*=/u.test(word) || wrappers.test(word) || (isWrapped && /^(?:-|\d)/u.test(word))
    isWrapped ||= wrappers.test(word)
    return !isPrefix
  })
  return first < 0 ? [] : words.slice(first)
}

/** Of one simple command. */
const programOf = (command: string): ReadonlyArray<string> => {
  const words = command.trim().split(/\s+/u).map(bare)
  const [program = "", ...rest] = withoutWrappers(words)
  const isShell = shells.test(program)
  if (program === "go" && rest[0] !== "run") return []
  if (!isShell && !interpreters.test(program)) return program.includes("/") ? [program] : []
  for (const [index, word] of rest.entries()) {
    // `sh -n` reads a script, and runs nothing of it.
    if (ends.test(word) || (isShell && /^-[a-z]*n/u.test(word))) return []
    const isValue = takesValue.test(rest[index - 1] ?? "")
    if (!word.startsWith("-") && !isValue && word !== "run") return [word]
  }
  return []
}

/** Files, or folders of programs, from the root of the repository, as far as the words of the command show them. */
export const filesRunBy = (command: string): ReadonlyArray<string> => [
  ...command.split(/[\n;&|()`{}]/u).flatMap(programOf),
  ...command.split(/[\n;&|()`{}]/u).flatMap(settingsOf)
]
