/** A project's own checks without any gate: whether a change is good in its own eyes, and what that costs. */
import { spawn } from "node:child_process"
import { mkdir } from "node:fs/promises"

import { git } from "./git.ts"
import type { Recipe } from "./List.ts"
import type { Scratch } from "./Scratch.ts"

export interface Bare {
  readonly isGreen: boolean
  /** Of the checks, without set-up. */
  readonly seconds: number
  /** What the command that failed printed last. */
  readonly tail: string
}

const timeoutMillis = 10 * 60_000

const shell = (
  command: string,
  cwd: string,
  env: NodeJS.ProcessEnv
): Promise<{ code: number; tail: string }> =>
  new Promise((resolve) => {
    const child = spawn("sh", ["-c", command], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    let tail = ""
    const keep = (chunk: Buffer) => (tail = `${tail}${chunk.toString("utf8")}`.slice(-1_000))
    child.stdout.on("data", keep)
    child.stderr.on("data", keep)
    const stop = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    }
    const timer = setTimeout(stop, timeoutMillis)
    process.once("exit", stop)
    child.once("close", (code) => {
      clearTimeout(timer)
      process.off("exit", stop)
      resolve({ code: code ?? 137, tail })
    })
  })

/** In `folder`, which keeps ignored files from one commit to the next, as a contributor's clone does. */
export const bare = async (
  scratch: Scratch,
  folder: string,
  commit: string,
  recipe: Recipe
): Promise<Bare> => {
  await mkdir(folder, { recursive: true })
  const index = { GIT_INDEX_FILE: `${scratch.dir}/.git/bare.index` }
  const inFolder = [`--git-dir=${scratch.dir}/.git`, `--work-tree=${folder}`]
  await git(folder, [...inFolder, "read-tree", "-u", "--reset", commit], index)
  await git(
    folder,
    [...inFolder, "-c", "core.excludesFile=", "clean", "-fdq", "-e", "node_modules", "-e", ".venv"],
    index
  )
  const env = { ...process.env, CI: "true", ...recipe.env }
  for (const command of recipe.setup ?? []) {
    const { code, tail } = await shell(command, folder, env)
    if (code !== 0) return { isGreen: false, seconds: 0, tail: `set-up: ${tail}` }
  }
  const startedAt = performance.now()
  const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10
  for (const { command } of recipe.checks) {
    const { code, tail } = await shell(command, folder, env)
    if (code !== 0) return { isGreen: false, seconds: seconds(), tail }
  }
  return { isGreen: true, seconds: seconds(), tail: "" }
}
