import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import type { TaskSpec } from "../../schema/AgenticTask.ts"
import { RunnerConfig } from "../../src/executors/Executor.ts"
import { record } from "../../src/executors/history.ts"
import { limitsOf } from "../../src/decide/stuck.ts"
import { Journal } from "../../src/services/Journal.ts"
import { agent, task } from "../builders.ts"

/** What the journal's first line says of the specs that the run depends on. */
const specOf = Effect.fnUntraced(function* (taskSpec: Partial<TaskSpec>, agentSpec: Partial<AgentSpec>) {
  const lines: Array<string> = []
  const journal: Partial<Journal["Service"]> = {
    open: () => Effect.succeed({ attempt: 1, append: (more) => Effect.sync(() => void lines.push(...more)) }),
    folder: () => "/nowhere"
  }
  const run = {
    task: task("t", { metadata: { uid: "u" }, spec: taskSpec }),
    agent: agent("a", { spec: agentSpec }),
    claimId: "c",
    nodeName: "n"
  }
  yield* record(
    run,
    run.agent,
    {},
    {
      head: {
        systemPrompt: "s",
        taskPrompt: "t",
        tools: [],
        maxTurns: 1,
        maxTokens: 1,
        windowTokens: 1,
        budgetMillis: 1,
        isEditing: false,
        stuckLimits: limitsOf(undefined, false)
      },
      remote: undefined,
      endpoints: [],
      workspace: Effect.never,
      tools: []
    }
  ).pipe(
    Effect.scoped,
    Effect.provideService(Journal, journal as Journal["Service"]),
    Effect.provideService(RunnerConfig, {} as RunnerConfig["Service"]),
    Effect.provide(GitCliWorkspace.layer)
  )
  const { spec }: { readonly spec?: string } = JSON.parse(lines[0] ?? "{}")
  return spec
})

describe("what a run that goes on depends on", () => {
  it.effect("is not what it may use: a limit that is raised costs a parked run no turn", () =>
    Effect.gen(function* () {
      const before = yield* specOf({ limits: { tokens: 1 } }, { limits: { tokens: 1 } })
      assert.isString(before)
      const prices = { currency: "EUR", input: "1", output: "1" }
      const raised = { limits: { tokens: 9 }, limitsPerDay: { cost: "1" }, prices }
      assert.strictEqual(yield* specOf({ limits: { tokens: 9 } }, raised), before)
      assert.notStrictEqual(yield* specOf({}, { systemPrompt: "another" }), before)
      assert.notStrictEqual(yield* specOf({ payload: { prompt: "x", branchStrategy: "reset" } }, {}), before)
    })
  )
})
