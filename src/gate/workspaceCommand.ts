/** Commands of package managers that run a script in other folders than their own: `npm test -w a`, `pnpm -r test`, `yarn workspace a test`. */
import { at, readJson } from "./discover/Project.ts"
import { scriptsOf } from "./discover/scripts.ts"

/** A script, and the folders (without a slash at their end, "" for the root) whose package.json has it. */
export interface ScriptRun {
  readonly script: string
  readonly folders: ReadonlyArray<string>
  /** What the script is given besides. */
  readonly more: ReadonlyArray<string>
}

const managers = /^(?:npm|pnpm|yarn|bun)$/u
/** A package manager by way of another: `npx --yes pnpm@9 test`, `corepack pnpm test`. */
const byWayOf = /^(?:npx|bunx|corepack|-y|--yes)$/u

/** The package manager's own words; undefined for another program. */
const managerWords = (words: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const first = words.findIndex((word) => !byWayOf.test(word))
  const name = (words[first] ?? "").replace(/^@yarnpkg\/cli-dist(?=@|$)/u, "yarn").replace(/(?<=\w)@.*$/u, "")
  return managers.test(name) ? [name, ...words.slice(first + 1)] : undefined
}

const quiet =
  /^(?:-s|-q|--silent|--if-present|--parallel|--stream|--sequential|-A|-p|-t|-v|-i|-pt|-pti|-Apt|--all|--topological(?:-dev)?)$/u

/**
 * What a command of a package manager comes to, `manifests` being the package.json files by folder. Undefined for another program, for
 * an option that is not known, and for packages that are not found.
 */
export const scriptRun = (
  words: ReadonlyArray<string>,
  manifests: ReadonlyMap<string, string>
): ScriptRun | undefined => {
  const own = managerWords(words)
  if (own === undefined) return undefined
  const members = [...manifests.keys()].filter((folder) => folder !== "")
  const dashes = own.indexOf("--")
  const given = own.slice(1, dashes < 0 ? undefined : dashes)
  const after = dashes < 0 ? [] : own.slice(dashes + 1)
  const chosen: Array<string> = []
  const rest: Array<string> = []
  let isAll = false
  for (let index = 0; index < given.length; index++) {
    const word = given[index] ?? ""
    const [, option, value] =
      /^(-w|--workspace|--filter|-F|--prefix|-C|--dir|--cwd)(?:=(.*))?$/u.exec(word) ?? []
    if (/^(?:--workspaces|-ws|--ws|-r|--recursive)$/u.test(word) && rest.length < 3) isAll = true
    else if (option !== undefined && (rest.length === 0 || own[0] === "npm")) {
      const name = value ?? given[++index] ?? ""
      if (option === "-w" && own[0] === "pnpm") return undefined
      const folder = folderNamed(name, manifests)
      if (folder === undefined) return undefined
      chosen.push(folder)
    } else if (
      !quiet.test(word) ||
      (rest.length > 0 && rest[0] !== "run" && rest[0] !== "foreach" && rest[0] !== "workspaces")
    )
      rest.push(word)
  }
  if (own[0] === "yarn" && rest[0] === "workspace") {
    const folder = folderNamed(rest[1] ?? "", manifests)
    if (folder === undefined) return undefined
    chosen.push(folder)
    rest.splice(0, 2)
  }
  if (own[0] === "yarn" && rest[0] === "workspaces") {
    isAll = true
    rest.splice(0, rest[1] === "foreach" ? 2 : 1)
  }
  const isRun = /^(?:run|run-script)$/u.test(rest[0] ?? "")
  if (own[0] === "bun" && !isRun) return undefined
  const [name, ...more] = isRun ? rest.slice(1).filter((word, index) => index > 0 || !quiet.test(word)) : rest
  if (name === undefined || name.startsWith("-")) return undefined
  const script = name === "t" || name === "tst" ? "test" : name
  const folders = (isAll ? members : chosen.length > 0 ? chosen : [""]).filter(
    (folder) => scriptsOf(manifests.get(folder))[script] !== undefined
  )
  return folders.length === 0 ? undefined : { script, folders, more: [...more, ...after] }
}

/** A package by its folder or by its name. */
const folderNamed = (name: string, manifests: ReadonlyMap<string, string>): string | undefined => {
  const folder = name.replace(/^\.\//u, "").replace(/\/$/u, "")
  if (manifests.has(folder)) return folder
  return [...manifests].find(([, text]) => at(readJson(text), "name") === name)?.[0]
}
