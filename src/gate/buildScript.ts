/** A changed shell script that a check runs: a recipe that only builds is compared like a command, any other is for a person to read. */
import { type CommandChange, compareCommands, programsIn } from "./commands.ts"

/** They make, move and print files. What tells good from bad (`grep`, `diff`, `[`, `exit 1`, an interpreter, a linter) is not among them. */
const builds =
  /^(?:rm|cp|mkdir|mv|ln|cat|touch|chmod|export|set|cd|pushd|popd|echo|printf|true|:|then|fi|else|for|do|done|case|esac|builtin|pwd|dirname|basename|rimraf|mkdirp|cpy|sync-content|shx|rollup|vite|webpack|esbuild|tsup|unbuild|tsdown|swc|babel|browserify|uglifyjs|terser|sass|tsc|tshy|unset)$/u

/** The bodies of here-documents, which are data; what they have the shell run is kept. */
const withoutBodies = (text: string): string =>
  text.replaceAll(
    /<<-?[ \t]*(["']?)([^\s"';|&]+)\1([^\n]*\n)([\s\S]*?\n)?[ \t]*\2[ \t]*$/gmu,
    (_, __, ___, rest: string, body = "") =>
      `${rest}${[...body.matchAll(/\$\(([^\n]*)\)|`([^`\n]*)`/gu)].map(([, one, other]) => one ?? other).join("\n")}`
  )

/** Says the version of the package, and no more. */
const version = /\bnode -p ['"]require\(['"]\.\/package\.json['"]\)\.version['"]/gu

const commandsIn = (text: string): string =>
  withoutBodies(text)
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#.*$/u, "").trim())
    .filter((line) => line !== "")
    .join("\n")
    .replaceAll(version, "echo")
    .replaceAll(/\$\((?:npm bin|pwd|builtin cd [^()\n]*|dirname "\$0")\)/gu, "")
    .replaceAll(/\$\{(\w+)[^}\n]*\}/gu, "$$$1")
    // To stop where a folder is missing is no verdict.
    .replaceAll(/(\bcd\s+(?:"[^"\n]*"|\S+))\s*\|\|\s*exit\s+1/gu, "$1")
    .replaceAll(/\bnpm pack\b[^\n]*/gu, "echo")
    .replaceAll(/\bfind\b[^\n|&;]*-exec rm -r?f \{\} \\;/gu, "rm")
    // A condition chooses what to do.
    .replaceAll(/\b(?:el)?if\s+\[{1,2}\s[^\n;]*\]{1,2}\s*(?=;|\n)/gu, "echo")

/** What a build has no business with. */
const others =
  /tests?\b|spec\b|conftest|node_modules|\.npmrc|\.mocharc|jest|vitest|mocha|\bava\b|\btap\b|NODE_OPTIONS|PYTEST|LD_PRELOAD|(?:^|\s)PATH=|\.foreman|\.git\b/iu

/** Whether the script can find nothing wrong but what the tools find that build with it. */
export const onlyBuilds = (script: string): boolean =>
  !/\beval\b|\bexit\s+[1-9$]/u.test(commandsIn(script)) &&
  programsIn(commandsIn(script)).every((program) => builds.test(program))

/** Undefined where it does the same. `before` and `after` are the whole texts. */
export const compareScript = (before: string, after: string): CommandChange | undefined => {
  const [was, is] = [commandsIn(before), commandsIn(after)]
  if (was === is) return undefined
  const known = new Set(was.split("\n"))
  const come = is.split("\n").filter((line) => !known.has(line))
  if (!onlyBuilds(before) || !onlyBuilds(after) || come.some((line) => others.test(line)))
    return { weight: "ask", how: "is a program that a check of the gate runs" }
  const found = compareCommands(was, is)
  return found === undefined
    ? undefined
    : { weight: found.weight, how: `is a script that builds for a check of the gate: ${found.how}` }
}
