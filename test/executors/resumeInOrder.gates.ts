import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import { outcomeOf, twelveTurns, world } from "./twelveTurns.ts"

/** Names of the journals of the task, and the reason in the last line of the newest. */
const journalIn = (work: string) => {
  const folder = join(work, ".journals", "uid-of-fix")
  const names = readdirSync(folder).filter((name) => name.endsWith(".ndjson"))
  const last =
    readFileSync(join(folder, names.at(-1) ?? ""), "utf8")
      .trimEnd()
      .split("\n")
      .at(-1) ?? "{}"
  const { reason, type }: { readonly type?: string; readonly reason?: string } = JSON.parse(last)
  return { names, type, reason }
}

/** What a run that nobody interrupts leaves behind, and how many steps it makes. */
const alone = Effect.gen(function* () {
  const { disk, run } = yield* world()
  const { ended } = yield* run()
  const expected = outcomeOf(disk.remote, ended)
  assert.strictEqual(expected.verdict, "GO")
  return { expected, steps: ended?.steps ?? 0 }
}).pipe(Effect.scoped)

/** So many numbers from 1 to `last`, both among them. */
const spread = (last: number, count: number) =>
  Array.from({ length: count }, (_, index) => 1 + Math.round((index * (last - 1)) / (count - 1)))

describe("a run that is drained (SIGTERM)", () => {
  it.live(
    "at any of its steps ends as one that was left alone, and repeats one turn at most",
    () =>
      Effect.gen(function* () {
        const { expected, steps } = yield* alone
        yield* Effect.forEach(
          spread(steps, 12),
          (atStep) =>
            Effect.gen(function* () {
              const at = `drained at ${atStep} of ${steps}`
              const { disk, model, run, work } = yield* world()
              const first = yield* run({ signal: { name: "SIGTERM", atStep } })
              // In its last steps it has a result already, and may come to its end.
              if (first.ended === undefined && atStep > 2)
                assert.strictEqual(journalIn(work).reason, "Terminated", at)
              const second = yield* run()
              assert.deepStrictEqual(outcomeOf(disk.remote, second.ended), expected, at)
              assert.isAtMost((yield* model.requests).length, twelveTurns.length + 1, at)
              assert.deepStrictEqual(journalIn(work).names, ["1.ndjson"], at)
            }).pipe(Effect.scoped),
          { concurrency: 2, discard: true }
        )
      }),
    180_000
  )
})

describe("a run whose endpoint says later", () => {
  const later = (status: number): Turn => ({
    reply: {
      type: "fault",
      fault: "status",
      status,
      message: status === 402 ? "insufficient quota" : "slow down"
    }
  })

  it.live(
    "in any of its turns is parked, uses no attempt, and ends as one that was left alone without repeating a turn",
    () =>
      Effect.gen(function* () {
        const { expected } = yield* alone
        yield* Effect.forEach(
          Array.from({ length: twelveTurns.length }, (_, turn) => turn),
          (turn) =>
            Effect.gen(function* () {
              const at = `parked in turn ${turn + 1}`
              const script = twelveTurns.toSpliced(turn, 0, later(turn % 2 === 0 ? 429 : 402))
              const { disk, model, run, work } = yield* world(script)
              const first = yield* run({ maxWaitMillis: 1 })
              assert.strictEqual(first.ended?.result.verdict, "INCOMPLETE", at)
              assert.strictEqual(first.ended?.result.extra["reason"], "EndpointHeld", at)
              const { names, ...last } = journalIn(work)
              assert.deepStrictEqual(last, { type: "hold", reason: "EndpointHeld" }, at)
              assert.deepStrictEqual(names, ["1.ndjson"], at)
              const second = yield* run()
              assert.deepStrictEqual(outcomeOf(disk.remote, second.ended), expected, at)
              assert.strictEqual(second.ended?.result.extra["resumes"], 1, at)
              assert.strictEqual((yield* model.requests).length, twelveTurns.length + 1, at)
              assert.deepStrictEqual(journalIn(work).names, ["1.ndjson"], at)
            }).pipe(Effect.scoped),
          { concurrency: 2, discard: true }
        )
      }),
    180_000
  )
})
