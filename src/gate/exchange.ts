/**
 * How the judge and the toolchain speak: three FIFOs on a volume that both containers see. Requests go down one, output and status come
 * up the other two. Nobody polls, a status cannot overtake the output before it, and a loop that dies is noticed as the end of `status`.
 */

/**
 * Names of the FIFOs, in the order in which the judge makes them; the loop waits for the last. Once the loop has opened all, the judge
 * takes the names away: a check that could write a request could make the loop hand it the next nonce.
 */
export const fifos = ["request", "status", "output"] as const

/** Longest command, in bytes: a request fits into a pipe's buffer, so that handing one over never waits. */
export const maxCommandBytes = 16_384

/** What the loop says once it has opened the FIFOs. */
export const ready = "ready"

/**
 * The loop that runs in `toolchain`. It needs a POSIX shell, `sleep`, and nothing else; everything that comes from a task reaches it as
 * data. The check sees neither the FIFOs of requests and statuses nor the nonce. After a check everything that it left behind is killed:
 * the whole PID namespace where the loop is its first process, else the check's own session. `set -m` stands in where there is no
 * setsid.
 */
export const loop = `check=
trap '[ -z "$check" ] || kill -9 "-$check" 2>/dev/null; exit 0' TERM
launch=
if command -v setsid >/dev/null 2>&1; then launch=setsid; elif [ "$$" -ne 1 ]; then set -m; fi
until [ -p "$EXCHANGE_DIR/output" ]; do sleep 0.02 2>/dev/null || sleep 1; done
exec 3<"$EXCHANGE_DIR/request" 4>"$EXCHANGE_DIR/status" 5>"$EXCHANGE_DIR/output"
echo ${ready} >&4
while IFS= read -r nonce <&3 && IFS= read -r lines <&3; do
  command=
  while [ "$lines" -gt 0 ] && IFS= read -r line <&3; do
    command="$command$line
"
    lines=$((lines - 1))
  done
  (cd "$WORK_DIR" && exec $launch /bin/sh -c "$command") </dev/null >&5 2>&1 3<&- 4>&- 5>&- &
  check=$!
  wait "$check"
  code=$?
  if [ "$$" -eq 1 ]; then kill -9 -1; else kill -9 "-$check"; fi 2>/dev/null
  check=
  echo "$nonce $code" >&4
done
`

/** One command on its way to the loop: the nonce, the number of lines, the lines. */
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
