import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

import * as KubeJobRunner from "../../../layers/kube/KubeJobRunner.ts"
import { type Job, jobs, pods } from "../../../schema/Job.ts"
import { JobRunner } from "../../../src/services/JobRunner.ts"
import { KubeClient } from "../../../src/services/KubeClient.ts"
import * as FakeCluster from "../../fakes/FakeCluster.ts"

const namespace = "foreman-system"
const labels = { "app.kubernetes.io/name": "foreman-coder", "foreman.llmkube.dev/task-uid": "uid-1" }
const spec = {
  template: {
    spec: { restartPolicy: "Never", containers: [{ name: "coder", image: "i", command: ["true"] }] }
  }
}

/** A Job of an earlier daemon, and how its pod ended; `undefined` is a pod that is gone. */
const earlier = Effect.fnUntraced(function* (name: string, end: { readonly message: string } | undefined) {
  const cluster = yield* FakeCluster.FakeCluster
  const complete = { type: "Complete", status: "True" }
  yield* cluster.seed(jobs, {
    metadata: { name, namespace, labels },
    spec,
    status: { conditions: [complete] }
  })
  if (end === undefined) return
  yield* cluster.seed(pods, {
    metadata: { name: `${name}-pod`, namespace, labels: { "job-name": name } },
    spec: spec.template.spec,
    status: {
      phase: "Succeeded",
      containerStatuses: [{ name: "coder", state: { terminated: { exitCode: 0, message: end.message } } }]
    }
  })
})

const start = Effect.fnUntraced(function* (isAbandoned?: Effect.Effect<boolean>) {
  const runner = yield* JobRunner
  const fiber = yield* runner
    .run({
      manifest: { metadata: { name: "new", namespace, labels }, spec },
      container: "coder",
      pollTimeout: Duration.hours(1),
      accepts: ({ terminationMessage }) => terminationMessage === "usable",
      ...(isAbandoned !== undefined && { isAbandoned })
    })
    .pipe(Effect.forkChild)
  yield* TestClock.adjust("10 seconds")
  return fiber
})

const names = Effect.gen(function* () {
  const { items } = yield* (yield* KubeClient).list(jobs)
  return items.map(({ metadata }: Job) => metadata.name).toSorted()
})

const cluster = KubeJobRunner.layer.pipe(Layer.provideMerge(FakeCluster.layer))

describe("a Job that ended while no daemon looked", () => {
  it.effect("is the run's when its outcome is accepted: no second Job", () =>
    Effect.gen(function* () {
      yield* earlier("old", { message: "usable" })
      const fiber = yield* start()
      const { jobName } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([jobName, yield* names], ["old", ["old"]])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("is passed over when it tells nothing, for an older one or else a new one", () =>
    Effect.gen(function* () {
      yield* earlier("older", { message: "usable" })
      yield* earlier("silent", { message: "" })
      yield* earlier("gone", undefined)
      const fiber = yield* start()
      assert.strictEqual((yield* Fiber.join(fiber)).jobName, "older")
    }).pipe(Effect.provide(cluster))
  )

  it.effect("leaves room for a new one when none is of use", () =>
    Effect.gen(function* () {
      yield* earlier("silent", { message: "" })
      yield* earlier("gone", undefined)
      const fiber = yield* start()
      assert.deepStrictEqual(yield* names, ["gone", "new", "silent"])
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(cluster))
  )
})

describe("a Job whose run is interrupted", () => {
  it.effect.each([
    ["stays when it is not abandoned", Effect.succeed(false), ["new"]],
    ["goes when it is", Effect.succeed(true), []],
    ["stays when nobody answers", Effect.never, ["new"]]
  ] as const)("%s", ([, isAbandoned, left]) =>
    Effect.gen(function* () {
      const fiber = yield* start(isAbandoned)
      const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(ending)
      assert.deepStrictEqual(yield* names, [...left])
    }).pipe(Effect.provide(cluster))
  )
})
