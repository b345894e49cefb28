import { execFileSync } from "node:child_process"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as Checkout from "../../../layers/gate/Checkout.ts"
import * as GateWorld from "../../gate/GateWorld.ts"

const gitIn =
  (directory: string) =>
  (...args: ReadonlyArray<string>): string =>
    execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" }).trim()

const options = ({ root, remote }: GateWorld.GateWorld) => ({
  cloneURL: remote,
  branch: "work",
  judgeDir: join(root, "judge"),
  workDir: join(root, "work")
})

describe("the base that a branch is compared with", () => {
  it.live("6940033f is where the branch was cut, however far the base branch has moved on", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ Makefile: "fmt:\n" })
      const cut = gitIn(world.remote)("rev-parse", "main")
      world.commit("work", { "a.txt": "one\n" })
      world.commit("work-too", { "b.txt": "two\n" })
      world.commit("main", { Makefile: "fmt:\n\tfalse\n" })
      const checkout = yield* Checkout.open(options(world))
      assert.strictEqual(checkout.base, cut)
      assert.strictEqual(yield* checkout.readBase("Makefile"), "fmt:\n")
    }).pipe(Effect.scoped)
  )

  it.live(
    "8a6928ff is the upstream's when the branch is on a fork, however far behind the fork's own is",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({ Makefile: "fmt:\n" })
        const fork = join(world.root, "fork")
        gitIn(world.root)("clone", "-q", "--bare", world.remote, fork)
        const merged = world.commit("main", { "merged.txt": "meanwhile\n" })
        const commit = world.commit("work", { "a.txt": "one\n" })
        gitIn(world.remote)("push", "-q", fork, "work")
        const checkout = yield* Checkout.open({
          ...options(world),
          cloneURL: fork,
          upstreamURL: world.remote
        })
        assert.deepStrictEqual([checkout.commit, checkout.base], [commit, merged])
      }).pipe(Effect.scoped)
  )
})
