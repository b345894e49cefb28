/** Files and commands of one folder on this host. A path that leaves it is refused; a command gets an environment without secrets. */
import { existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs"
import { basename, dirname, join } from "node:path"

import { Duration, Effect, Layer } from "effect"

import type { Identity } from "../src/services/GitWorkspace.ts"
import {
  FileUnavailable,
  OutsideWorkspace,
  WorkspaceToolError,
  WorkspaceTools,
  WorkspaceToolsHost
} from "../src/services/WorkspaceTools.ts"
import * as ConfinedShell from "./confinedShell.ts"
import { git } from "./git/runGit.ts"
import { onlyRegular, OutsideFolder, regularFiles, readInside, writeInside } from "./insideFolder.ts"
import { runGroup } from "./processGroup.ts"
import { wipe } from "./wipe.ts"

export interface Options {
  readonly directory: string
  readonly identity: Identity | undefined
}

const unavailable = (message: string) => new WorkspaceToolError({ reason: new FileUnavailable({ message }) })

const attempt = <A>(action: () => A): Effect.Effect<A, WorkspaceToolError> =>
  Effect.try({
    try: action,
    catch: (cause) =>
      cause instanceof OutsideFolder
        ? new WorkspaceToolError({ reason: new OutsideWorkspace({ message: cause.message }) })
        : unavailable(cause instanceof Error ? cause.message : String(cause))
  })

/** All that a command is told of the host. */
const allowed = ["PATH", "LANG", "LC_ALL", "TZ", "TERM"]

const environment = (scratch: string, identity: Identity | undefined): Record<string, string> => ({
  ...Object.fromEntries(
    allowed.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  ),
  HOME: join(scratch, "home"),
  TMPDIR: join(scratch, "tmp"),
  ...(identity === undefined
    ? {}
    : {
        GIT_AUTHOR_NAME: identity.name,
        GIT_AUTHOR_EMAIL: identity.email,
        GIT_COMMITTER_NAME: identity.name,
        GIT_COMMITTER_EMAIL: identity.email
      })
})

/** Objects that the checkout's repository has from elsewhere: what a clone wrote there, before any command could. */
const borrowedBy = (root: string): ReadonlyArray<string> => {
  const file = join(root, ".git", "objects", "info", "alternates")
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []
}

const open = Effect.fn("HostWorkspaceTools.open")(function* (
  options: Options,
  shellOfHost: Effect.Effect<ConfinedShell.Shell>
) {
  const root = yield* attempt(() => realpathSync.native(options.directory))
  // Beside the workspace: what a command leaves at home is neither part of the change nor the host's.
  const scratch = join(dirname(root), `.home-${basename(root)}`)
  yield* Effect.acquireRelease(
    attempt(() => {
      wipe(scratch)
      mkdirSync(join(scratch, "home"), { recursive: true, mode: 0o700 })
      mkdirSync(join(scratch, "tmp"), { mode: 0o700 })
    }),
    () =>
      attempt(() => wipe(scratch)).pipe(
        Effect.catch((error) => Effect.logWarning("a scratch folder was left behind", error))
      )
  )
  const env = environment(scratch, options.identity)
  const own = { workspace: root, writable: [scratch], readable: yield* attempt(() => borrowedBy(root)) }

  return WorkspaceTools.of({
    readFile: (path) => attempt(() => readInside(root, path)),
    writeFile: (path, content) => attempt(() => writeInside(root, path, content)),
    listFiles: (path) =>
      git(["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", path]).pipe(
        Effect.orElseSucceed(() => ""),
        Effect.flatMap((listed) =>
          attempt(() =>
            listed === "" ? regularFiles(root, path) : onlyRegular(root, listed.split("\0").slice(0, -1))
          )
        )
      ),
    runCommand: Effect.fn("HostWorkspaceTools.runCommand")(function* (command, { timeout, maxBytes }) {
      const shell = yield* shellOfHost
      const ended = yield* runGroup({
        ...shell(command, own),
        directory: root,
        env: { ...env, PWD: root },
        timeoutMillis: Duration.toMillis(timeout),
        maxBytes,
        keepsEnd: true
      }).pipe(Effect.mapError((error) => unavailable(error.message)))
      return {
        exitCode: ended.exitCode,
        stdout: ended.stdout.toString("utf8"),
        stderr: ended.stderr.toString("utf8"),
        timedOut: ended.timedOut,
        truncated: ended.truncated
      }
    })
  })
})

/** Found when the first command needs it. */
const shellOfHost = Effect.cached(ConfinedShell.make)

export const layerHost = Layer.effect(
  WorkspaceToolsHost,
  Effect.map(shellOfHost, (shell) => WorkspaceToolsHost.of({ open: (options) => open(options, shell) }))
)

/** The tools of one known folder. */
export const layer = (options: Options) =>
  Layer.effect(
    WorkspaceTools,
    Effect.flatMap(shellOfHost, (shell) => open(options, shell))
  )
