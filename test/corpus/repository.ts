/** Cases as real git repositories: one for each language, with two branches a case, so that its caches serve all of them. */
import { execFile } from "node:child_process"
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

import { baseOf, type Case } from "./Case.ts"

const run = promisify(execFile)

/** Where a case lies, and what of it is judged against what. */
export interface Placed {
  readonly repository: string
  readonly base: string
  readonly head: string
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

/** Makes `<folder>/<language>` with a branch main and, for each case, `base/…` where it has a base of its own, and `change/…`. */
export const makeRepository = async (
  folder: string,
  language: string,
  cases: ReadonlyArray<Case>
): Promise<ReadonlyMap<Case, Placed>> => {
  const repository = join(folder, language)
  const git = async (...args: ReadonlyArray<string>) => {
    await run("git", ["-C", repository, ...args], { env: environment })
  }
  const commit = async (branch: string, message: string) => {
    await git("checkout", "-q", "-b", branch)
    await git("add", "--all")
    await git("commit", "-q", "--allow-empty", "-m", message)
  }
  await cp(baseOf(language), repository, { recursive: true })
  await git("init", "-q", "-b", "none")
  await commit("main", "Start")
  const placed = new Map<Case, Placed>()
  for (const each of cases) {
    const slug = each.name.slice(language.length + 1)
    const files = filesOf(repository)
    await git("checkout", "-q", "main")
    let base = "main"
    if (each.base !== undefined || each.limits?.check !== undefined) {
      base = `base/${slug}`
      await files.write(each.base ?? {})
      if (each.limits?.check !== undefined) await files.limit(each.limits.check)
      await commit(base, "Start otherwise")
    }
    const head = `change/${slug}`
    await files.change(each)
    await commit(head, each.title)
    placed.set(each, { repository, base, head })
  }
  await git("checkout", "-q", "main")
  return placed
}

const filesOf = (root: string) => {
  const write = async (texts: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(texts)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
  }
  const replace = async (path: string, change: (text: string) => string) =>
    writeFile(join(root, path), change(await readFile(join(root, path), "utf8")))
  return {
    write,
    /** Every timeout of the gate file. */
    limit: (timeout: string) =>
      replace(join(".foreman", "gate.yaml"), (text) =>
        text.replaceAll(/timeout: \S+/gu, `timeout: ${timeout}`)
      ),
    change: async ({ change, delete: deleted, edit, name, rename: renamed }: Case) => {
      for (const [from, to] of Object.entries(renamed ?? {})) {
        await mkdir(dirname(join(root, to)), { recursive: true })
        await rename(join(root, from), join(root, to))
      }
      await write(change ?? {})
      for (const [path, edits] of Object.entries(edit ?? {})) {
        await replace(path, (text) =>
          edits.reduce((before, each) => edited(before, each, `${name}: ${path}`), text)
        )
      }
      for (const path of deleted ?? []) await rm(join(root, path))
    }
  }
}

/** In YAML a block of lines ends with a line feed that the text in the middle of a line does not have. */
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
