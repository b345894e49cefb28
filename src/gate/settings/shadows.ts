/** Modules that stand in the way of the real ones: a `pytest.py`, a start-up file of the interpreter, an assertion library of the change's own. */
import type { Change, ChangedFile } from "../change.ts"
import { isTestPath, languageOf } from "../files.ts"
import type { Finding } from "../finding.ts"
import { folderOf, nameOf, say } from "./sides.ts"

/** Python takes the first module of a name on its path: the folder of a test or the root before what is installed. */
const pythonModules =
  /^(?:pytest|_pytest|unittest|unittest2|nose2?|hypothesis|doctest|mock|coverage|pluggy|py|xdist|pytest_cov|pytest_asyncio|pytest_mock|assertpy)$/u
/** The interpreter runs them by itself. */
const startFiles = /^(?:sitecustomize|usercustomize)$/u
const packages =
  "(?:assert|chai|expect|vitest|jest|mocha|ava|tap|tape|should|sinon|jasmine|@jest\\/[\\w-]+|@vitest\\/[\\w-]+|node:test|node:assert)"
const inModules = new RegExp(String.raw`(?:^|\/)node_modules\/${packages}\/`, "u")

const shadowOf = ({ path }: ChangedFile): string | undefined => {
  if (inModules.test(path)) return "stands where the package manager puts the real module"
  const parts = path.replace(/\.pyi?$/u, "").split("/")
  const name = parts.at(-1) === "__init__" ? parts.at(-2) : parts.at(-1)
  if (!path.endsWith(".py") || name === undefined) return undefined
  const folder = parts.at(-1) === "__init__" ? parts.slice(0, -2) : parts.slice(0, -1)
  if (startFiles.test(name)) return "is run by Python before anything else"
  // A module of a package has a name of its own: `shop.pytest` is not `pytest`.
  const isOnPath = folder.length === 0 || /^(?:src|lib|tests?|testing)$/u.test(folder.join("/"))
  return pythonModules.test(name) && isOnPath ? `is imported in place of the module ${name}` : undefined
}

/** A `.pth` in the tree is read only from site-packages, but there it runs code at start. */
const isStartHook = (path: string): boolean => /(?:^|\/)site-packages\/[^/]+\.pth$/u.test(path)

const libraries =
  /^(?:node:)?(?:assert(?:\/strict)?|test)$|^(?:chai|expect|vitest|@jest\/globals|@vitest\/[\w-]+|ava|tap|tape|uvu(?:\/assert)?|should|pytest|unittest|bun:test|@std\/assert|power-assert)$/u

/** Local names and the modules that they come from, by words. */
const importsOf = (path: string, text: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const add = (names: string, from: string): void => {
    for (const name of names.split(",")) {
      const local = /(?:\bas\s+|:\s*)?([\w$]+)\s*\}?\s*$/u.exec(name.trim().replace(/[{}]/gu, ""))?.[1]
      if (local !== undefined) found.set(local, from)
    }
  }
  if (languageOf(path) === "python") {
    for (const [, from = "", names = ""] of text.matchAll(/^from\s+(\S+)\s+import\s+([^\n#(]+)/gmu))
      add(names, from)
    for (const [, names = ""] of text.matchAll(/^import\s+([^\n#]+)/gmu)) {
      for (const name of names.split(",")) {
        const [module = "", local = module] = name.trim().split(/\s+as\s+/u)
        found.set(local, module)
      }
    }
    return found
  }
  for (const [, names = "", , from = ""] of text.matchAll(
    /^import\s+([^;'"]{1,2000}?)\s+from\s+(["'])([^"']+)\2/gmu
  ))
    add(names, from)
  for (const [, names = "", , from = ""] of text.matchAll(
    /^(?:const|let|var)\s+([^=;]{1,500}?)\s*=\s*require\((["'])([^"']+)\2\)/gmu
  ))
    add(names, from)
  return found
}

const isOwn = (path: string, module: string): boolean =>
  languageOf(path) === "python"
    ? module.startsWith(".") || !libraries.test(module)
    : /^[.#~@]?\.?\//u.test(module) || module.startsWith("#")

/** Whether a file of the change hands on what the real library exports. */
const handsOn = (change: Change, from: ChangedFile, module: string): boolean => {
  const stem = nameOf(module.replace(/\.\w+$/u, "").replaceAll(/^\.+/gu, ""))
  const file = change.files.find(
    ({ path }) => path !== from.path && nameOf(path).replace(/\.\w+$/u, "") === stem
  )
  if (file?.after === undefined) return false
  return (
    [...importsOf(file.path, file.after).values()].some((one) => libraries.test(one)) ||
    /export\s+(?:\*|\{[^}]*\})\s+from\s+["'](?:node:)?(?:assert|vitest|chai|expect|@)/u.test(file.after)
  )
}

/** A name that came from a library of assertions and now comes from the repository's own file. */
const replacedImports = (change: Change, file: ChangedFile): ReadonlyArray<Finding> => {
  if (file.before === undefined || file.after === undefined || !isTestPath(file.path)) return []
  const before = importsOf(file.path, file.before)
  return [...importsOf(file.path, file.after)].flatMap(([name, module]): ReadonlyArray<Finding> => {
    const was = before.get(name)
    if (was === undefined || was === module || !libraries.test(was) || !isOwn(file.path, module)) return []
    const weight = handsOn(change, file, module) ? "note" : "ask"
    return [say(file, weight, `${name} comes from ${module} where it came from ${was}`, module)]
  })
}

/** Code of others that lies in the repository: one note, for it stands in for what its authors published. */
const vendored = (change: Change): ReadonlyArray<Finding> => {
  const file = change.files.find(({ path, status }) => status !== "deleted" && /(?:^|\/)vendor\//u.test(path))
  return file === undefined
    ? []
    : [say(file, "note", "vendored code changed: compare it with what was published")]
}

export const shadowFindings = (change: Change): ReadonlyArray<Finding> => [
  ...vendored(change),
  ...change.files.flatMap((file): ReadonlyArray<Finding> => {
    if (file.status === "deleted" || file.after === undefined) return []
    const how = file.before === undefined || file.oldPath !== undefined ? shadowOf(file) : undefined
    const isStart = startFiles.test(nameOf(file.path).replace(/\.py$/u, "")) || isStartHook(file.path)
    if (how !== undefined) return [say(file, "fail", how)]
    if (isStart && folderOf(file.path).split("/").length <= 2)
      return [say(file, "ask", "is run by Python before anything else")]
    return replacedImports(change, file)
  })
]
