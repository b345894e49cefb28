import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"

import * as ServedModels from "../../../layers/probe/ServedModels.ts"
import { inferenceServices } from "../../../schema/InferenceService.ts"
import { FleetProbe } from "../../../src/services/FleetProbe.ts"
import { FakeCluster, layer } from "../../fakes/FakeCluster.ts"

const host = Layer.succeed(FleetProbe, FleetProbe.of({ capability: Effect.succeed({ totalRAMGB: 64 }) }))
const served = (name: string, namespace: string) => ({ metadata: { name, namespace }, spec: {} })

describe("a node that was told no models", () => {
  it.effect("offers the InferenceServices of its cluster, each name once, as they come", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      yield* Effect.gen(function* () {
        const { capability } = yield* FleetProbe
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* capability, { totalRAMGB: 64 })
        yield* seed(inferenceServices, served("qwen", "a"), served("qwen", "b"), served("gemma", "a"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* capability, { totalRAMGB: 64, installedModels: ["gemma", "qwen"] })
      }).pipe(Effect.provide(ServedModels.layer.pipe(Layer.provide(host))))
    }).pipe(Effect.provide(layer))
  )
})
