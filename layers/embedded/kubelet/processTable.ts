/** Which processes there are, and which of them belong to a pod. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

export interface ProcessEntry {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** When it started, in the system's own notation: only ever compared. */
  readonly startTime: string
  /** The marker in its environment, where the system shows it. */
  readonly marker: string | undefined
}

/** Set for every container, to `<pod uid>/<container>`. A process that left its group by setsid still carries it. */
export const markerVariable = "FOREMAN_CONTAINER_ID"

/** A marker means one container, or with the uid alone the whole pod. */
const carries = (entry: ProcessEntry, marker: string): boolean =>
  entry.marker === marker || entry.marker?.startsWith(`${marker}/`) === true

/** Zombies are left out: they run nothing, and not every init reaps them. */
export const readProcessTable = (): ReadonlyArray<ProcessEntry> =>
  process.platform === "linux" ? fromProc() : fromPs()

const fromProc = (): ReadonlyArray<ProcessEntry> =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/u.test(name)) return []
    const fields = statFields(name)
    const [state, parent, group] = fields
    if (state === undefined || parent === undefined || group === undefined || state === "Z" || state === "X")
      return []
    const marker = readOrEmpty(`/proc/${name}/environ`)
      .split("\0")
      .find((entry) => entry.startsWith(`${markerVariable}=`))
    return {
      pid: Number(name),
      parent: Number(parent),
      group: Number(group),
      startTime: fields[19] ?? "",
      marker: marker?.slice(markerVariable.length + 1)
    }
  })

/** From the third field on: the second, the command's name, stands in parentheses and may itself hold anything. */
const statFields = (pid: string): ReadonlyArray<string> => {
  const stat = readOrEmpty(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")
}

/** Processes come and go while we look, and others' are closed to us: both read as nothing. */
const readOrEmpty = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

const fromPs = (): ReadonlyArray<ProcessEntry> =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="], { encoding: "utf8" })
    .split("\n")
    .flatMap((line) => {
      const [pid, parent, group, state, ...started] = line.trim().split(/\s+/u)
      return pid === undefined || state === undefined || state.startsWith("Z")
        ? []
        : {
            pid: Number(pid),
            parent: Number(parent),
            group: Number(group),
            startTime: started.join(" "),
            marker: undefined
          }
    })

/** "" when it ended already. */
export const startTimeOf = (pid: number): string =>
  process.platform === "linux"
    ? (statFields(String(pid))[19] ?? "")
    : (fromPs().find((entry) => entry.pid === pid)?.startTime ?? "")

/**
 * Processes of the groups, those with the marker, and the children of either, however deep. What cleared its environment, left the
 * group and lost its parent is out of reach without a pid namespace.
 */
export const membersOf = (
  table: ReadonlyArray<ProcessEntry>,
  { groups, marker }: { readonly groups: ReadonlyArray<number>; readonly marker: string }
): ReadonlyArray<ProcessEntry> => {
  const members = new Map(
    table
      .filter((entry) => groups.includes(entry.group) || carries(entry, marker))
      .map((entry) => [entry.pid, entry])
  )
  for (let size = -1; size !== members.size;) {
    size = members.size
    for (const entry of table) if (members.has(entry.parent)) members.set(entry.pid, entry)
  }
  return [...members.values()]
}

/** Groups that are provably still ours: the leader has the start time we wrote down, or is gone and left marked children. */
export const provenGroups = (
  table: ReadonlyArray<ProcessEntry>,
  groups: ReadonlyArray<{ readonly pid: number; readonly startTime: string }>,
  marker: string
): ReadonlyArray<number> =>
  groups
    .filter(({ pid, startTime }) => {
      const leader = table.find((entry) => entry.pid === pid)
      return leader === undefined
        ? table.some((entry) => entry.group === pid && carries(entry, marker))
        : leader.startTime === startTime
    })
    .map(({ pid }) => pid)
