/** A run against a real server with a small model, which solves nothing: here is what the harness makes of its context. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as ServerContextWindow from "../../layers/ServerContextWindow.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import { world } from "../executors/modelRun.ts"
import { modelServer, whyNoModel } from "./modelServer.ts"

/** A coder's run at a context of so many tokens. */
const runAt = Effect.fnUntraced(function* (ctx: number, agent: Partial<AgentSpec>) {
  const server = yield* modelServer(ctx)
  const { run } = yield* world({
    turns: [],
    agent: { maxOutputTokens: 48, requestTurnTimeoutSeconds: 600, ...agent },
    config: { inferenceBaseURLOverride: server.baseURL }
  })
  return yield* run.pipe(Effect.provide(ServerContextWindow.layer))
})

describe.skipIf(whyNoModel !== undefined)("a real server", () => {
  it.live("with a context of 2,048 ends the run at its first request: configuration, with both figures", () =>
    Effect.gen(function* () {
      const { extra = {}, verdict } = yield* runAt(2_048, {})
      assert.deepStrictEqual(
        [verdict, extra["party"], extra["reason"], extra["windowTokens"], extra["turnCount"]],
        ["INCOMPLETE", "configuration", "ContextOverflow", 2_048, 1]
      )
      assert.isAbove(Number(extra["promptTokens"]), 100)
    })
  )

  it.live("with a context of 8,192 makes at least three turns, and what ends them is the model's doing", () =>
    Effect.gen(function* () {
      const { extra = {} } = yield* runAt(8_192, { maxTurns: 4, tools: ["read_file", "submit_result"] })
      assert.isAtLeast(Number(extra["turnCount"]), 3, JSON.stringify(extra))
      assert.strictEqual(extra["party"], "model")
    })
  )
})
