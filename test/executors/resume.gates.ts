import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { git } from "./modelRun.ts"
import { branch, type Ended, outcomeOf, twelveTurns, world } from "./twelveTurns.ts"

const killAt = (atStep: number) => ({ signal: { name: "SIGKILL", atStep } }) as const

describe("a run that is killed (SIGKILL)", () => {
  it.live(
    "at any of its steps ends with one commit on one branch, as one that was left alone, and asks for no turn twice",
    () =>
      Effect.gen(function* () {
        const alone = yield* world()
        const { ended } = yield* alone.run()
        const expected = outcomeOf(alone.disk.remote, ended)
        assert.strictEqual(expected.verdict, "GO")
        assert.strictEqual(git(alone.disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        const requests = (yield* alone.model.requests).length
        assert.strictEqual(requests, twelveTurns.length)
        const steps = ended?.steps ?? 0
        assert.isAbove(steps, 2 * 12 * 4)

        yield* Effect.forEach(
          Array.from({ length: steps }, (_, index) => index + 1),
          (step) =>
            Effect.gen(function* () {
              const { disk, model, run } = yield* world()
              assert.strictEqual((yield* run(killAt(step))).signal, "SIGKILL", `not killed at ${step}`)
              const second = yield* run()
              assert.deepStrictEqual(
                outcomeOf(disk.remote, second.ended),
                expected,
                `killed at ${step} of ${steps}`
              )
              // Killed between the reply and the journal, it is asked again: no other request is made twice.
              assert.isAtMost((yield* model.requests).length, requests + 1, `killed at ${step} of ${steps}`)
            }).pipe(Effect.scoped),
          { concurrency: 2 }
        )
      }),
    600_000
  )

  it.live(
    "again and again still comes to its end",
    () =>
      Effect.gen(function* () {
        const { disk, model, run, work } = yield* world()
        let ended: Ended | undefined
        let starts = 0
        for (; ended === undefined && starts < 40; starts++) ended = (yield* run(killAt(12))).ended
        assert.strictEqual(ended?.result.verdict, "GO")
        // The last of them may have been killed after its push: then the result is that of the one before.
        assert.isAtLeast(Number(ended?.result.extra["resumes"]), starts - 2)
        assert.strictEqual(git(disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        assert.isAtMost((yield* model.requests).length, twelveTurns.length + starts)
        assert.include(
          readFileSync(join(work, ".journals", "uid-of-fix", "1.ndjson"), "utf8"),
          '"type":"resume"'
        )
      }),
    120_000
  )
})
