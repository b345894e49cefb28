/** What one check may use up. Each limit lies below what would stop the judge, so that the judge is there to name it. */
import type { GateLimit } from "../../schema/Result.ts"

export interface Limits {
  /** Memory of all processes together that no file stands behind. Absent: what the container may hold, less a tenth. */
  readonly memoryBytes?: number | undefined
  /** Processes at a time. */
  readonly processes: number
  /** What one check may print; it is stopped past that, and the log keeps what came before. */
  readonly outputBytes: number
  /** Growth during one check of what checks may write to, caches aside. */
  readonly diskBytes: number
}

export const defaultLimits: Limits = {
  processes: 1_024,
  outputBytes: 64 * 1024 * 1024,
  diskBytes: 16 * 1024 ** 3
}

/** With less room than this on the volume a failing check says nothing about the change. */
export const leastFreeBytes = 64 * 1024 * 1024

/** The container's own limit ends the toolchain as a whole; the judge stops a check before that. */
export const memoryBelow = (containerBytes: number): number => Math.floor(containerBytes * 0.9)

/** Each takes as much of the container's memory at least, the kernel's own part of it included. */
const leastProcessBytes = 1024 * 1024

/** So many that the limit of processes is met before that of memory, which would take the toolchain along. */
export const processesWithin = (containerBytes: number): number =>
  Math.floor(containerBytes / leastProcessBytes)

/**
 * What one process may ask for at all (`ulimit -d`), in KiB: above what any look lets pass, since programs ask for more than they use. A
 * machine that is too busy to look in time is not eaten up.
 */
export const dataKiB = (memoryBytes: number): number => Math.ceil(memoryBytes / 512) + 1024 * 1024

/** Kubernetes evicts a pod that holds more on disk than it may, the judge with it: a check is stopped before that. */
export const diskBelow = (podBytes: number): number => Math.floor(podBytes * 0.8)

const units: Readonly<Record<string, number>> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4
}

/** Bytes of a quantity of Kubernetes in its usual forms. */
export const bytesOf = (quantity: string): number | undefined => {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?$/u.exec(quantity) ?? []
  return amount === undefined ? undefined : Number(amount) * (units[unit] ?? 1)
}

/** A look at everything that runs in the toolchain. */
export interface Usage {
  readonly processes: number
  readonly memoryBytes: number
}

/** The limit that is passed, if one is. Processes first: a swarm takes memory, too. */
export const passed = (usage: Usage, limits: Limits): GateLimit | undefined =>
  usage.processes > limits.processes
    ? "processes"
    : limits.memoryBytes !== undefined && usage.memoryBytes > limits.memoryBytes
      ? "memory"
      : undefined
