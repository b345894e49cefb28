/**
 * How the judge and the toolchain speak: FIFOs on a volume that both containers see. The loop's first process takes orders and answers
 * them; each check runs on a lane, which has FIFOs of its own for the request, the status and the output. Nobody polls, a status cannot
 * overtake the output before it, and whoever dies is noticed as the end of what it wrote.
 *
 * A FIFO has a name only until both ends are open, and only while nothing of the candidate is alive: a check that could open one by its
 * name could read the next nonce, or hand a lane a command of its own.
 */

/** FIFOs of the first process, in the order in which the judge makes them; the loop waits for the last. */
export const fifos = ["orders", "answers"] as const

/** FIFOs of the lane with that name. */
export const laneFifos = (lane: string) =>
  ({ request: `${lane}.request`, status: `${lane}.status`, output: `${lane}.output` }) as const

/** Longest command, in bytes: a request fits into a pipe's buffer, so that handing one over never waits. */
export const maxCommandBytes = 16_384

/** What a lane says once it has the whole command. It starts it on the next line, whatever that is. */
export const armed = "armed"

/**
 * The loop that runs in `toolchain`. It needs a POSIX shell, `sleep`, and nothing else; everything that comes from a task reaches it as
 * data. A check sees no FIFO and no nonce of its own. `sweep` kills everything in the PID namespace whose first process the loop is;
 * elsewhere a check's session is all that is killed. `set -m` stands in where there is no setsid. What looks at memory and processes
 * forks nothing, so that it works when nothing can be forked. `DATA_KIB` stops a process that outruns every look, where no container
 * does.
 */
const loop = `launch=
if command -v setsid >/dev/null 2>&1; then launch=setsid; elif [ "$$" -ne 1 ]; then set -m; fi
lane() {
  check=
  trap '[ -z "$check" ] || kill -9 "-$check" "$check" 2>/dev/null' USR1
  trap '[ -z "$check" ] || kill -9 "-$check" "$check" 2>/dev/null; exit 0' TERM
  exec 3<"$EXCHANGE_DIR/$1.request" 4>"$EXCHANGE_DIR/$1.status" 5>"$EXCHANGE_DIR/$1.output"
  while IFS= read -r nonce <&3 && IFS= read -r lines <&3; do
    command=
    while [ "$lines" -gt 0 ] && IFS= read -r line <&3; do
      command="$command$line
"
      lines=$((lines - 1))
    done
    echo ${armed} >&4
    IFS= read -r go <&3 || break
    (cd "$WORK_DIR" && { [ -z "$DATA_KIB" ] || ulimit -d "$DATA_KIB" 2>/dev/null || :; } && exec $launch /bin/sh -c "$command") </dev/null >&5 2>&1 3<&- 4>&- 5>&- &
    check=$!
    wait "$check"
    code=$?
    kill -9 "-$check" "$check" 2>/dev/null
    check=
    echo "$nonce $code" >&4
  done
}
lanes=
trap 'kill -TERM $lanes 2>/dev/null; exit 0' TERM
until [ -p "$EXCHANGE_DIR/answers" ]; do sleep 0.02 2>/dev/null || sleep 1; done
exec 3<"$EXCHANGE_DIR/orders" 4>"$EXCHANGE_DIR/answers"
limit=
for file in memory.max memory/memory.limit_in_bytes; do
  [ -n "$limit" ] || { read -r limit <"/sys/fs/cgroup/$file"; } 2>/dev/null
done
locked=
for folder in "$HOME" "$TMPDIR" "$GOCACHE" "$GOMODCACHE" "$XDG_DATA_HOME" "$npm_config_cache" "$PIP_CACHE_DIR"; do
  while [ ! -e "$folder" ]; do
    case $folder in */*) folder=\${folder%/*} ;; *) folder=; break ;; esac
  done
  [ -z "$folder" ] || [ -w "$folder" ] || locked=$folder
done
echo "ready $$ $limit\${locked:+ $locked}" >&4
while read -r order argument <&3; do
  case $order in
    lane)
      (exec 3<&- 4>&- && lane "$argument") &
      lanes="$lanes $!"
      echo "lane $!" >&4 ;;
    end) kill -USR1 "$argument" 2>/dev/null ;;
    sweep)
      if [ "$$" -eq 1 ]; then kill -9 -1 2>/dev/null; lanes=; : & wait "$!"; fi
      echo swept >&4 ;;
    look)
      count=0 pages=0
      for stat in /proc/[0-9]*/statm; do
        { read -r size resident shared rest <"$stat"; } 2>/dev/null || continue
        [ "$size" -eq 0 ] || { count=$((count + 1)); pages=$((pages + resident - shared)); }
      done
      echo "look $count $pages" >&4 ;;
  esac
done
kill -TERM $lanes 2>/dev/null
`

/**
 * Starts the loop, from a copy of the shell that nobody may read where one can be made. The kernel keeps the open files, the memory and the
 * environment of a program that its user may not read from every other process (`PR_SET_DUMPABLE` in prctl(2), `/proc/pid/fd` in proc(5)),
 * and those of its forks, the lanes, too: a check runs as the same user, and could take orders and give answers. What a lane executes is
 * an ordinary program again.
 */
export const startLoop: ReadonlyArray<string> = [
  "/bin/sh",
  "-c",
  `copy=\${TMPDIR:-/tmp}/sh
{ rm -rf "$copy" && cp /bin/sh "$copy" && chmod 111 "$copy" && "$copy" -c :; } 2>/dev/null && exec "$copy" -c "$1"
exec /bin/sh -c "$1"`,
  "sh",
  loop
]

/** What the loop says first. */
export interface Ready {
  /** It is the first process of a PID namespace: nothing that a check leaves behind outlives a sweep, and a look sees all of it. */
  readonly isFirst: boolean
  /** A home, a folder for temporary files or a cache that the checks need and cannot write. */
  readonly locked?: string | undefined
  /** What its container may hold in memory, where that can be read. */
  readonly memoryBytes: number | undefined
}

export const readyOf = (line: string): Ready | undefined => {
  const [, pid, limit, locked] = /^ready (\d+) (\d+|max|)(?: (.+))?$/u.exec(line) ?? []
  const bytes = Number(limit)
  // Version 1 of cgroups says "no limit" with the largest number of pages.
  const isLimit = limit !== "" && bytes > 0 && bytes < 2 ** 60
  return pid === undefined
    ? undefined
    : { isFirst: pid === "1", memoryBytes: isLimit ? bytes : undefined, locked }
}

/** Orders to the loop's first process. `end` alone has no answer. */
export const order = {
  lane: (name: string) => `lane ${name}\n`,
  end: (pid: number) => `end ${pid}\n`,
  sweep: "sweep\n",
  look: "look\n"
} as const

/** The process of a new lane. */
export const laneOf = (line: string): number | undefined => {
  const [, pid] = /^lane (\d+)$/u.exec(line) ?? []
  return pid === undefined ? undefined : Number(pid)
}

/** What lives in the namespace: processes, the loop's own among them, and the pages that they share with no file. */
export const lookOf = (line: string): { readonly processes: number; readonly pages: number } | undefined => {
  const [, processes, pages] = /^look (\d+) (-?\d+)$/u.exec(line) ?? []
  return processes === undefined ? undefined : { processes: Number(processes), pages: Number(pages) }
}

/** One command on its way to a lane: the nonce, the number of lines, the lines. */
export const encodeRequest = (nonce: string, command: string): string => {
  const lines = command.split("\n")
  return `${nonce}\n${lines.length}\n${lines.join("\n")}\n`
}

/** The exit code in a line of `status`, if the line answers the request with this nonce. Anything else is somebody's noise. */
export const exitCodeOf = (line: string, nonce: string): number | undefined => {
  const [said, code, ...rest] = line.split(" ")
  return said === nonce && rest.length === 0 && code !== undefined && /^\d{1,3}$/u.test(code)
    ? Number(code)
    : undefined
}
