import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import * as GateWorld from "./GateWorld.ts"
import { hasNamespaces, localGate } from "./localGate.ts"

/** Only root may mount a volume that is small enough to fill. */
const isRoot = process.getuid?.() === 0 && process.platform === "linux"
const MiB = 1024 * 1024
const limits = { memoryBytes: 150 * MiB, processes: 60, outputBytes: 4 * MiB }

/** What each limit stops, as a shell script. */
const greedy = {
  time: "sleep 600",
  output: "yes flood",
  memory: `exec node -e 'const all = []; for (;;) all.push(Buffer.alloc(10 * 1024 * 1024, 1))'`,
  // It doubles a little slower than it could: the machine that tests has other work.
  processes: `bomb() { sleep 0.1; bomb | bomb & }; bomb; sleep 60`
} as const

const gateFile = (timeout: string) => `checks:
  - name: run
    role: test
    command: sh run.sh
    timeout: ${timeout}
  - name: after
    role: test
    command: echo after
`
const needsNamespaces = new Set<string>(["memory", "processes"])
const cases = Object.entries(greedy).filter(([limit]) => hasNamespaces || !needsNamespaces.has(limit))

describe("a limit of the gate", () => {
  it.live("of memory that the host's own is below fails nobody", () =>
    Effect.gen(function* () {
      const lower = 'ulimit -d 4000000; DATA_KIB=8000000 exec "$@"'
      const world = yield* GateWorld.make({}, (argv) => ["/bin/sh", "-c", lower, "sh", ...argv])
      world.commit("work", {})
      const { envelope } = yield* world.gate({ checks: [{ name: "limit", command: "ulimit -d" }] })
      assert.deepStrictEqual([envelope.verdict, envelope.checks[0]?.logTail], ["GATE-PASS", "4000000\n"])
    })
  )

  it.live.each(cases)(
    "of %s fails the change that hits it, and nobody when the base hits it as well",
    ([limit, script]) =>
      Effect.gen(function* () {
        const timeout = limit === "time" ? "1s" : "30s"
        const fine = yield* GateWorld.make({ "run.sh": "true\n", ".foreman/gate.yaml": gateFile(timeout) })
        fine.commit("work", { "run.sh": `${script}\n` })
        const greedy = yield* GateWorld.make({
          "run.sh": `${script}\n`,
          ".foreman/gate.yaml": gateFile(timeout)
        })
        greedy.commit("work", { "a.txt": "a\n" })

        const changed = yield* localGate(fine, { limits, deadline: Duration.seconds(60) })
        const shared = yield* localGate(greedy, { limits, deadline: Duration.seconds(60) })
        const [stopped, after] = changed.envelope.checks
        assert.deepStrictEqual(
          [changed.envelope.verdict, changed.envelope.reason, stopped?.limit, stopped?.exitCode],
          ["GATE-FAIL", "LimitExceeded", limit, 137]
        )
        assert.include(changed.envelope.message, `limit: ${limit}`)
        // The judge is still there: the next check ran.
        assert.strictEqual(after?.exitCode, 0)
        const reasons = {
          time: "CheckTimedOut",
          output: "TooMuchOutput",
          memory: "OutOfMemory",
          processes: "TooManyProcesses"
        }
        assert.deepStrictEqual(
          [shared.envelope.verdict, shared.envelope.reason],
          ["GATE-ERROR", reasons[limit as keyof typeof reasons]]
        )
        assert.isBelow(changed.log.length, 6 * MiB)
      }),
    60_000
  )

  it.live.skipIf(!isRoot)(
    "of disk fails the change that fills the volume, and the next check has room again",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({
          "run.sh": "true\n",
          ".gitignore": "big\n",
          ".foreman/gate.yaml": gateFile("30s")
        })
        world.commit("work", { "run.sh": "head -c 300000000 /dev/zero >big; sleep 30\n" })
        const volume = join(world.root, "volume")
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            mkdirSync(volume)
            execFileSync("mount", ["-t", "tmpfs", "-o", "size=160m", "none", volume])
          }),
          () => Effect.sync(() => execFileSync("umount", ["-l", volume]))
        )
        const workDir = join(volume, "work", "repository")
        const { envelope } = yield* localGate(world, { workDir, deadline: Duration.seconds(60) })
        assert.deepStrictEqual(
          [
            envelope.verdict,
            envelope.reason,
            envelope.checks.map(({ exitCode, limit }) => [exitCode, limit])
          ],
          [
            "GATE-FAIL",
            "LimitExceeded",
            [
              [137, "disk"],
              [0, undefined],
              [0, undefined]
            ]
          ],
          envelope.message
        )
      })
  )
})
