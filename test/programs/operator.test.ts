import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"

import * as Observability from "../../layers/Observability.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, setTask, settle, startOperator } from "../reconcile/running.ts"

describe("the operator", () => {
  it.effect("says of each of its four controllers that it works, in controller-runtime's words", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      yield* startOperator()
      const started = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "Starting workers")
      assert.deepStrictEqual(
        started
          .map((line) => [line.controller, line.controllerGroup, line.controllerKind, line.level])
          .sort(),
        [
          ["agent", "foreman.llmkube.dev", "Agent", "info"],
          ["agentictask", "foreman.llmkube.dev", "AgenticTask", "info"],
          ["fleetnode", "foreman.llmkube.dev", "FleetNode", "info"],
          ["workload", "foreman.llmkube.dev", "Workload", "info"]
        ]
      )
      assert.isAbove(started[0]["worker count"], 0)
    }).pipe(
      Effect.provide(
        Layer.merge(
          layer,
          Observability.layer({
            name: "operator",
            format: "json",
            env: {},
            write: (line) => void lines.push(line)
          })
        )
      )
    )
  })

  it.effect("counts what each run used, once, however many runs a task has", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* startOperator()
      yield* seed(agenticTasks, task("t", { spec: { agentRef: { name: "paid" } } }))
      yield* settle
      const usage = {
        inputTokens: 100,
        outputTokens: 20,
        cachedTokens: 60,
        reasoningTokens: 0,
        modelSeconds: 3
      }
      yield* setTask("t", { phase: "Pending", usage: { ...usage, cost: { EUR: "0.5" } } })
      yield* settle
      const twice = { ...usage, inputTokens: 300, modelSeconds: 4.5, cost: { EUR: "0.75" } }
      yield* setTask("t", { phase: "Succeeded", verdict: "GO", usage: twice })
      yield* settle
      yield* setTask("t", { branch: "b" })
      yield* settle
      const lines = (yield* PrometheusMetrics.format()).split("\n")
      assert.sameMembers(
        lines.filter((line) => line.includes('agent="paid"') && !line.startsWith("foreman_task_completed")),
        [
          'foreman_task_tokens_total{agent="paid",kind="freeform",type="input"} 300',
          'foreman_task_tokens_total{agent="paid",kind="freeform",type="output"} 20',
          'foreman_task_tokens_total{agent="paid",kind="freeform",type="cached"} 60',
          'foreman_task_cost_total{agent="paid",kind="freeform",currency="EUR"} 0.75',
          'foreman_task_model_seconds_total{agent="paid",kind="freeform"} 4.5'
        ]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts each task that ends, once, by agent, kind, verdict and outcome", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* startOperator()
      yield* seed(agenticTasks, task("t", { spec: { kind: "verify", agentRef: { name: "counted" } } }))
      yield* settle
      const result = { extra: { outcome: "MODEL-DECIDED" } }
      yield* setTask("t", { phase: "Succeeded", verdict: "GATE-PASS", result })
      yield* settle
      yield* setTask("t", { branch: "b" })
      yield* settle
      const lines = (yield* PrometheusMetrics.format()).split("\n")
      assert.deepStrictEqual(
        lines.filter((line) => line.includes('agent="counted"')),
        [
          'foreman_task_completed_total{agent="counted",kind="verify",verdict="GATE-PASS",outcome="MODEL-DECIDED"} 1'
        ]
      )
    }).pipe(Effect.provide(layer))
  )
})
