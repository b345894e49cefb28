/** The git command, with nothing of the host but its program and its network settings. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { Effect, Redacted } from "effect"

import { withoutCredentials } from "../../src/services/GitWorkspace.ts"
import { type Ended, runGroup } from "../processGroup.ts"

/** A folder of ours that no tool is shown: the repository's data, the askpass file, commit messages. */
export interface Private {
  readonly folder: string
  readonly repository: string
  readonly token: Redacted.Redacted<string> | undefined
}

export interface GitOptions {
  /** Work tree that the command looks at or writes. */
  readonly workTree?: string | undefined
  /** The remote is asked: the token is at hand, and there is more time. */
  readonly isRemote?: boolean
  /** Repository to use instead of ours; `none` for a command that makes one. */
  readonly repository?: string
  readonly env?: Readonly<Record<string, string>>
  readonly maxBytes?: number
}

const localTimeoutMillis = 120_000
const remoteTimeoutMillis = 600_000
const maxBytes = 16_777_216

/** What git needs to reach a remote from here. A token is not among it. */
const passedOn = [
  "PATH",
  "SSH_AUTH_SOCK",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy"
]

/** Nothing that a checkout brings along may run: no hooks, no monitors, no helpers, no transport that is a command. */
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
  "advice.detachedHead=false"
].flatMap((setting) => ["-c", setting])

const tokenVariable = "FOREMAN_GIT_TOKEN"
const askpass = `#!/bin/sh
case "$1" in
  Username*) echo x-access-token ;;
  *) printf '%s\\n' "$${tokenVariable}" ;;
esac
`

/** Makes the folder, with an askpass file that only its owner may read and run. It goes when the folder goes. Throws. */
export const makePrivate = (folder: string, token: Redacted.Redacted<string> | undefined): Private => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, "askpass")
  writeFileSync(file, askpass, { mode: 0o700 })
  chmodSync(file, 0o700)
  return { folder, repository: join(folder, "repository"), token }
}

export const git = (place: Private, args: ReadonlyArray<string>, options: GitOptions = {}) => {
  const inherited = Object.fromEntries(
    passedOn.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  )
  const isRemote = options.isRemote === true
  return runGroup({
    program: "git",
    args: [...settings, ...args],
    directory: options.workTree ?? place.folder,
    env: {
      ...inherited,
      HOME: place.folder,
      LC_ALL: "C",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
      ...(options.repository === "none" ? {} : { GIT_DIR: options.repository ?? place.repository }),
      ...(options.workTree === undefined ? {} : { GIT_WORK_TREE: options.workTree }),
      // Given always, so that a helper of the host's desktop never asks; the token only where a remote is asked.
      GIT_ASKPASS: join(place.folder, "askpass"),
      ...(isRemote && place.token !== undefined ? { [tokenVariable]: Redacted.value(place.token) } : {}),
      ...options.env
    },
    timeoutMillis: isRemote ? remoteTimeoutMillis : localTimeoutMillis,
    maxBytes: options.maxBytes ?? maxBytes
  })
}

const maxMessageLength = 2_048

/** What git said, without what a URL may hide before its host. */
export const said = (ended: Ended): string => {
  const text = ended.timedOut ? "git took too long and was ended" : ended.stderr.toString("utf8").trim()
  return withoutCredentials(text === "" ? `git exited with ${ended.exitCode}` : text).slice(-maxMessageLength)
}

/** Standard output, whole, of a command that must pass; `onError` makes the failure from what git said. */
export const mustPass = <E>(
  place: Private,
  args: ReadonlyArray<string>,
  onError: (message: string) => E,
  options?: GitOptions
): Effect.Effect<string, E> =>
  git(place, args, options).pipe(
    Effect.mapError((error) => onError(error.message)),
    Effect.flatMap((ended) => {
      if (ended.exitCode !== 0) return Effect.fail(onError(said(ended)))
      if (!ended.truncated) return Effect.succeed(ended.stdout.toString("utf8"))
      const limit = options?.maxBytes ?? maxBytes
      return Effect.fail(
        onError(`git ${args[0]} printed more than ${limit / 1_048_576} MiB: too much to look at`)
      )
    })
  )
