/** Git for the world's clones: no configuration of the machine, no hooks, no colours. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const run = promisify(execFile)

const settings = [
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "maintenance.auto=false"
]

const environment = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"))),
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
  ...more
})

/** What git printed, as bytes. Rejects with git's own words. */
export const gitBytes = async (
  dir: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Promise<Buffer> => {
  const { stdout } = await run("git", ["-C", dir, ...settings, ...args], {
    env: environment(env),
    encoding: "buffer",
    maxBuffer: 512 * 1024 * 1024
  })
  return stdout
}

/** The same as text, without the last line feed. */
export const git = async (
  dir: string,
  args: ReadonlyArray<string>,
  env?: Readonly<Record<string, string>>
): Promise<string> => (await gitBytes(dir, args, env)).toString("utf8").trimEnd()
