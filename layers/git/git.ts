/** Git in a folder of ours: the repository, the token and the messages lie where no tool looks. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { Effect, Redacted } from "effect"

import { withoutCredentials } from "../../src/services/GitWorkspace.ts"
import type { Ended } from "../processGroup.ts"
import { runGit } from "./runGit.ts"

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
  /** What git reads from its stdin; nothing when absent. */
  readonly input?: string | undefined
  readonly maxBytes?: number
}

const localTimeoutMillis = 120_000
const remoteTimeoutMillis = 600_000
const maxBytes = 16_777_216

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
  const isRemote = options.isRemote === true
  return runGit({
    args,
    directory: options.workTree ?? place.folder,
    env: {
      HOME: place.folder,
      ...(options.repository === "none" ? {} : { GIT_DIR: options.repository ?? place.repository }),
      ...(options.workTree === undefined ? {} : { GIT_WORK_TREE: options.workTree }),
      // Given always, so that a helper of the host's desktop never asks; the token only where a remote is asked.
      GIT_ASKPASS: join(place.folder, "askpass"),
      ...(isRemote && place.token !== undefined ? { [tokenVariable]: Redacted.value(place.token) } : {}),
      ...options.env
    },
    input: options.input,
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
