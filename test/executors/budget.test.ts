import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

import type { Limits } from "../../schema/Budget.ts"
import { boundsOf } from "../../src/decide/limits.ts"
import { spendIn } from "../../src/decide/spend.ts"
import { withinWallTime, withKnownPrice } from "../../src/executors/runBounds.ts"
import { agent, task } from "../builders.ts"
import { result } from "../node/running.ts"
import { call, edit, world } from "./modelRun.ts"

const freeform = {
  kind: "freeform" as const,
  payload: { prompt: "say hi", branchStrategy: "reset" as const }
}

describe("the limits of a model's run", () => {
  it.live("reached, it ends INCOMPLETE with the limit, what was used and what was allowed", () =>
    Effect.gen(function* () {
      const { run } = yield* world({
        turns: ["a", "b", "c", "d"].map((content) => call("write_file", { path: "README.md", content })),
        agent: {
          limits: { outputTokens: 1000, cost: "1" },
          prices: { currency: "EUR", input: "1", output: "1" }
        },
        task: { ...freeform, limits: { outputTokens: 30 } }
      })
      const { extra, failureReason, summary, verdict } = yield* run
      assert.deepStrictEqual([verdict, failureReason], ["INCOMPLETE", "ConstraintViolated"])
      assert.include(summary, "limits.outputTokens of the task is reached")
      assert.deepInclude(extra, {
        outcome: "LOOP-BUDGET-EXHAUSTED",
        party: "configuration",
        reason: "LimitReached",
        limit: "outputTokens"
      })
      assert.deepInclude(spendIn(extra), { inputTokens: 30, outputTokens: 15, cost: { EUR: "0.000045" } })
    })
  )

  it.live("in money without a price, it does not begin, and says what is missing", () =>
    Effect.gen(function* () {
      const { model, run } = yield* world({ turns: [edit], agent: { limits: { cost: "5" } }, task: freeform })
      const { extra, summary, verdict } = yield* run
      assert.strictEqual(verdict, "INCOMPLETE")
      assert.deepInclude(extra, { reason: "PriceUnknown", party: "configuration" })
      assert.include(summary, "set prices of the Agent")
      assert.deepStrictEqual(yield* model.requests, [])
    })
  )
})

describe("a limit in money over several endpoints", () => {
  const priced = { currency: "EUR", input: "1", output: "1" }
  const endpoint = (baseURL: string, prices?: typeof priced) => ({
    baseURL,
    model: "m",
    ...(prices !== undefined && { prices })
  })
  const asked = (limits: Limits) =>
    withKnownPrice(
      [endpoint("none"), endpoint("eur", priced), endpoint("usd", { ...priced, currency: "USD" })],
      boundsOf([{ of: "the Agent", limits }])
    ).pipe(Effect.map((endpoints) => endpoints.map(({ baseURL }) => baseURL)))

  it.effect("leaves out those whose price is not known, and none without such a limit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asked({ tokens: 9 }), ["none", "eur", "usd"])
      assert.deepStrictEqual(yield* asked({ cost: "1" }), ["eur", "usd"])
      assert.deepStrictEqual(yield* asked({ cost: "1", currency: "EUR" }), ["eur"])
      const { message, reason } = yield* Effect.flip(asked({ cost: "1", currency: "GBP" }))
      assert.strictEqual(reason, "PriceUnknown")
      assert.include(message, "for none, eur, usd")
    })
  )
})

describe("the limits of an Agent without a model", () => {
  const within = (agentSeconds: number, taskSeconds: number) =>
    Effect.gen(function* () {
      const run = {
        task: task("t", { spec: { limits: { wallSeconds: taskSeconds } } }),
        agent: agent("gate", { spec: { limits: { wallSeconds: agentSeconds, tokens: 1 } } }),
        claimId: "c",
        nodeName: "n"
      }
      const gate = Effect.as(Effect.sleep("10 seconds"), result({ verdict: "GATE-PASS" }))
      const fiber = yield* Effect.forkChild(withinWallTime(run, gate))
      yield* TestClock.adjust("10 seconds")
      return yield* Fiber.join(fiber)
    })

  it.effect("end it by its wall time, the tighter one first", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* within(20, 30)).verdict, "GATE-PASS")
      const { elapsedSec, extra, summary, verdict } = yield* within(9, 4)
      assert.deepStrictEqual([verdict, elapsedSec], ["INCOMPLETE", 4])
      assert.deepInclude(extra, { reason: "LimitReached", limit: "wallSeconds", party: "configuration" })
      assert.include(summary, "limits.wallSeconds of the task is reached: 4 of 4 seconds")
    })
  )
})
