/**
 * A shell command that sees no process but its own and none of the host's credentials. Linux: user, mount and process namespaces by
 * util-linux, which need no privilege. A container often forbids them, and other systems have none: there it is a plain shell.
 */
import { execFile } from "node:child_process"
import { accessSync, constants, existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join, resolve } from "node:path"

import { Context, Effect } from "effect"

/** Files and folders that commands find empty, besides what a home commonly keeps secrets in. Absolute paths. */
export const HiddenPaths = Context.Reference<ReadonlyArray<string>>("layers/HiddenPaths", {
  defaultValue: () => []
})

/** Folders of which a command finds only what is its own: those of all workspaces, and of what they borrow. Absolute paths. */
export const PrivateFolders = Context.Reference<ReadonlyArray<string>>("layers/PrivateFolders", {
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
/** Without the host's network there is one of its own, whose loopback is down; a slim image has perl and nothing else to mend that. */
const loopback = `
loopback() {
  PATH=$PATH:/usr/sbin:/sbin
  ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null ||
  perl -e 'socket($s, 2, 2, 0) or die; ioctl($s, 0x8914, pack("a16 s x22", "lo", 0x41)) or die' 2>/dev/null ||
  python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(2, 2), 0x8914, struct.pack("16sh22x", b"lo", 0x41))' 2>/dev/null
}`
export const withoutRights = "setpriv --no-new-privs --ambient-caps=-all --inh-caps=-all --bounding-set=-all"

/**
 * The first process of the namespace. It stays, so that the command may signal itself, and so that its end is the end of all that the
 * command has started. Only it may mount. Its words after the first three: `w:` and `r:` are what the command has, to write or to read;
 * `p:` and `h:` are covered; `n:` is a network of its own. What it has is bound aside, and bound back when the rest is covered.
 */
const script = `${cover}${loopback}
command=$1 workspace=$2 aside=$3 i=0
shift 3
[ -z "$aside" ] || mount -t tmpfs -o size=64k,mode=755 none "$aside" || exit 125
for one do
  case $one in
  [wr]:*) i=$((i + 1)); mkdir "$aside/$i" && mount --rbind "\${one#?:}" "$aside/$i" || exit 125 ;;
  esac
done
for one do
  case $one in
  [ph]:*) cover "\${one#?:}" ;;
  n:) (loopback) || exit 125 ;;
  esac
done
i=0
for one do
  path=\${one#?:}
  case $one in
  [wr]:*) i=$((i + 1)); mkdir -p "$path" && mount --rbind "$aside/$i" "$path" || exit 125 ;;
  esac
  case $one in
  r:*) mount -o remount,bind,ro "$path" || exit 125 ;;
  esac
done
[ -z "$aside" ] || umount -l "$aside" || exit 125
cd "$workspace" || exit 125
${withoutRights} sh -c "$command"
exit $?`

/** The process that was started dies with us, whatever ends us, and takes the namespace along. */
const launcher = (network: Network): ReadonlyArray<string> =>
  [
    ["setpriv", "--pdeathsig", "KILL"],
    ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--pid", "--fork", "--kill-child"],
    network === "Own" ? ["--net"] : [],
    ["--mount-proc", "sh", "-c", script, "sh"]
  ].flat()

/** The host's, or one of its own with nothing but a loopback. */
type Network = "Host" | "Own"

export interface ShellCommand {
  readonly program: string
  readonly args: ReadonlyArray<string>
}

/** What of the host a command has. Absolute paths, symbolic links resolved; folders that are there. */
export interface Own {
  readonly workspace: string
  readonly writable: ReadonlyArray<string>
  /** May be read, and not changed. */
  readonly readable: ReadonlyArray<string>
}

/** How a command of a workspace is run. */
export type Shell = (command: string, own: Own) => ShellCommand

const plain: Shell = (command) => ({ program: "sh", args: ["-c", command] })

export const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`)

/** Folders that every Linux has and few use; one with nothing in it that the command needs is where mounts wait. */
const asides = ["/mnt", "/media", "/srv", "/opt"]

/** What a command cannot do without stays, even below something that is hidden. */
const confined =
  (hidden: ReadonlyArray<string>, privateFolders: ReadonlyArray<string>, network: Network): Shell =>
  (command, { readable, workspace, writable }) => {
    const onPath = (process.env["PATH"] ?? "").split(":")
    const [program = "", ...args] = launcher(network)
    const isFree = (folder: string) => ![workspace, ...onPath].some((one) => isIn(one, folder))
    const kept = [
      ...[workspace, ...writable].map((path) => `w:${path}`),
      ...readable.map((path) => `r:${path}`)
    ]
    const aside = asides.find(
      (folder) => existsSync(folder) && !kept.some((one) => isIn(one.slice(2), folder)) && isFree(folder)
    )
    const folders = privateFolders.filter((folder) => !onPath.some((one) => isIn(one, folder)))
    const mayMove = aside !== undefined && folders.length > 0
    return {
      program,
      args: [
        ...args,
        command,
        workspace,
        mayMove ? aside : "",
        ...(mayMove ? [...kept, ...folders.map((folder) => `p:${folder}`)] : []),
        ...hidden.filter(isFree).map((path) => `h:${path}`),
        ...(network === "Own" ? ["n:"] : [])
      ]
    }
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

/** Tried once, with all that is to be hidden, in a folder that must stay. `undefined` where the host has no namespaces for it. */
const tried = Effect.fnUntraced(function* (network: Network) {
  if (process.platform !== "linux") return undefined
  const hidden = [...secretsOfHome.map((name) => join(homedir(), name)), ...(yield* HiddenPaths)]
  const folders = (yield* PrivateFolders)
    .filter((folder) => existsSync(folder))
    .map((path) => realpathSync(path))
  const shell = confined(hidden, folders, network)
  const trial = realpathSync(mkdtempSync(join(folders[0] ?? tmpdir(), ".shell-")))
  const works = yield* succeeds(shell(`[ -w '${trial}' ]`, { workspace: trial, writable: [], readable: [] }))
  rmSync(trial, { recursive: true, force: true })
  return works ? shell : undefined
})

/** The shell of this host. */
export const make: Effect.Effect<Shell> = Effect.gen(function* () {
  const shell = yield* tried("Host")
  if (shell !== undefined) return shell
  yield* Effect.logInfo("commands are not confined: this host has no namespaces for them")
  return plain
})

/** Whether `make` gives a shell on this host by which `readable` cannot be changed. */
export const isConfining: Effect.Effect<boolean> = Effect.map(tried("Host"), (shell) => shell !== undefined)

/** The same without the host's network; `undefined` where the host cannot do that. */
export const makeOffline: Effect.Effect<Shell | undefined> = tried("Own")

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
