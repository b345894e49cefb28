/** Pure readers of /proc and /sys: what they mean, not how they are opened. */

/** A line such as `MemAvailable:   24177640 kB` of /proc/meminfo, in bytes. */
export const memInfoBytes = (text: string, field: string): number | undefined => {
  const digits = new RegExp(`^${field}:\\s+(\\d+) kB$`, "mu").exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits) * 1024
}

/** A limit or a usage of a cgroup; `max`, and the number that v1 uses for it, mean none. */
export const cgroupBytes = (text: string | undefined): number | undefined => {
  const digits = text?.trim()
  if (digits === undefined || !/^\d+$/u.test(digits)) return undefined
  const bytes = Number(digits)
  return bytes >= 2 ** 60 ? undefined : bytes
}

/** Page cache that the kernel gives back when asked: it counts as used, and is not. */
export const inactiveFileBytes = (memoryStat: string | undefined): number =>
  Number(/^(?:total_)?inactive_file (\d+)$/mu.exec(memoryStat ?? "")?.[1] ?? 0)

/** A path with `..` is outside our cgroup namespace: nothing there is mounted for us. */
const usable = (path: string | undefined): path is string =>
  path !== undefined && path !== "/" && !path.includes("..")

/** Folders of our own memory cgroup below /sys/fs/cgroup, the root's among them: v2 first, then v1. */
export const cgroupFolders = (selfCgroup: string): ReadonlyArray<string> => {
  const lines = selfCgroup.split("\n").map((line) => line.split(":"))
  const unified = lines.find(([id, controllers]) => id === "0" && controllers === "")?.[2]
  const memory = lines.find(([, controllers]) => controllers?.split(",").includes("memory"))?.[2]
  return [
    "",
    ...(usable(unified) ? [unified] : []),
    "/memory",
    ...(usable(memory) ? [`/memory${memory}`] : [])
  ]
}
