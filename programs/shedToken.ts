/**
 * A process cannot take back what it was started with: whoever has its uid reads it in /proc, and what a model runs has the uid of
 * run-task. So a program that was given a token starts itself over without it, and finds it in a file that is gone once it is read.
 */
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const fileVariable = "FOREMAN_GIT_TOKEN_FILE"

/** The mount that holds the token, too. On Kubernetes its files are root's alone and stay; on the embedded cluster they can go. */
const removeMounted = (folder: string): void => {
  try {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true })
  } catch {
    // Not ours to read, or there is none.
  }
}

/** Does not return when there is a token: the same process, with the same words, begins anew, and takes it out of its file at once. */
export const shedToken = (): void => {
  const mounted = process.env["FOREMAN_GIT_SECRETS"]
  if (mounted !== undefined) removeMounted(mounted)
  const { GITHUB_TOKEN: token = "", ...env } = process.env
  // Not on Windows; there nobody reads another process's environment in a file.
  if (token === "" || process.execve === undefined) return void takeToken(process.env)
  const file = join(mkdtempSync(join(tmpdir(), "foreman-")), "token")
  writeFileSync(file, token, { mode: 0o600 })
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve(process.execPath, words, { ...env, [fileVariable]: file })
}

/** Only an empty folder goes. */
const removeEmpty = (folder: string): void => {
  try {
    rmdirSync(folder)
  } catch {
    // Somebody else's.
  }
}

let taken: string | undefined

/** What the start before left for us, to whoever asks; `undefined` when there was none. */
export const takeToken = (env: Readonly<Record<string, string | undefined>>): string | undefined => {
  const file = env[fileVariable]
  if (file === undefined) return undefined
  try {
    return (taken = readFileSync(file, "utf8"))
  } catch {
    return taken
  } finally {
    rmSync(file, { force: true })
    removeEmpty(dirname(file))
  }
}
