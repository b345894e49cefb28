/** Files and commands of one folder on this host. A path that leaves it is refused; a command gets an environment without secrets. */
import { mkdirSync, realpathSync } from "node:fs"
import { basename, dirname, join } from "node:path"

import { Duration, Effect, Layer } from "effect"

import type { Identity } from "../src/services/GitWorkspace.ts"
import {
  FileMissing,
  FileUnavailable,
  OutsideWorkspace,
  WorkspaceToolError,
  WorkspaceTools,
  WorkspaceToolsHost
} from "../src/services/WorkspaceTools.ts"
import { borrowedBy, commandEnvironment } from "./commandEnvironment.ts"
import * as ConfinedShell from "./confinedShell.ts"
import {
  deleteInside,
  listInside,
  moveInside,
  OutsideFolder,
  readInside,
  writeInside
} from "./insideFolder.ts"
import { runGroup } from "./processGroup.ts"
import { wipe } from "./wipe.ts"

export interface Options {
  readonly directory: string
  readonly identity: Identity | undefined
}

const unavailable = (message: string) => new WorkspaceToolError({ reason: new FileUnavailable({ message }) })

/** What the system says of a path, without the paths of the host in it. */
const words: Readonly<Record<string, string>> = {
  EACCES: "no right to read or write it",
  EEXIST: "it is there already",
  EISDIR: "it is a folder",
  ELOOP: "its links lead nowhere",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "there is no such file",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no folder",
  ENOTEMPTY: "the folder is not empty"
}

const attempt = <A>(path: string, action: () => A): Effect.Effect<A, WorkspaceToolError> =>
  Effect.try({
    try: action,
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
      const said = words[code]
      const text = cause instanceof Error ? cause.message : String(cause)
      const message = said === undefined ? text : `${path}: ${said}`
      if (cause instanceof OutsideFolder)
        return new WorkspaceToolError({ reason: new OutsideWorkspace({ message }) })
      return code === "ENOENT"
        ? new WorkspaceToolError({ reason: new FileMissing({ message }) })
        : unavailable(message)
    }
  })

const list = Effect.fnUntraced(function* (root: string, path: string, withIgnored: boolean) {
  const steps = yield* attempt(path, () => listInside(root, path, withIgnored))
  for (;;) {
    const step = yield* attempt(path, () => steps.next())
    if (step.done === true) return step.value
    // Others have a turn: a Lease is renewed, a signal heard.
    yield* Effect.yieldNow
  }
})

const open = Effect.fn("HostWorkspaceTools.open")(function* (
  options: Options,
  shellOfHost: Effect.Effect<ConfinedShell.Shell>
) {
  const root = yield* attempt(options.directory, () => realpathSync.native(options.directory))
  // Beside the workspace: what a command leaves at home is neither part of the change nor the host's.
  const scratch = join(dirname(root), `.home-${basename(root)}`)
  yield* Effect.acquireRelease(
    attempt(scratch, () => {
      wipe(scratch)
      mkdirSync(join(scratch, "home"), { recursive: true, mode: 0o700 })
      mkdirSync(join(scratch, "tmp"), { mode: 0o700 })
    }),
    () =>
      attempt(scratch, () => wipe(scratch)).pipe(
        Effect.catch((error) => Effect.logWarning("a scratch folder was left behind", error))
      )
  )
  const env = commandEnvironment(scratch, options.identity)
  const own = { workspace: root, writable: [scratch], readable: yield* attempt(root, () => borrowedBy(root)) }

  return WorkspaceTools.of({
    readFile: (path) => attempt(path, () => readInside(root, path)),
    writeFile: (path, content) => attempt(path, () => writeInside(root, path, content)),
    moveFile: (from, to) => attempt(from, () => moveInside(root, from, to)),
    deleteFile: (path) => attempt(path, () => deleteInside(root, path)),
    listFiles: (path, options) => list(root, path, options?.withIgnored ?? false),
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
