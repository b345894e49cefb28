/**
 * A program with a file system of which only a few folders can be written, and with processes of its own: what
 * `readOnlyRootFilesystem` and a container are to Kubernetes, by the namespaces that util-linux makes without privilege. The network is
 * the host's. It is the first process of its PID namespace, so its end is the end of all that it has started.
 */
import { realpathSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

import { Effect } from "effect"

import { HiddenPaths, isIn, secretsOfHome, succeeds, withoutRights } from "./confinedShell.ts"

export interface Root {
  /** Folders that the program may write, also where they lie in something hidden. Absolute, and there already. */
  readonly writable: ReadonlyArray<string>
  /** What it may read although it lies in something hidden. */
  readonly readable?: ReadonlyArray<string>
  /** Files and folders that it finds empty, besides what a home keeps secrets in and other programs' sockets. */
  readonly hidden?: ReadonlyArray<string>
  /** What it sees as /tmp: one of `writable`, or in one. */
  readonly tmp: string
  /** Where it finds programs, which stay in sight also below something hidden; this process's PATH when absent. */
  readonly searchPath?: string | undefined
  /**
   * A folder that it reads and whose changes go elsewhere: `path` shows itself below what the program writes, which lands in `changes`.
   * Where the kernel has no overlay for it, the program finds `changes` alone there.
   */
  readonly overlay?: { readonly path: string; readonly changes: string } | undefined
}

/** The words that start `argv` so. */
export type Confine = (argv: ReadonlyArray<string>, root: Root) => ReadonlyArray<string>

/** Sockets by which a program would have others work for it. */
const sockets = [
  "/run/containerd",
  "/run/crio",
  "/run/dbus",
  "/run/docker.sock",
  "/run/podman",
  "/run/systemd/private",
  "/run/user",
  "/var/run/docker.sock"
]

const devices = ["null", "zero", "full", "random", "urandom", "tty"]

/**
 * In this order: what is to stay is bound aside; what is to be hidden is covered; what stays is bound back; all the rest is made
 * read-only. A mount that came with the namespace keeps its flags: they may not be taken away. Device files can be written on a
 * read-only mount, hence a /dev of our own.
 */
const script = `set -f
aside=/mnt
mount -t tmpfs -o size=64k,mode=755 none "$aside" || exit 125
tmp=$1 writable=$2 kept=$3 below=$4 changes=$5
shift 5
i=0
for path do
  i=$((i + 1))
  [ "$i" -le "$kept" ] || break
  if [ -d "$path" ]; then mkdir "$aside/$i"; else : >"$aside/$i"; fi
  mount --rbind "$path" "$aside/$i" || exit 125
done
mkdir "$aside/tmp" "$aside/dev" && mount --rbind "$tmp" "$aside/tmp" || exit 125
mount -t tmpfs -o size=64k,mode=755 none "$aside/dev" || exit 125
for name in ${devices.join(" ")}; do
  : >"$aside/dev/$name" && mount --bind "/dev/$name" "$aside/dev/$name" || exit 125
done
mkdir "$aside/dev/pts" "$aside/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 none "$aside/dev/pts" && ln -s pts/ptmx "$aside/dev/ptmx"
mount -t tmpfs -o size=256m,mode=1777 none "$aside/dev/shm" || exit 125
ln -s /proc/self/fd "$aside/dev/fd"
ln -s /proc/self/fd/0 "$aside/dev/stdin"
ln -s /proc/self/fd/1 "$aside/dev/stdout"
ln -s /proc/self/fd/2 "$aside/dev/stderr"
i=0 covered=
for path do
  i=$((i + 1))
  [ "$i" -gt "$kept" ] || continue
  [ "$path" != -- ] || break
  if [ -d "$path" ]; then mount -t tmpfs -o size=64k,mode=755 none "$path" || exit 125
  elif [ -e "$path" ]; then mount --bind /dev/null "$path" || exit 125
  fi
done
mount --rbind "$aside/tmp" /tmp && mount --rbind "$aside/dev" /dev || exit 125
i=0
for path do
  i=$((i + 1))
  [ "$i" -le "$kept" ] || break
  if [ -d "$aside/$i" ]; then mkdir -p "$path"; elif [ ! -e "$path" ]; then : >"$path"; fi
  mount --rbind "$aside/$i" "$path" || exit 125
done
if [ -n "$below" ]; then
  mkdir -p "$changes/upper" "$changes/work" || exit 125
  mount -t overlay -o "lowerdir=$below,upperdir=$changes/upper,workdir=$changes/work" overlay "$below" 2>/dev/null ||
    mount --bind "$changes/upper" "$below" || exit 125
fi
mount --rbind /proc/sys /proc/sys || exit 125
[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
umount -l "$aside" || exit 125
isAmong() {
  wanted=$1 n=$2
  shift 2
  for one do
    [ "$n" -gt 0 ] || return 1
    [ "$wanted" != "$one" ] || return 0
    n=$((n - 1))
  done
  return 1
}
while read -r _ _ _ _ path flags _; do
  case $path in *\\\\*) path=$(printf '%b' "$path") ;; esac
  case $path in /proc | /dev/pts | /dev/shm | /tmp | "$below") continue ;; esac
  isAmong "$path" "$writable" "$@" && continue
  kept_flags=
  for flag in nosuid nodev noexec noatime nodiratime relatime; do
    case ,$flags, in *",$flag,"*) kept_flags="$kept_flags,$flag" ;; esac
  done
  mount -o "remount,bind,ro$kept_flags" "$path" 2>/dev/null && continue
  # Below another mount: nobody reaches it by this name any more, and what has its name in /tmp is our own.
  isAmong "$path" "$kept" "$@" && exit 125
  case $path in /tmp/*) continue ;; esac
  [ ! -w "$path" ] || exit 125
done </proc/self/mountinfo
while [ "$1" != -- ]; do shift; done
shift
# /tmp is the program's own now: what it makes there, or where it stands, may not pass for a program of the host.
path= IFS=:
for entry in $PATH; do
  case $entry in /tmp | /tmp/* | [!/]* | "") ;; *) path=$path:$entry ;; esac
done
unset IFS
PATH=\${path#:}
cd "$PWD" && exec ${withoutRights} "$@"
`

const launcher = [
  ["setpriv", "--pdeathsig", "KILL"],
  ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--pid", "--ipc", "--uts"],
  ["--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh"]
].flat()

/** Mounts are by real paths: a symlink's own place stays as it is. */
const real = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

const confineHiding =
  (hiddenByHost: ReadonlyArray<string>): Confine =>
  (argv, root) => {
    const writable = root.writable.map(real)
    const kept = [...writable, ...(root.readable ?? []).map(real)]
    // What is found on PATH stays, even below something that is hidden.
    const onPath = (root.searchPath ?? process.env["PATH"] ?? "").split(":").map(real)
    const hidden = [...new Set([...hiddenByHost, ...(root.hidden ?? [])].map(real))].filter(
      (path) => !kept.includes(path) && !onPath.some((one) => isIn(one, path))
    )
    return [
      ...launcher,
      real(root.tmp),
      ...[writable.length, kept.length].map(String),
      ...(root.overlay === undefined ? ["", ""] : [real(root.overlay.path), real(root.overlay.changes)]),
      ...kept,
      ...hidden,
      "--",
      ...argv
    ]
  }

/** `undefined` where the host has no namespaces for it: tried once, with all that is to be hidden. */
export const make: Effect.Effect<Confine | undefined> = Effect.gen(function* () {
  const hidden = [...secretsOfHome.map((name) => join(homedir(), name)), ...sockets, ...(yield* HiddenPaths)]
  const confine = confineHiding(hidden)
  const [program = "", ...args] = confine(["true"], { writable: [], tmp: "/tmp" })
  if (process.platform === "linux" && (yield* succeeds({ program, args }))) return confine
  yield* Effect.logInfo("checks share this host's processes and files: it has no namespaces for them")
  return undefined
})
