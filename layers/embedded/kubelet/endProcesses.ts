/** Ends processes for good: what ignores a request, what left its group, what forks while it is being ended. */
import { Effect } from "effect"

import { membersOf, type ProcessEntry, readProcessTable } from "./processTable.ts"

/** Forking faster than eight rounds of SIGKILL is an attack that only a pid namespace stops; it is logged. */
const rounds = 8

/** The process, or with a negative number its whole group. Gone already, or never ours to signal, is fine. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // ESRCH or EPERM: there is nothing left that we could do to it.
  }
}

/**
 * SIGKILL to every process of the groups and of the marker, until none is left. `seen` are processes that were members before:
 * an orphan is found by it even when its parent is gone.
 */
export const endProcesses = Effect.fnUntraced(function* (
  groups: ReadonlyArray<number>,
  marker: string,
  seen: ReadonlyArray<ProcessEntry> = []
) {
  for (let round = 0; round < rounds; round++) {
    const table = readProcessTable()
    const left = new Set([
      ...membersOf(table, { groups, marker }),
      ...table.filter((entry) =>
        seen.some((old) => old.pid === entry.pid && old.startTime === entry.startTime)
      )
    ])
    if (left.size === 0) return
    for (const entry of left) signal(entry.pid, "SIGKILL")
    yield* Effect.sleep("10 millis")
  }
  yield* Effect.logWarning("processes of a container outlive SIGKILL").pipe(
    Effect.annotateLogs({ groups: groups.join(",") })
  )
})
