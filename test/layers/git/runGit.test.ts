/** What stands in a caller's environment changes nothing of what our git does. */
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as Checkout from "../../../layers/gate/Checkout.ts"
import { git } from "../../../layers/git/runGit.ts"
import * as GateWorld from "../../gate/GateWorld.ts"

const lines = (changed: string) =>
  Array.from({ length: 20 }, (_, index) => (index === 9 ? changed : `line ${index + 1}`)).join("\n")

/** Variables that git itself, a hook or a person sets. */
const hostile = {
  GIT_DIFF_OPTS: "-u3",
  GIT_DIR: "/nowhere",
  GIT_WORK_TREE: "/nowhere",
  GIT_INDEX_FILE: "/nowhere/index",
  GIT_PREFIX: "sub/",
  GIT_QUARANTINE_PATH: "/nowhere/incoming",
  GIT_EXTERNAL_DIFF: "/bin/false",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "diff.context",
  GIT_CONFIG_VALUE_0: "9",
  GIT_LITERAL_PATHSPECS: "1"
}

const withEnvironment = Effect.acquireRelease(
  Effect.sync(() => Object.assign(process.env, hostile)),
  () =>
    Effect.sync(() => {
      for (const name of Object.keys(hostile)) delete process.env[name]
    })
)

describe("the git runner", () => {
  it.live("counts the changed lines alone, and moves refs, whatever a caller's variables say", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "a.txt": lines("line 10") })
      const commit = world.commit("work", { "a.txt": lines("changed") })
      yield* withEnvironment
      const checkout = yield* Checkout.open({
        cloneURL: world.remote,
        branch: "work",
        judgeDir: join(world.root, "judge"),
        workDir: join(world.root, "work")
      })
      const { files } = yield* checkout.change
      assert.deepStrictEqual(
        files.map(({ addedLines, removedLines }) => ({ addedLines, removedLines })),
        [{ addedLines: [10], removedLines: [10] }]
      )
      const bare = join(world.root, "bare")
      yield* git(["init", "-q", "--bare", bare])
      yield* git(["--git-dir", bare, "fetch", "-q", world.remote, "work"])
      yield* git(["--git-dir", bare, "update-ref", "refs/heads/moved", commit])
      assert.strictEqual((yield* git(["--git-dir", bare, "rev-parse", "moved"])).trim(), commit)
    }).pipe(Effect.scoped)
  )
})
