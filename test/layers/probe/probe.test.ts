import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { bytesToGiB } from "../../../layers/probe/capability.ts"
import * as DarwinFleetProbe from "../../../layers/probe/DarwinFleetProbe.ts"
import * as LinuxFleetProbe from "../../../layers/probe/LinuxFleetProbe.ts"

const gib = 1_073_741_824
const meminfo = `MemTotal:       67108864 kB\nMemFree:         1048576 kB\nMemAvailable:   50331648 kB\n`
const vmStat = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                              100000.
Pages active:                            900000.
Pages inactive:                          200000.
Pages speculative:                        50000.
Pages throttled:                              0.
Pages wired down:                        300000.
Pages purgeable:                          43216.
`

const host = (files: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const root = mkdtempSync(join(tmpdir(), "foreman-probe-"))
      for (const [name, text] of Object.entries({ "proc/meminfo": meminfo, ...files })) {
        mkdirSync(dirname(join(root, name)), { recursive: true })
        writeFileSync(join(root, name), text)
      }
      return root
    }),
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const linux = Effect.fnUntraced(function* (
  files: Record<string, string>,
  stated: LinuxFleetProbe.Options["stated"] = {}
) {
  const root = yield* host(files)
  const probe = yield* LinuxFleetProbe.make({ root, stated, nvidiaSmi: "no-such-program" })
  return yield* probe.capability
}, Effect.scoped)

describe("probes", () => {
  it("GiB are floored and saturate", () => {
    const told = [0, gib - 1, 36 * gib, 128 * gib, 2_147_483_647 * gib, 2 ** 64, Number.NaN].map(bytesToGiB)
    assert.deepStrictEqual(told, [0, 0, 36, 128, 2_147_483_647, 2_147_483_647, 0])
  })

  it.live("Linux: the smaller of host and cgroup, v1 and v2, and page cache is not used memory", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linux({}), { totalRAMGB: 64, availableRAMGB: 48 })
      assert.deepStrictEqual(
        yield* linux({
          "sys/fs/cgroup/memory.max": `${8 * gib}\n`,
          "sys/fs/cgroup/memory.current": `${3 * gib}\n`,
          "sys/fs/cgroup/memory.stat": `anon 5\ninactive_file ${gib}\n`
        }),
        { totalRAMGB: 8, availableRAMGB: 6 }
      )
      assert.deepStrictEqual(
        yield* linux({
          "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
          "proc/self/cgroup": "4:memory:/pod1\n",
          "sys/fs/cgroup/memory/pod1/memory.limit_in_bytes": `${16 * gib}\n`,
          "sys/fs/cgroup/memory/pod1/memory.usage_in_bytes": `${15 * gib}\n`
        }),
        { totalRAMGB: 16, availableRAMGB: 1 }
      )
    })
  )

  it.live("what a flag stated wins, and a stated total is what is available", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* linux({}, { totalRAMGB: 60, accelerator: "cuda", installedModels: ["qwen"], slots: 2 }),
        { totalRAMGB: 60, availableRAMGB: 60, accelerator: "cuda", installedModels: ["qwen"], slots: 2 }
      )
    })
  )

  it.live("a host without /proc is a typed error", () =>
    Effect.gen(function* () {
      const probe = yield* LinuxFleetProbe.make({
        root: "/no/such",
        stated: {},
        nvidiaSmi: "no-such-program"
      })
      assert.strictEqual((yield* Effect.flip(probe.capability)).source, "/proc/meminfo")
    })
  )

  it.effect("macOS: free, inactive, speculative and purgeable pages of the header's size", () =>
    Effect.gen(function* () {
      const probe = DarwinFleetProbe.make({
        stated: {},
        run: (program) => Effect.succeed(program === "sysctl" ? `${128 * gib}\n` : vmStat)
      })
      assert.deepStrictEqual(yield* probe.capability, {
        accelerator: "metal",
        totalRAMGB: 128,
        availableRAMGB: Math.floor((393_216 * 16_384) / gib)
      })
    })
  )
})
