/** Caches that gates of one repository share are written by runs of the base alone. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import * as BaseCache from "../../layers/gate/BaseCache.ts"
import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"
import { hasNamespaces, localGate } from "./localGate.ts"

const brief = ({ reason, verdict }: Envelope) => [verdict, reason]
const check = (command: string) => ({ name: "test", role: "test" as const, command })

describe("the caches", () => {
  it.live.skipIf(!hasNamespaces)("show a gate nothing that the candidate before it wrote", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "a.txt": "a\n" })
      world.commit("work", { "a.txt": "b\n" })
      const leaves = check('mkdir -p "$GOCACHE" && touch "$GOCACHE/left" && [ -e "$GOCACHE/left" ]')
      const first = yield* localGate(world, { checks: [leaves] })
      const second = yield* localGate(world, { checks: [check('[ ! -e "$GOCACHE/left" ]')] })
      assert.deepStrictEqual(
        [brief(first.envelope), brief(second.envelope)],
        [
          ["GATE-PASS", undefined],
          ["GATE-PASS", undefined]
        ],
        second.envelope.message
      )
    })
  )

  const gateFile = (setup: string) => ({
    ".foreman/gate.yaml": `checks:\n  - { role: setup, command: '${setup}' }\n  - { role: test, command: 'true' }\n`
  })
  const opened = Effect.fnUntraced(function* (world: GateWorld.GateWorld, folder: string, gate: number) {
    let log = ""
    const scratchDir = join(world.root, `base-${gate}`)
    mkdirSync(scratchDir, { recursive: true })
    const cache = yield* BaseCache.open({
      folder,
      remote: join(world.remote, ".git"),
      baseBranch: "main",
      scratchDir,
      memoryBytes: 1024 ** 3,
      patience: Duration.seconds(30),
      hidden: [],
      env: process.env,
      write: (text) => {
        log += Buffer.from(text).toString("utf8")
      }
    })
    return { cache, log }
  })

  it.live("are filled by the set-up of a base once, and anew when its lock files change", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...gateFile('mkdir -p "$GOCACHE" && cat go.sum >"$GOCACHE/sums"'),
        "go.sum": "one\n"
      })
      const folder = join(world.root, "caches")
      const first = yield* opened(world, folder, 1)
      const again = yield* opened(world, folder, 2)
      world.commit("main", { "go.sum": "two\n" })
      const other = yield* opened(world, folder, 3)
      assert.isTrue(existsSync(join(first.cache, "gobuild", "sums")), first.log)
      assert.deepStrictEqual([again.cache, again.log], [first.cache, ""])
      assert.notStrictEqual(other.cache, first.cache)
    })
  )

  it.live("stay unfilled where the set-up of the base fails, and the log says so", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(gateFile("exit 3"))
      const folder = join(world.root, "caches")
      const { cache, log } = yield* opened(world, folder, 1)
      assert.include(log, "--- setup: exit 3\n")
      assert.isFalse(cache.startsWith(folder))
    })
  )
})
