/** Which files of the repository a command runs, or is told how to work by: the recipe of a check. What it looks at is not among them. */

const shells = /^(?:ba|da|z|k)?sh$/u
const interpreters = /^(?:node|bun|tsx|ts-node|deno|go|python[\d.]*|ruby|perl|php|Rscript|lua|source|\.)$/u
/** They run another command, which follows their own options. */
const wrappers =
  /^(?:env|exec|command|time|nice|nohup|timeout|xargs|npx|uv|poetry|pipenv|run|!|if|then|do|while|else)$/u
/** After these comes no program of the repository: code, a module, a check of syntax, a runner of tests. */
const ends = /^(?:-[cemp]|-[a-z]+c|--eval|--print|--check|--test|--run)$/u
const takesValue = /^(?:-[rWXI]|--require|--import|--loader|--experimental-loader)$/u
/** Options whose value is a file that says how to work. */
const configured =
  /(?:^|\s)(?:-[cr]|--?conf(?:ig)?(?:-file|-path)?|--rcfile|--settings|--ini-file|--require|--import|--loader|--experimental-loader)(?:=|\s+)(\S+)/gu

const bare = (word: string): string => word.replaceAll(/^["']|["']$/gu, "").replace(/^\.\//u, "")

/** The word that is run, without what stands before it: variables, `env`, `timeout -k 5 60`. */
const withoutWrappers = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
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
  ...[...command.matchAll(configured)].map(([, path = ""]) => bare(path))
]
