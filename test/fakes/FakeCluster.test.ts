import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { task } from "../builders.ts"
import * as FakeCluster from "./FakeCluster.ts"

describe("FakeCluster", () => {
  it.effect("keeps time by the test's clock", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster.FakeCluster
      yield* TestClock.setTime(1_800_000_000_000)
      yield* cluster.seed(agenticTasks, task("t1", { status: { phase: "Pending" } }))
      const raw = yield* cluster.raw(agenticTasks, { namespace: "default", name: "t1" })
      assert.deepStrictEqual(
        [raw?.["metadata"], raw?.["status"]].map((part) => part && JSON.parse(JSON.stringify(part))),
        [
          {
            name: "t1",
            namespace: "default",
            creationTimestamp: "2027-01-15T08:00:00Z",
            generation: 1,
            resourceVersion: raw && (raw["metadata"] as { resourceVersion: string }).resourceVersion,
            uid: raw && (raw["metadata"] as { uid: string }).uid
          },
          { phase: "Pending" }
        ]
      )
      assert.deepStrictEqual(yield* cluster.requests, [])
    }).pipe(Effect.provide(FakeCluster.layer))
  )

  it.effect("fails the calls that it was told to fail, before or after the work", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster.FakeCluster
      const kube = yield* KubeClient
      const away = new Unavailable({ message: "away" })
      yield* cluster.failNext(away)
      yield* cluster.failNext(away, { when: ({ verb }) => verb === "create", isAfter: true })
      const first = yield* kube.create(agenticTasks, { ...task("a") }).pipe(Effect.flip)
      const second = yield* kube.create(agenticTasks, { ...task("b") }).pipe(Effect.flip)
      const third = yield* kube.create(agenticTasks, { ...task("c") })
      assert.deepStrictEqual([first.reason, second.reason, third.metadata.name], [away, away, "c"])
      const names = (yield* kube.list(agenticTasks)).items.map(({ metadata }) => metadata.name)
      assert.deepStrictEqual(names, ["b", "c"])
      assert.deepStrictEqual(
        (yield* cluster.writes).map(({ key, verb }) => [verb, key]),
        [
          ["create", "default/a"],
          ["create", "default/b"],
          ["create", "default/c"]
        ]
      )
    }).pipe(Effect.provide(FakeCluster.layer))
  )

  it.effect("ends watches and forgets the log on request", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster.FakeCluster
      const kube = yield* KubeClient
      const { resourceVersion } = yield* kube.list(agenticTasks)
      const watching = yield* kube
        .watch(agenticTasks, { resourceVersion })
        .pipe(Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      yield* cluster.seed(agenticTasks, task("t1"))
      yield* cluster.disconnectWatches
      const events = yield* Fiber.join(watching)
      assert.deepStrictEqual(
        events.map((event) => event.type),
        ["ADDED"]
      )
      yield* cluster.expire
      const gone = yield* kube.watch(agenticTasks, { resourceVersion }).pipe(Stream.runDrain, Effect.flip)
      assert.deepStrictEqual(gone.reason._tag, "Gone")
    }).pipe(Effect.provide(FakeCluster.layer))
  )
})
