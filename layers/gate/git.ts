/** The git command, apart from every configuration but the repository's own. */
import { execFile } from "node:child_process"

import { Effect, Schema } from "effect"

export class GitFailed extends Schema.TaggedError<GitFailed>()("GitFailed", {
  /** What git wrote to stderr; at most 2,000 characters from the end. */
  message: Schema.String
}) {}

export interface GitOptions {
  readonly env?: { readonly [name: string]: string }
}

/** Where hooks would be looked for: nowhere. `core.fsmonitor` is a command in disguise. */
const settings = [
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "http.lowSpeedLimit=1000",
  "-c",
  "http.lowSpeedTime=60",
  "-c",
  "advice.detachedHead=false"
]

/** Variables by which a caller's repository would become ours. */
const inherited = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"]

const environment = (env: GitOptions["env"]): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.includes(name))),
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ALLOW_PROTOCOL: "https:http:ssh:git:file",
  ...env
})

const maxOutputBytes = 16 * 1024 * 1024

/** Runs git and hands back what it printed. Interruption kills it. */
export const git = (
  args: ReadonlyArray<string>,
  options: GitOptions = {}
): Effect.Effect<string, GitFailed> =>
  Effect.callback((resume, signal) => {
    execFile(
      "git",
      [...settings, ...args],
      { env: environment(options.env), maxBuffer: maxOutputBytes, signal, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error === null) return resume(Effect.succeed(stdout))
        const said = stderr.trim() === "" ? error.message : stderr.trim()
        resume(Effect.fail(new GitFailed({ message: said.slice(-2_000) })))
      }
    )
  })
