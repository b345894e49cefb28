import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"

import { type ConfigMap, configMaps, namespaces } from "../../schema/Core.ts"
import * as Reflector from "../../src/cache/Reflector.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"

const Step = Schema.Union([
  Schema.Struct({
    do: Schema.Literal("write"),
    name: Schema.Literals(["a", "b", "c"]),
    color: Schema.Literals(["red", "blue"])
  }),
  Schema.Struct({ do: Schema.Literal("delete"), name: Schema.Literals(["a", "b", "c"]) }),
  Schema.Struct({ do: Schema.Literal("disconnect") }),
  Schema.Struct({ do: Schema.Literal("expire") }),
  Schema.Struct({ do: Schema.Literal("fail"), verb: Schema.Literals(["list", "watch"]) }),
  Schema.Struct({ do: Schema.Literal("wait") })
])

/** Long enough for each wait of the reflector; in turns, since each attempt after a wait may begin another. */
const settle = Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => TestClock.adjust("10 seconds"), {
  discard: true
})

describe("Reflector on a cluster", () => {
  it.effect.prop(
    "whatever is written, cut, compacted and refused: in the end the cache is the server, and subscribers know it",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(25)) },
    ({ steps }) =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster
        const kube = yield* KubeClient
        yield* cluster.seed(namespaces, { metadata: { name: "n" } })
        const cache = yield* Reflector.make(configMaps, {
          indexes: { color: (map) => [map.data?.["color"] ?? ""] },
          retry: Schedule.spaced("1 second")
        })
        const queue = yield* cache.subscribe
        for (const step of steps) {
          if (step.do === "write") {
            const written = { metadata: { name: step.name, namespace: "n" }, data: { color: step.color } }
            const object = yield* kube
              .patch(configMaps, written.metadata, { type: "merge", body: { data: written.data } })
              .pipe(Effect.catchReason("KubeError", "NotFound", () => kube.create(configMaps, written)))
            yield* cache.observe(object)
          } else if (step.do === "delete") {
            yield* kube.delete(configMaps, { name: step.name, namespace: "n" }).pipe(Effect.ignore)
          } else if (step.do === "disconnect") yield* cluster.disconnectWatches
          else if (step.do === "expire") yield* cluster.expire
          else if (step.do === "wait") yield* TestClock.adjust("2 seconds")
          else {
            yield* cluster.failNext(new Unavailable({ message: "down" }), {
              when: ({ verb }) => verb === step.verb
            })
          }
        }
        yield* settle

        // A failure that no list of the reflector met is still waiting for one.
        const { items } = yield* kube.list(configMaps).pipe(Effect.retry({ times: 25 }))
        const server = new Map(items.map((one) => [one.metadata.name, one]))
        assert.deepStrictEqual(new Map(Array.from(cache.values(), (one) => [one.metadata.name, one])), server)
        const seen = new Map<string, ConfigMap>()
        for (const event of yield* Queue.clear(queue)) {
          if (event.type === "put") seen.set(event.after.metadata.name, event.after)
          else seen.delete(event.before.metadata.name)
        }
        assert.deepStrictEqual(seen, server)
        const blue = [...server.values()].filter((one) => one.data?.["color"] === "blue")
        assert.sameDeepMembers([...cache.byIndex("color", "blue")], blue)
      }).pipe(Effect.provide(Layer.fresh(layer)), Effect.scoped),
    { arbitrary: { runs: 60 } }
  )
})
