import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { git } from "./modelRun.ts"
import { branch, outcomeOf, twelveTurns, world } from "./twelveTurns.ts"

describe("two processes on one task", () => {
  it.live(
    "the second ends at once and names the first, which loses nothing",
    () =>
      Effect.gen(function* () {
        const { begin, disk, model, run } = yield* world()
        const first = yield* begin({ signal: { name: "SIGSTOP", atStep: 40 } })
        yield* Effect.promise(() => first.signalled)
        const asked = (yield* model.requests).length
        assert.isAbove(asked, 2)

        const second = yield* run()
        assert.isUndefined(second.ended)
        assert.match(
          second.stderr,
          new RegExp(
            `another process works on this task: process ${first.child.pid} on \\S+ since 20\\d\\d-`,
            "u"
          )
        )
        assert.strictEqual((yield* model.requests).length, asked)

        first.child.kill("SIGCONT")
        const { ended } = yield* Effect.promise(() => first.exit)
        assert.strictEqual(outcomeOf(disk.remote, ended).verdict, "GO")
        assert.isUndefined(ended?.result.extra["resumes"])
        assert.strictEqual(git(disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        assert.strictEqual((yield* model.requests).length, twelveTurns.length)
      }),
    60_000
  )

  it.live(
    "the lock of a process that was killed is free at once",
    () =>
      Effect.gen(function* () {
        const { begin, model, run } = yield* world()
        const first = yield* begin({ signal: { name: "SIGSTOP", atStep: 40 } })
        yield* Effect.promise(() => first.signalled)
        first.child.kill("SIGKILL")
        yield* Effect.promise(() => first.exit)
        const { ended } = yield* run()
        assert.strictEqual(ended?.result.verdict, "GO")
        assert.strictEqual(ended?.result.extra["resumes"], 1)
        assert.isAtMost((yield* model.requests).length, twelveTurns.length + 1)
      }),
    60_000
  )
})
