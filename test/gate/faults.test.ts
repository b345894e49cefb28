import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as GateWorld from "./GateWorld.ts"
import { localGate } from "./localGate.ts"

/** Only root may mount a volume that is small enough to be full. */
const isRoot = process.getuid?.() === 0 && process.platform === "linux"

describe("a fault of the machine", () => {
  it.live.each([3_600_000, -3_600_000])(
    "that sets the clock by %i ms changes no verdict and no duration",
    (jump) =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({})
        world.commit("work", {})
        const now = Date.now
        const { envelope } = yield* world
          .gate(
            { checks: [{ name: "slow", command: "echo begun; sleep 0.5", timeoutSeconds: 30 }] },
            (_, printed) =>
              Effect.sync(printed).pipe(
                Effect.delay("10 millis"),
                Effect.repeat({ until: (text) => text.includes("begun") }),
                Effect.andThen(Effect.sync(() => void (Date.now = () => now() + jump)))
              )
          )
          .pipe(Effect.ensuring(Effect.sync(() => void (Date.now = now))))
        const seconds = envelope.checks[0]?.seconds ?? 0
        assert.strictEqual(envelope.verdict, "GATE-PASS", envelope.message)
        assert.isAtLeast(seconds, 0.4)
        assert.isBelow(seconds, 30)
      })
  )

  it.live.skipIf(!isRoot)("that leaves no room for the checks is DiskFull, and no check is blamed", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const volume = join(world.root, "volume")
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          mkdirSync(volume)
          execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m", "none", volume])
        }),
        () => Effect.sync(() => execFileSync("umount", ["-l", volume]))
      )
      const { envelope } = yield* localGate(world, {
        workDir: join(volume, "work", "repository"),
        checks: [{ name: "fails", command: "exit 1" }]
      })
      assert.deepStrictEqual([envelope.verdict, envelope.reason], ["GATE-ERROR", "DiskFull"])
    })
  )
})
