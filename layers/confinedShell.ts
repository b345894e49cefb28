/**
 * A shell command that sees no process but its own and none of the host's credentials. Linux: user, mount and process namespaces by
 * util-linux, which need no privilege. A container often forbids them, and other systems have none: there it is a plain shell.
 */
import { execFile } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"

import { Context, Effect } from "effect"

/** Files and folders that commands find empty, besides what a home commonly keeps secrets in. Absolute paths. */
export const HiddenPaths = Context.Reference<ReadonlyArray<string>>("layers/HiddenPaths", {
  defaultValue: () => []
})

/** Folders that commands may read and not change, such as objects that workspaces borrow. Absolute paths. */
export const ReadOnlyPaths = Context.Reference<ReadonlyArray<string>>("layers/ReadOnlyPaths", {
  defaultValue: () => []
})

export const secretsOfHome = [
  ".aws",
  ".azure",
  ".cargo/credentials.toml",
  ".claude",
  ".config",
  ".docker",
  ".git-credentials",
  ".gnupg",
  ".kube",
  ".netrc",
  ".npmrc",
  ".pypirc",
  ".ssh"
]

const cover = `
cover() {
  if [ -d "$1" ]; then mount -t tmpfs -o size=4k,mode=755 none "$1" || exit 125
  elif [ -e "$1" ]; then mount --bind /dev/null "$1" || exit 125
  fi
}`
const protect = `
protect() {
  [ ! -d "$1" ] || { mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"; } || exit 125
}`
export const withoutRights = "setpriv --no-new-privs --ambient-caps=-all --inh-caps=-all --bounding-set=-all"

/**
 * The first process of the namespace. It stays, so that the command may signal itself, and so that its end is the end of all that the
 * command has started. Only it may mount.
 */
const script = `${cover}${protect}
command=$1
shift
while [ "$1" != -- ]; do protect "$1"; shift; done
shift
for path do cover "$path"; done
${withoutRights} sh -c "$command"
exit $?`

/** The process that was started dies with us, whatever ends us, and takes the namespace along. */
const launcher = [
  ["setpriv", "--pdeathsig", "KILL"],
  ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--pid", "--fork", "--kill-child"],
  ["--mount-proc", "sh", "-c", script, "sh"]
].flat()

export interface ShellCommand {
  readonly program: string
  readonly args: ReadonlyArray<string>
}

/** How a command of a workspace is run. */
export type Shell = (command: string, workspace: string) => ShellCommand

const plain: Shell = (command) => ({ program: "sh", args: ["-c", command] })

export const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`)

/** What a command cannot do without stays, even below something that is hidden. */
const confined =
  (hidden: ReadonlyArray<string>, readOnly: ReadonlyArray<string>): Shell =>
  (command, workspace) => {
    const needed = [workspace, ...(process.env["PATH"] ?? "").split(":")]
    const [program = "", ...args] = launcher
    const covered = hidden.filter((path) => !needed.some((one) => isIn(one, path)))
    return { program, args: [...args, command, ...readOnly, "--", ...covered] }
  }

const trialTimeoutMillis = 5_000

export const succeeds = ({ program, args }: ShellCommand): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const child = execFile(
      program,
      [...args],
      { timeout: trialTimeoutMillis, killSignal: "SIGKILL" },
      (error) => resume(Effect.succeed(error === null))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Tried once, with all that is to be hidden. `undefined` where the host has no namespaces for it. */
const tried = Effect.gen(function* () {
  const hidden = [...secretsOfHome.map((name) => join(homedir(), name)), ...(yield* HiddenPaths)]
  const shell = confined(hidden, yield* ReadOnlyPaths)
  return process.platform === "linux" && (yield* succeeds(shell("true", "/"))) ? shell : undefined
})

/** The shell of this host. */
export const make: Effect.Effect<Shell> = Effect.gen(function* () {
  const shell = yield* tried
  if (shell !== undefined) return shell
  yield* Effect.logInfo("commands are not confined: this host has no namespaces for them")
  return plain
})

/** Whether `make` gives a shell that keeps to `ReadOnlyPaths` on this host. */
export const isConfining: Effect.Effect<boolean> = Effect.map(tried, (shell) => shell !== undefined)

/** What the program is once `paths` are hidden from it: the same process, so that its signals, its exit and its group are its own. */
export type Hide = (argv: ReadonlyArray<string>, paths: ReadonlyArray<string>) => ReadonlyArray<string>

const hiding = `${cover}
count=$1
shift
while [ "$count" -gt 0 ]; do cover "$1"; shift; count=$((count - 1)); done
exec ${withoutRights} "$@"`

const hider = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", hiding, "sh"]

const hide: Hide = (argv, paths) =>
  paths.length === 0 ? argv : [...hider, String(paths.length), ...paths, ...argv]

/** Hides nothing where the host has no namespaces: tried once. */
export const makeHide: Effect.Effect<Hide> = Effect.gen(function* () {
  const [program = "", ...args] = hide(["true"], ["/nowhere"])
  if (process.platform === "linux" && (yield* succeeds({ program, args }))) return hide
  yield* Effect.logInfo("containers are not confined: this host has no namespaces for them")
  return (argv) => argv
})

/** Whether a name on this PATH, or a path, can be started from the folder. */
export const isProgram = (name: string, path: string, folder: string): boolean =>
  (name.includes("/")
    ? [resolve(folder, name)]
    : path.split(":").map((one) => resolve(folder, one, name))
  ).some((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
