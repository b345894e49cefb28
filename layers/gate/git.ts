/** The git command, apart from every configuration but the repository's own. */
import { execFile } from "node:child_process"

import { Effect, Schema } from "effect"

export class GitFailed extends Schema.TaggedError<GitFailed>()("GitFailed", {
  /** What git wrote to stderr; at most 2,000 characters from the end. */
  message: Schema.String,
  /** Absent when it was killed, or never started. */
  exitCode: Schema.optionalKey(Schema.Int)
}) {}

/** Not weather: whoever made the image must put it there. */
export const noGit = "there is no git on the judge's PATH"

export interface GitOptions {
  readonly env?: { readonly [name: string]: string }
  /** What git reads from its stdin; nothing when absent. */
  readonly input?: string
}

/**
 * Where hooks would be looked for: nowhere. `core.fsmonitor` is a command in disguise. Nothing here lives long enough to be tidied up, by
 * a process of its own.
 */
const settings = [
  "-c",
  "maintenance.auto=false",
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
const inherited = [
  "GIT_DIR",
  "GIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_COMMON_DIR",
  "GIT_QUARANTINE_PATH",
  "GIT_DIFF_OPTS"
]

const environment = (env: GitOptions["env"]): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.includes(name))),
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ALLOW_PROTOCOL: "https:http:ssh:git:file",
  ...env
})

/** More than this is no change that anyone reviews, and no list that anyone reads. */
const maxOutputBytes = 128 * 1024 * 1024

/** Runs git and hands back what it printed. Interruption kills it. */
export const gitBytes = (
  args: ReadonlyArray<string>,
  options: GitOptions = {}
): Effect.Effect<Buffer, GitFailed> =>
  Effect.callback((resume, signal) => {
    const child = execFile(
      "git",
      [...settings, ...args],
      {
        env: environment(options.env),
        maxBuffer: maxOutputBytes,
        signal,
        killSignal: "SIGKILL",
        encoding: "buffer"
      },
      (error, stdout, stderr) => {
        if (error === null) return resume(Effect.succeed(stdout))
        if (error.code === "ENOENT") return resume(Effect.fail(new GitFailed({ message: noGit })))
        const text = stderr.toString("utf8").trim()
        const message = (text === "" ? error.message : text).slice(-2_000)
        const exitCode = typeof error.code === "number" ? { exitCode: error.code } : {}
        resume(Effect.fail(new GitFailed({ message, ...exitCode })))
      }
    )
    // A git that ends early says why by its exit; the pipe it left is no news.
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(options.input ?? "")
  })

/** As text; what is no UTF-8 is replaced. */
export const git = (args: ReadonlyArray<string>, options?: GitOptions): Effect.Effect<string, GitFailed> =>
  Effect.map(gitBytes(args, options), (bytes) => bytes.toString("utf8"))
