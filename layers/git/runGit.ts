/**
 * The git command. Its environment is made here, from an allow list: no variable of a caller (a hook's GIT_DIR, GIT_DIFF_OPTS, a quarantine)
 * and no configuration of the host changes what it does.
 */
import { Effect, Schema } from "effect"

import { type Ended, runGroup, type SpawnError } from "../processGroup.ts"

/** What git needs to reach a remote from here. A token is not among it. */
const passedOn = [
  "PATH",
  "HOME",
  "TMPDIR",
  "SSH_AUTH_SOCK",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "ALL_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "all_proxy"
]

/** Nothing that a repository brings along may run: no hooks, no monitors, no helpers, no transport that is a command. */
const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.quotePath=false",
  "core.autocrlf=false",
  "credential.helper=",
  "protocol.ext.allow=never",
  "protocol.file.allow=always",
  "submodule.recurse=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "commit.gpgSign=false",
  "advice.detachedHead=false",
  "http.lowSpeedLimit=1000",
  "http.lowSpeedTime=60"
].flatMap((setting) => ["-c", setting])

const inherited = (): Record<string, string> =>
  Object.fromEntries(
    passedOn.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  )

export interface GitCommand {
  readonly args: ReadonlyArray<string>
  /** Where it starts; the current folder when absent. */
  readonly directory?: string | undefined
  /** Beside the allow list, or in place of a variable of it. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** What git reads from its stdin; nothing when absent. */
  readonly input?: string | undefined
  readonly timeoutMillis: number
  /** Bytes of each stream that are kept, from its start. */
  readonly maxBytes: number
}

/** Runs git in a process group of its own, whatever its exit code. Interruption kills it. */
export const runGit = (command: GitCommand): Effect.Effect<Ended, SpawnError> =>
  Effect.suspend(() =>
    runGroup({
      program: "git",
      args: [...settings, ...command.args],
      directory: command.directory ?? process.cwd(),
      env: {
        ...inherited(),
        LC_ALL: "C",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_SYSTEM: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_TERMINAL_PROMPT: "0",
        GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
        GIT_ALLOW_PROTOCOL: "https:http:ssh:git:file",
        ...command.env
      },
      input: command.input,
      timeoutMillis: command.timeoutMillis,
      maxBytes: command.maxBytes
    })
  )

export class GitFailed extends Schema.TaggedError<GitFailed>()("GitFailed", {
  /** What git wrote to stderr; at most 2,000 characters from the end. */
  message: Schema.String,
  /** Absent when it was killed, or never started. */
  exitCode: Schema.optionalKey(Schema.Int)
}) {}

/** Not transient: whoever made the image must put it there. */
export const noGit = "there is no git on the judge's PATH"

export interface GitOptions {
  readonly env?: { readonly [name: string]: string }
  readonly input?: string
}

/** A change or a list that is longer is not one that a person reviews. */
const maxOutputBytes = 128 * 1024 * 1024
/** The gate has a deadline of its own; this only ends what would hang for ever. */
const patienceMillis = 3_600_000

/** What git printed, of a command that must pass. */
export const gitBytes = (
  args: ReadonlyArray<string>,
  options: GitOptions = {}
): Effect.Effect<Buffer, GitFailed> =>
  runGit({ args, ...options, timeoutMillis: patienceMillis, maxBytes: maxOutputBytes }).pipe(
    Effect.mapError(({ cause, message }) => {
      const isAbsent = cause instanceof Error && "code" in cause && cause.code === "ENOENT"
      return new GitFailed({ message: isAbsent ? noGit : message })
    }),
    Effect.flatMap((ended) => {
      if (ended.exitCode === 0 && !ended.truncated) return Effect.succeed(ended.stdout)
      const text = ended.truncated
        ? `git ${args.find((word) => !word.startsWith("-")) ?? ""} printed more than ${maxOutputBytes} bytes`
        : ended.stderr.toString("utf8").trim()
      const message = (text === "" ? `git exited with ${ended.exitCode}` : text).slice(-2_000)
      const { exitCode } = ended
      return Effect.fail(new GitFailed({ message, ...(exitCode >= 0 && exitCode < 128 && { exitCode }) }))
    })
  )

/** As text; bytes that are not UTF-8 are replaced. */
export const git = (args: ReadonlyArray<string>, options?: GitOptions): Effect.Effect<string, GitFailed> =>
  Effect.map(gitBytes(args, options), (bytes) => bytes.toString("utf8"))
