/** Versions that are made of tags: checks find the tags below the commit, and the commits down to the nearest. */
import { execFileSync } from "node:child_process"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as GateWorld from "./GateWorld.ts"

const inRemote = (world: GateWorld.GateWorld, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-C", world.remote, ...args], { env: GateWorld.environment, encoding: "utf8" })

const gateFile = (command: string) => ({
  ".foreman/gate.yaml": `checks:\n  - { role: test, command: '${command}' }\n`
})

describe("tags", () => {
  it.live("are there with the commits down to the nearest, and say nothing of the judge's repository", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(
        gateFile(
          "git describe; git log --oneline | wc -l; git config --get-regexp ^remote; git status --short"
        )
      )
      inRemote(world, "tag", "--annotate", "--message=release", "v1.2.0", "main")
      const commit = world.commit("work", { "a.txt": "a\n" })
      const { envelope, log } = yield* world.gate()
      assert.strictEqual(envelope.commit, commit)
      const said = log.slice(log.indexOf("=== test ==="))
      assert.match(
        said,
        new RegExp(`^=== test ===\nv1\\.2\\.0-1-g${commit.slice(0, 7)}[0-9a-f]*\n *2\n`, "u")
      )
    })
  )

  it.live(
    "are the same for the commit with its source reverted, so that a test of the version does not fail by it",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({
          ...gateFile("sh code.test.sh"),
          "code.sh": "echo one\n",
          "code.test.sh": "case $(git describe) in v1*) sh code.sh ;; *) exit 1 ;; esac\n"
        })
        inRemote(world, "tag", "--annotate", "--message=release", "v1", "main")
        world.commit("work", { "code.sh": "echo two\n", "code.test.sh": "git describe | grep -q ^v1\n" })
        const { envelope } = yield* world.gate()
        // The test holds nothing of the change: with another history it would fail without it, and pass for one that does.
        assert.deepStrictEqual(
          [envelope.verdict, envelope.reason],
          ["GATE-FAIL", "TestsHollow"],
          envelope.message
        )
      })
  )
})
