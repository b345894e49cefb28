import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Queue, Schedule, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"

import { type ConfigMap, configMaps } from "../../schema/Core.ts"
import { type CacheEvent } from "../../src/cache/Cache.ts"
import * as Reflector from "../../src/cache/Reflector.ts"
import {
  Forbidden,
  Gone,
  Invalid,
  KubeClient,
  KubeError,
  type KubeReason,
  type ListOptions,
  NotFound,
  TooManyRequests,
  Unavailable,
  type WatchEvent
} from "../../src/services/KubeClient.ts"

const map = (name: string, version: number, color = "red"): ConfigMap => ({
  metadata: { name, namespace: "n", resourceVersion: String(version) },
  data: { color }
})
const put = (name: string, version: number, color?: string): WatchEvent<ConfigMap> => ({
  type: "MODIFIED",
  object: map(name, version, color),
  resourceVersion: String(version)
})
const del = (name: string, version: number): WatchEvent<ConfigMap> => ({
  type: "DELETED",
  object: map(name, version),
  resourceVersion: String(version)
})
const bookmark = (version: number): WatchEvent<ConfigMap> => ({
  type: "BOOKMARK",
  resourceVersion: String(version)
})

type Listed = { readonly items: ReadonlyArray<ConfigMap>; readonly version: number } | KubeReason
/** Events, and how the watch ends: with an error, cleanly, or not at all. */
type Watched = { readonly events: ReadonlyArray<WatchEvent<ConfigMap>>; readonly end?: KubeReason | "clean" }

const fail = (reason: KubeReason) => new KubeError({ operation: "test", reason })
const down = new Unavailable({ message: "down" })
const isReason = (step: Listed): step is KubeReason => "_tag" in step

const selectors = (options: ListOptions) => (options.fieldSelector ? ` ${options.fieldSelector}` : "")

/** A server that answers list after list and watch after watch from a script; the last watch stays open. */
const scripted = (lists: ReadonlyArray<Listed>, watches: ReadonlyArray<Watched>) => {
  const asked: Array<string> = []
  let listed = 0
  let watched = 0
  const layer = Layer.mock(KubeClient, {
    list: (_, options = {}) =>
      Effect.suspend(() => {
        asked.push(`list${selectors(options)}`)
        const step = lists[listed++] ?? down
        if (isReason(step)) return Effect.fail(fail(step))
        // The script speaks of config maps, which is what these tests reflect.
        return Effect.succeed({
          items: step.items as never,
          resourceVersion: String(step.version),
          undecodable: []
        })
      }),
    watch: (_, options) =>
      Stream.unwrap(
        Effect.sync(() => {
          asked.push(`watch ${options.resourceVersion}${selectors(options)}`)
          const { end, events } = watches[watched++] ?? { events: [] }
          const live = Stream.fromIterable(events as ReadonlyArray<never>)
          if (end === "clean") return live
          return Stream.concat(live, end === undefined ? Stream.never : Stream.fail(fail(end)))
        })
      )
  })
  return { asked, layer }
}

const indexes = { color: (object: ConfigMap) => [object.data?.["color"] ?? ""] }
const contents = (cache: { readonly values: () => Iterable<ConfigMap> }) =>
  Array.from(
    cache.values(),
    ({ data, metadata }) => `${metadata.name}@${metadata.resourceVersion} ${data?.["color"]}`
  ).sort()

const reflect = (options: Partial<Reflector.Options<ConfigMap>> = {}) =>
  Effect.gen(function* () {
    const attempts: Array<string> = []
    const cache = yield* Reflector.make(configMaps, {
      indexes,
      retry: Schedule.spaced("1 second"),
      onAttempt: (attempt) =>
        Effect.sync(() => attempts.push(attempt._tag === "Ok" ? "ok" : `failed ${attempt.consecutive}`)),
      ...options
    })
    const queue = yield* cache.subscribe
    const events = Effect.map(Queue.clear(queue), (all) =>
      all.map((event: CacheEvent<ConfigMap>) =>
        event.type === "put"
          ? `put ${event.key}@${event.after.metadata.resourceVersion}`
          : `delete ${event.key}@${event.before.metadata.resourceVersion}`
      )
    )
    return { cache, attempts, events }
  })

describe("Reflector", () => {
  it.effect("says a right that is missing once, and again when it was there in between", () => {
    const denied = new Forbidden({ message: "no right to list" })
    const { layer } = scripted(
      [denied, denied, denied, { items: [], version: 5 }],
      [{ events: [], end: denied }, { events: [], end: denied }, { events: [] }]
    )
    const said: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") said.push(String(message))
    })
    return Effect.gen(function* () {
      yield* reflect()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(said, ["list or watch failed", "list or watch failed"])
    }).pipe(Effect.provide([layer, Logger.layer([logger])]))
  })

  it.effect("lists, watches on from there, and keeps indexes", () => {
    const { asked, layer } = scripted(
      [{ items: [map("a", 3), map("b", 4, "blue")], version: 5 }],
      [{ events: [put("c", 6), put("a", 7, "blue"), del("b", 8), bookmark(20)] }]
    )
    return Effect.gen(function* () {
      const { cache, events } = yield* reflect()
      yield* cache.synced
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(contents(cache), ["a@7 blue", "c@6 red"])
      assert.deepStrictEqual(
        [cache.byIndex("color", "blue"), cache.byIndex("color", "red"), cache.byIndex("color", "green")],
        [[map("a", 7, "blue")], [map("c", 6)], []]
      )
      assert.throws(() => cache.byIndex("shape", "round"), /no index shape: declared are color/u)
      assert.deepStrictEqual(yield* events, [
        "put n/a@3",
        "put n/b@4",
        "put n/c@6",
        "put n/a@7",
        "delete n/b@4"
      ])
      assert.deepStrictEqual(asked, ["list", "watch 5"])
    }).pipe(Effect.provide(layer))
  })

  it.effect(
    "told by somebody of what changes, lists when that begins and now and then, and watches on when it ends",
    () => {
      const { asked, layer } = scripted(
        [
          { items: [], version: 5 },
          { items: [], version: 6 },
          { items: [map("a", 7)], version: 8 }
        ],
        [{ events: [] }, { events: [put("b", 9)] }]
      )
      return Effect.gen(function* () {
        const isTold = yield* SubscriptionRef.make(false)
        const { cache } = yield* reflect({ isTold })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(asked, ["list", "watch 5"])
        yield* SubscriptionRef.set(isTold, true)
        yield* TestClock.adjust("7 minutes")
        assert.deepStrictEqual(asked.splice(0), ["list", "watch 5", "list"])
        yield* TestClock.adjust("6 minutes")
        assert.deepStrictEqual(asked.splice(0), ["list"])
        assert.deepStrictEqual(contents(cache), ["a@7 red"])
        yield* SubscriptionRef.set(isTold, false)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(asked, ["watch 8"])
        assert.deepStrictEqual(contents(cache), ["a@7 red", "b@9 red"])
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect(
    "a list that was told of is compacted by the time that nobody tells: no failure, but another list",
    () => {
      const { asked, layer } = scripted(
        [
          { items: [], version: 5 },
          { items: [], version: 6 },
          { items: [], version: 9 }
        ],
        [{ events: [] }, { events: [], end: new Gone({ message: "too old" }) }, { events: [] }]
      )
      return Effect.gen(function* () {
        const isTold = yield* SubscriptionRef.make(false)
        const { attempts } = yield* reflect({ isTold })
        for (const is of [true, false]) {
          yield* TestClock.adjust("10 millis")
          yield* SubscriptionRef.set(isTold, is)
          yield* TestClock.adjust("10 millis")
        }
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(asked, ["list", "watch 5", "list", "watch 6", "list", "watch 9"])
        assert.deepStrictEqual(attempts, ["ok", "ok", "ok"])
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("told to list every so often, watches nothing, and tells what changed in between", () => {
    const { asked, layer } = scripted(
      [
        { items: [map("a", 3), map("b", 4)], version: 5 },
        down,
        { items: [map("a", 3), map("b", 6), map("c", 7)], version: 8 },
        { items: [map("b", 6)], version: 9 }
      ],
      []
    )
    return Effect.gen(function* () {
      const { attempts, events } = yield* reflect({ listEvery: "5 seconds" })
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(asked, ["list"])
      yield* TestClock.adjust("8 seconds")
      assert.deepStrictEqual(asked, ["list", "list", "list", "list"])
      assert.deepStrictEqual(attempts, ["ok", "failed 1", "ok", "ok"])
      assert.deepStrictEqual(yield* events, [
        "put n/a@3",
        "put n/b@4",
        "put n/b@6",
        "put n/c@7",
        "delete n/a@3",
        "delete n/c@7"
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("resumes a broken watch after the last event that was handed on", () => {
    const { asked, layer } = scripted(
      [{ items: [], version: 5 }],
      [
        { events: [put("a", 6)], end: down },
        { events: [bookmark(9)], end: down },
        { events: [], end: "clean" },
        { events: [put("b", 10)] }
      ]
    )
    return Effect.gen(function* () {
      const { attempts, cache } = yield* reflect()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(contents(cache), ["a@6 red", "b@10 red"])
      assert.deepStrictEqual(asked, ["list", "watch 5", "watch 6", "watch 9", "watch 9"])
      assert.deepStrictEqual(attempts, ["ok", "ok", "failed 1", "ok", "failed 1", "failed 2", "ok"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("lists again when the version is gone, and tells only what changed", () => {
    const { asked, layer } = scripted(
      [
        { items: [map("a", 3), map("b", 4), map("c", 5)], version: 5 },
        { items: [map("a", 3), map("b", 9, "blue"), map("d", 8)], version: 10 }
      ],
      [{ events: [bookmark(6)], end: new Gone({ message: "compacted" }) }]
    )
    return Effect.gen(function* () {
      const { attempts, cache, events } = yield* reflect()
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* events, [
        "put n/a@3",
        "put n/b@4",
        "put n/c@5",
        "put n/b@9",
        "put n/d@8",
        "delete n/c@5"
      ])
      assert.deepStrictEqual(contents(cache), ["a@3 red", "b@9 blue", "d@8 red"])
      assert.deepStrictEqual(asked, ["list", "watch 5", "list", "watch 10"])
      assert.deepStrictEqual(attempts, ["ok", "ok", "ok"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts failures in a row, honours patience, and starts the count anew after a success", () => {
    const { layer } = scripted(
      [down, new TooManyRequests({ message: "slow", retryAfterSeconds: 10 }), { items: [], version: 1 }],
      [{ events: [], end: down }, { events: [], end: down }, { events: [put("a", 2)] }]
    )
    return Effect.gen(function* () {
      const { attempts } = yield* reflect()
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(attempts, ["failed 1", "failed 2"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(attempts, ["failed 1", "failed 2", "ok", "failed 1", "failed 2", "ok"])
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([
    [true, ["ok", "ok", "failed 1", "ok", "failed 1", "ok", "failed 1"]],
    [false, ["ok", "failed 1", "failed 2", "failed 3"]]
  ] as const)(
    "a watch that the server accepted counts as answered when it is cut: %s",
    ([isOpened, expected]) => {
      const lists = [{ items: [], version: 1 }]
      const { layer } = scripted(lists, [])
      const slow = Layer.effect(
        KubeClient,
        Effect.map(KubeClient, (kube) =>
          KubeClient.of({
            ...kube,
            watch: (_, { onOpen = Effect.void }) =>
              (isOpened ? onOpen : Effect.void).pipe(
                Effect.andThen(Effect.sleep("20 seconds")),
                Effect.andThen(Effect.fail(fail(down))),
                Stream.fromEffectDrain
              )
          })
        )
      ).pipe(Layer.provide(layer))
      return Effect.gen(function* () {
        const { attempts } = yield* reflect()
        yield* TestClock.adjust("65 seconds")
        assert.deepStrictEqual(attempts, [...expected])
      }).pipe(Effect.provide(slow))
    }
  )

  it.effect("lists again when resuming fails again and again: the version itself may be wrong", () => {
    const { asked, layer } = scripted(
      [
        { items: [map("a", 100)], version: 100 },
        { items: [map("a", 7)], version: 8 }
      ],
      Array.from({ length: 5 }, () => ({ events: [], end: down }))
    )
    return Effect.gen(function* () {
      const { cache } = yield* reflect()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(asked.slice(-2), ["list", "watch 8"])
      assert.deepStrictEqual(contents(cache), ["a@7 red"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a selector that the server refuses is applied here", () => {
    const { asked, layer } = scripted(
      [
        new Invalid({ message: "field label not supported" }),
        { items: [map("a", 1), map("b", 2, "blue")], version: 2 }
      ],
      [{ events: [put("c", 3, "blue"), put("b", 4, "red"), put("a", 5, "blue")] }]
    )
    return Effect.gen(function* () {
      const { cache, events } = yield* reflect({
        fieldSelector: "data.color=blue",
        matches: (object) => object.data?.["color"] === "blue"
      })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(contents(cache), ["a@5 blue", "c@3 blue"])
      assert.deepStrictEqual(yield* events, ["put n/b@2", "put n/c@3", "delete n/b@2", "put n/a@5"])
      assert.deepStrictEqual(asked, ["list data.color=blue", "list", "watch 2"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a list that fails does not make a refused selector good again", () => {
    const refused = new Invalid({ message: "field label not supported" })
    const { asked, layer } = scripted(
      [refused, { items: [], version: 2 }, down],
      [{ events: [] }, { events: [] }]
    )
    return Effect.gen(function* () {
      const isTold = yield* SubscriptionRef.make(false)
      yield* reflect({ isTold, fieldSelector: "data.color=blue", matches: () => true })
      for (const is of [true, false]) {
        yield* TestClock.adjust("10 millis")
        yield* SubscriptionRef.set(isTold, is)
        yield* TestClock.adjust("10 millis")
      }
      yield* TestClock.adjust("1 second")
      const selected = "list data.color=blue"
      assert.deepStrictEqual(asked, [selected, "list", "watch 2", selected, "watch 2"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a kind that is not served is an empty cache, looked for again each minute", () => {
    const absent = new NotFound({ message: "the server could not find the requested resource" })
    const { asked, layer } = scripted([absent, absent, { items: [map("a", 1)], version: 1 }], [])
    return Effect.gen(function* () {
      const { attempts, cache } = yield* reflect()
      yield* cache.synced
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual([asked, cache.size()], [["list"], 0])
      yield* TestClock.adjust("61 seconds")
      assert.deepStrictEqual([asked, contents(cache)], [["list", "list", "list", "watch 1"], ["a@1 red"]])
      assert.deepStrictEqual(attempts, ["ok", "ok", "ok"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("an object that can no longer be read leaves the cache", () => {
    const { layer } = scripted(
      [{ items: [map("a", 1)], version: 1 }],
      [
        {
          events: [
            { type: "UNDECODABLE", ref: { name: "a", namespace: "n" }, message: "?", resourceVersion: "2" }
          ]
        }
      ]
    )
    return Effect.gen(function* () {
      const { cache } = yield* reflect()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(contents(cache), [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("closing the scope ends the watch and the subscriptions", () => {
    const { layer } = scripted([{ items: [map("a", 1)], version: 1 }], [])
    return Effect.gen(function* () {
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          const { cache } = yield* reflect()
          const queue = yield* cache.subscribe
          yield* cache.synced
          yield* Queue.clear(queue)
          return yield* Queue.take(queue).pipe(Effect.exit, Effect.forkDetach)
        })
      )
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Failure")
    }).pipe(Effect.provide(layer))
  })
})
