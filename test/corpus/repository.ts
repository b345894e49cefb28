/** Cases as branches of one real git repository, so that one node can judge all of them, and a language's caches serve all of its cases. */
import { execFile } from "node:child_process"
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

import { baseOf, type Case } from "./Case.ts"

const run = promisify(execFile)

/** What of a case is judged against what. */
export interface Branches {
  readonly base: string
  readonly head: string
}

export interface Repository {
  readonly path: string
  readonly branches: ReadonlyMap<Case, Branches>
}

const identity = { NAME: "Ada", EMAIL: "ada@example.com", DATE: "2026-01-01T00:00:00Z" }
const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  ...Object.fromEntries(
    Object.entries(identity).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value]
    ])
  )
}

/** A branch `main/<language>` for each language, and for each case `change/<name>`, and `base/<name>` where it has a base of its own. */
export const makeRepository = async (path: string, cases: ReadonlyArray<Case>): Promise<Repository> => {
  const git = async (...args: ReadonlyArray<string>) => {
    await run("git", ["-C", path, ...args], { env: environment })
  }
  const commit = async (message: string) => {
    await git("add", "--all")
    await git("commit", "-q", "-m", message)
  }
  await mkdir(path, { recursive: true })
  await git("init", "-q")
  const branches = new Map<Case, Branches>()
  for (const [language, own] of Map.groupBy(cases, (each) => each.language)) {
    const main = `main/${language}`
    await git("switch", "-q", "--orphan", main)
    await cp(baseOf(language), path, { recursive: true })
    await commit("Start")
    for (const each of own) {
      const base = hasOwnBase(each) ? `base/${each.name}` : main
      const head = `change/${each.name}`
      await git("switch", "-q", main)
      if (base !== main) {
        await git("switch", "-q", "-c", base)
        await write(path, each.base ?? {})
        await limit(path, each)
        await commit("Start otherwise")
      }
      await git("switch", "-q", "-c", head)
      await change(path, each)
      await commit(each.title)
      branches.set(each, { base, head })
    }
  }
  return { path, branches }
}

const hasOwnBase = ({ base, limits }: Case): boolean => base !== undefined || limits?.check !== undefined

const write = async (root: string, texts: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

const replace = async (file: string, edit: (text: string) => string) =>
  writeFile(file, edit(await readFile(file, "utf8")))

/** Puts the case's time limit in place of each that the gate file has. */
const limit = async (root: string, { limits, name }: Case) => {
  if (limits?.check === undefined) return
  await replace(join(root, ".foreman", "gate.yaml"), (text) => {
    if (!text.includes("timeout:")) throw new Error(`${name}: the gate file has no timeout to replace`)
    return text.replaceAll(/timeout: \S+/gu, `timeout: ${limits.check}`)
  })
}

const change = async (root: string, each: Case) => {
  for (const [from, to] of Object.entries(each.rename ?? {})) {
    await mkdir(dirname(join(root, to)), { recursive: true })
    await rename(join(root, from), join(root, to))
  }
  await write(root, each.change ?? {})
  for (const [path, edits] of Object.entries(each.edit ?? {})) {
    await replace(join(root, path), (text) =>
      edits.reduce((before, edit) => edited(before, edit, `${each.name}: ${path}`), text)
    )
  }
  for (const path of each.delete ?? []) await rm(join(root, path))
}

/** In YAML a block of lines ends with a line feed that a text in the middle of a line does not have. */
const bare = (text: string): string => text.replace(/\n$/u, "")

const edited = (
  text: string,
  edit: { readonly old: string; readonly new: string },
  where: string
): string => {
  const old = bare(edit.old)
  if (!text.includes(old)) throw new Error(`${where} has no ${JSON.stringify(old)}`)
  return text.replace(old, () => bare(edit.new))
}
