import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"

import * as Observability from "../../layers/Observability.ts"
import { layer } from "../fakes/FakeCluster.ts"
import { startOperator } from "../reconcile/running.ts"

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
})
