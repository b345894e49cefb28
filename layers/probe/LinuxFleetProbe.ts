/** Linux: memory from /proc and the cgroups, whichever is less; a CUDA device when nvidia-smi lists one. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { Effect, Layer } from "effect"

import { FleetProbe, ProbeError } from "../../src/services/FleetProbe.ts"
import { capabilityOf, type Memory, type Stated } from "./capability.ts"
import { output } from "./command.ts"
import { cgroupBytes, cgroupFolders, inactiveFileBytes, memInfoBytes } from "./linuxMemory.ts"

export interface Options {
  readonly stated: Stated
  /** Folder that holds `proc` and `sys`; the root of the file system when absent. */
  readonly root?: string
  /** Lists the NVIDIA devices; `nvidia-smi` when absent. */
  readonly nvidiaSmi?: string
}

const readOptional = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // Each cgroup version has its own files, so most of them are missing on any host.
    return undefined
  }
}

/** Limit and free memory of the strictest cgroup that we live in. */
const strictest = (root: string, memory: Memory): Memory => {
  const folders = cgroupFolders(readOptional(join(root, "proc/self/cgroup")) ?? "")
  return folders.reduce<Memory>((least, folder) => {
    const file = (name: string) => readOptional(join(root, "sys/fs/cgroup", folder, name))
    const limit = cgroupBytes(file("memory.max") ?? file("memory.limit_in_bytes"))
    if (limit === undefined) return least
    const used = cgroupBytes(file("memory.current") ?? file("memory.usage_in_bytes")) ?? 0
    const free = limit - Math.max(0, used - inactiveFileBytes(file("memory.stat")))
    return {
      totalBytes: Math.min(least.totalBytes, limit),
      availableBytes: Math.min(least.availableBytes, Math.max(0, free))
    }
  }, memory)
}

export const make = Effect.fnUntraced(function* (options: Options) {
  const root = options.root ?? "/"

  // Devices do not come and go while a host runs, and the tool takes its time: asked once.
  const accelerator = yield* Effect.cached(
    output(options.nvidiaSmi ?? "nvidia-smi", ["-L"]).pipe(
      Effect.map((listing) => (listing.includes("GPU ") ? ("cuda" as const) : undefined)),
      // No such program: no such device.
      Effect.catch(() => Effect.succeed(undefined))
    )
  )

  const memory = Effect.try({
    try: (): Memory => {
      const text = readFileSync(join(root, "proc/meminfo"), "utf8")
      const totalBytes = memInfoBytes(text, "MemTotal")
      // Kernels before 3.14 have no MemAvailable.
      const availableBytes = memInfoBytes(text, "MemAvailable") ?? memInfoBytes(text, "MemFree")
      if (totalBytes === undefined || availableBytes === undefined) throw new Error("no MemTotal")
      return strictest(root, { totalBytes, availableBytes })
    },
    catch: (cause) => new ProbeError({ source: "/proc/meminfo", cause })
  })

  const capability = Effect.gen(function* () {
    const found = options.stated.accelerator === undefined ? yield* accelerator : undefined
    return capabilityOf(yield* memory, found, options.stated)
  }).pipe(Effect.withSpan("LinuxFleetProbe.capability"))

  return FleetProbe.of({ capability })
})

export const layer = (options: Options) => Layer.effect(FleetProbe, make(options))
