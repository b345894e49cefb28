/** What npm, pnpm, yarn and bun read before they run a script: its shell, what Node loads first, packages taken from the repository itself. */
import type { ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"
import { nameOf, say, settingsAt, type Sides, type Weight } from "./sides.ts"
import { at, isTable, leaves, type Value } from "./value.ts"

/** Options of Node that load code first, or choose among the tests. */
const loads =
  /--(?:import|require|loader|experimental-loader|test-[\w-]+|eval|print|check|env-file)\b|(?:^|\s)-[rpec]\b/u

const shellKey = /^script-?shell$/iu
const optionsKey = /^node-?options$/iu

const keyFinding = (file: ChangedFile, key: string, value: string): ReadonlyArray<Finding> => {
  if (shellKey.test(key)) {
    const isShell = /(?:^|[/\\])(?:ba|da|z|pw)?sh(?:\.exe)?$|powershell|cmd\.exe/u.test(value)
    return [
      say(file, isShell ? "note" : "fail", `${key} = ${value}: scripts run in this and not in a shell`, key)
    ]
  }
  if (optionsKey.test(key)) {
    const weight: Weight = loads.test(value) ? "ask" : "note"
    return [say(file, weight, `${key} = ${value}: Node is started with this`, key)]
  }
  return []
}

const changed = (
  before: Value | undefined,
  after: Value | undefined
): ReadonlyArray<readonly [string, string]> => {
  const known = new Map(leaves(before ?? {}).map(([path, value]) => [path.join("."), String(value)]))
  return leaves(after ?? {}).flatMap(([path, value]) =>
    known.get(path.join(".")) === String(value) ? [] : [[path.at(-1) ?? "", String(value)] as const]
  )
}

const runners =
  /^(?:vitest|jest|@jest\/.+|@vitest\/.+|mocha|chai|ava|tap|tape|uvu|expect|sinon|jasmine|karma|@playwright\/test|cypress|should|eslint|typescript|oxlint|@biomejs\/biome)$/u
const isLocal = /^(?:file|link|portal|\.{1,2}\/|npm:|git\+file)/u

/** A runner, a library of assertions or a linter that comes from the repository itself, or under another package's name. */
const dependencyFindings = (
  file: ChangedFile,
  before: Value | undefined,
  after: Value
): ReadonlyArray<Finding> => {
  if (String(at(after, "name")).length === 0) return []
  const known = new Map(leaves(before ?? {}).map(([path, value]) => [path.join("."), value]))
  return leaves(after).flatMap(([path, value]): ReadonlyArray<Finding> => {
    const name = path.at(-1) ?? ""
    const isPlace = /^(?:(?:dev|optional)?[dD]ependencies|overrides|resolutions|pnpm|imports)$/u.test(
      path[0] ?? ""
    )
    if (!isPlace || !runners.test(name) || typeof value !== "string" || !isLocal.test(value)) return []
    return known.get(path.join(".")) === value ? [] : [say(file, "ask", `${name} comes from ${value}`, name)]
  })
}

/** `.env` files and the like that a script loads are programs of their own; here are those that the package manager itself reads. */
export const npmFindings = (sides: Sides): ReadonlyArray<Finding> =>
  sides.change.files.flatMap((file): ReadonlyArray<Finding> => {
    if (file.status === "deleted") return []
    const name = nameOf(file.path)
    if (!/^(?:\.npmrc|\.yarnrc(?:\.yml)?|pnpm-workspace\.yaml|package\.json|bunfig\.toml)$/u.test(name))
      return []
    const [before, after] = name === ".yarnrc" ? [undefined, undefined] : settingsAt(sides, file.path)
    if (name === "package.json") return isTable(after) ? dependencyFindings(file, before, after) : []
    if (name === "bunfig.toml") {
      const preload = at(after, "test", "preload")
      const isNew =
        preload !== undefined && JSON.stringify(preload) !== JSON.stringify(at(before, "test", "preload"))
      return isNew ? [say(file, "note", "bun test loads something first", "preload")] : []
    }
    return changed(before, after).flatMap(([key, value]) => keyFinding(file, key, value))
  })
