import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"

import { type ConfigMap } from "../../schema/Core.ts"
import * as MemoryCache from "../../src/cache/MemoryCache.ts"

const map = (name: string, version: number | string, color = "red"): ConfigMap => ({
  metadata: { name, namespace: "n", resourceVersion: String(version) },
  data: { color }
})
const make = () =>
  MemoryCache.make<ConfigMap>({ indexes: { color: (object) => [object.data?.["color"] ?? ""] } })
const makeSelective = () =>
  MemoryCache.make<ConfigMap>({
    indexes: { color: (object) => [object.data?.["color"] ?? ""] },
    matches: (object) => object.data?.["color"] !== "gone"
  })
const held = ({ cache }: MemoryCache.MemoryCache<ConfigMap>) =>
  Array.from(cache.values(), ({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort()

describe("MemoryCache: our own writes beside the watch", () => {
  it.effect("an older event does not overwrite what we wrote, nor does an older delete remove it", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.replace([map("a", 5)], "9")
      yield* memory.cache.observe(map("a", 12, "blue"))
      yield* memory.put(map("a", 10), "10")
      yield* memory.remove("n/a", "11")
      assert.deepStrictEqual(held(memory), ["a@12"])
      yield* memory.remove("n/a", "13")
      assert.deepStrictEqual(held(memory), [])
    })
  )

  it.effect("versions are numbers: 10 is newer than 9, beyond 2^53 too", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.put(map("a", 9), "9")
      yield* memory.put(map("a", 10), "10")
      yield* memory.put(map("b", "9007199254740993"), "9007199254740993")
      yield* memory.cache.observe(map("b", "9007199254740992"))
      assert.deepStrictEqual(held(memory), ["a@10", "b@9007199254740993"])
    })
  )

  it.effect("a late answer to our own write does not bring a deleted object back", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.replace([map("a", 5)], "5")
      yield* memory.remove("n/a", "8")
      yield* memory.cache.observe(map("a", 7))
      assert.deepStrictEqual(held(memory), [])
      yield* memory.cache.observe(map("a", 9))
      assert.deepStrictEqual(held(memory), ["a@9"])
    })
  )

  it.effect(
    "what our own write took out of the selection is not brought back by an event or a list from before",
    () =>
      Effect.gen(function* () {
        const memory = makeSelective()
        yield* memory.replace([map("a", 5)], "5")
        yield* memory.cache.observe(map("a", 8, "gone"))
        yield* memory.put(map("a", 6), "6")
        yield* memory.replace([map("a", 7)], "7")
        assert.deepStrictEqual(held(memory), [])
        yield* memory.put(map("a", 8, "gone"), "8")
        yield* memory.put(map("a", 9), "9")
        assert.deepStrictEqual(held(memory), ["a@9"])
      })
  )

  it.effect("a list keeps what we wrote after it was taken, and only that", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.replace([map("a", 1), map("b", 2)], "10")
      yield* memory.cache.observe(map("a", 30))
      yield* memory.cache.observe(map("new", 31))
      yield* memory.replace([map("a", 15)], "20")
      assert.deepStrictEqual(held(memory), ["a@30", "new@31"])
    })
  )

  it.effect("a list from before the mark is another history, and the truth", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.replace([map("a", 100), map("b", 101)], "101")
      yield* memory.replace([map("a", 7)], "8")
      assert.deepStrictEqual(held(memory), ["a@7"])
    })
  )

  it.effect("has seen what it holds, and what its own write took out", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.replace([map("a", 4)], "5")
      yield* memory.cache.observe(map("b", 7))
      const seen = ["n/a@4", "n/b@7", "n/b@6"]
      for (const [key = "", version = ""] of seen.map((text) => text.split("@"))) {
        assert.isTrue(memory.cache.hasSeen(key, version), `${key}@${version}`)
      }
      for (const [key, version] of [
        ["n/a", "5"],
        ["n/gone", "5"],
        ["n/b", "8"],
        ["n/b", "deleted"]
      ] as const) {
        assert.isFalse(memory.cache.hasSeen(key, version), `${key}@${version}`)
      }
    })
  )

  it.effect("an object is forgotten only in the version that was asked for", () =>
    Effect.gen(function* () {
      const memory = make()
      yield* memory.put(map("a", 5), "5")
      yield* memory.cache.forget("n/a", "4")
      assert.deepStrictEqual(held(memory), ["a@5"])
      yield* memory.cache.forget("n/a", "5")
      assert.deepStrictEqual(held(memory), [])
    })
  )
})

const colors = ["c0", "c1", "gone"]

/** What may happen to a server and its watcher; the server's version grows by one with each write. */
const Step = Schema.Union([
  Schema.Struct({
    do: Schema.Literals(["write", "delete"]),
    name: Schema.Literals(["a", "b", "c"]),
    isOurs: Schema.Boolean
  }),
  Schema.Struct({ do: Schema.Literal("deliver") }),
  Schema.Struct({ do: Schema.Literal("relist") })
])

describe("MemoryCache: whatever the order", () => {
  it.effect.prop(
    "after the last event the cache equals the server, subscribers saw each final state, indexes agree",
    { isSelective: Schema.Boolean, steps: Schema.Array(Step).check(Schema.isMaxLength(40)) },
    ({ isSelective, steps }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const memory = isSelective ? makeSelective() : make()
          const queue = yield* memory.cache.subscribe
          const server = new Map<string, ConfigMap>()
          const log: Array<{
            readonly key: string
            readonly version: string
            readonly object: ConfigMap | undefined
          }> = []
          let delivered = 0
          let version = 0
          const deliver = Effect.gen(function* () {
            const event = log[delivered]
            if (event === undefined) return
            delivered += 1
            if (event.object === undefined) yield* memory.remove(event.key, event.version)
            else yield* memory.put(event.object, event.version)
          })
          for (const step of steps) {
            if (step.do === "deliver") yield* deliver
            else if (step.do === "relist") {
              delivered = log.length
              yield* memory.replace([...server.values()], String(version))
            } else {
              const key = `n/${step.name}`
              version += 1
              const object = step.do === "write" ? map(step.name, version, colors[version % 3]) : undefined
              if (object === undefined && !server.delete(key)) continue
              if (object !== undefined) server.set(key, object)
              log.push({ key, version: String(version), object })
              if (object !== undefined && step.isOurs) yield* memory.cache.observe(object)
            }
          }
          while (delivered < log.length) yield* deliver
          const expected = new Map(
            [...server].filter(([, one]) => !isSelective || one.data?.["color"] !== "gone")
          )

          assert.deepStrictEqual(
            new Map([...memory.cache.values()].map((one) => [`n/${one.metadata.name}`, one])),
            expected
          )
          const seen = new Map<string, ConfigMap>()
          for (const event of yield* Queue.clear(queue)) {
            assert.deepStrictEqual(event.before, seen.get(event.key))
            if (event.type === "put") seen.set(event.key, event.after)
            else seen.delete(event.key)
          }
          assert.deepStrictEqual(seen, expected)
          for (const color of colors) {
            const ofColor = [...expected.values()].filter((one) => one.data?.["color"] === color)
            assert.sameDeepMembers([...memory.cache.byIndex("color", color)], ofColor)
          }
        })
      )
  )
})
