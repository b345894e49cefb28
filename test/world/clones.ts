/** Where the clones are, and how an absent one is got. */
import { existsSync } from "node:fs"
import { mkdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"

import { git } from "./git.ts"

/** `FOREMAN_WORLD_DIR`, where `owner+name` is a bare repository or a work tree with one. */
export const worldFolder = (): string => {
  const folder = process.env["FOREMAN_WORLD_DIR"] ?? ""
  if (folder === "") throw new Error("FOREMAN_WORLD_DIR is not set: name a folder for the clones")
  return folder
}

export type Clone = { readonly dir: string } | { readonly notObtainable: string }

/** The git directory of a repository's clone, made where it is absent and there is a network. */
export const cloneOf = async (folder: string, repository: string): Promise<Clone> => {
  const dir = join(folder, repository.replace("/", "+"))
  if (!existsSync(dir)) {
    const partial = `${dir}.partial`
    await mkdir(folder, { recursive: true })
    await rm(partial, { recursive: true, force: true })
    try {
      await git(folder, ["clone", "-q", "--bare", `https://github.com/${repository}.git`, partial])
      await rename(partial, dir)
    } catch (error) {
      await rm(partial, { recursive: true, force: true })
      return { notObtainable: (error instanceof Error ? error.message : String(error)).slice(-200) }
    }
  }
  const inWorkTree = join(dir, ".git")
  return { dir: existsSync(inWorkTree) ? inWorkTree : dir }
}
