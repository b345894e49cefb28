import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { take } from "../../src/node/claim.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { me, scheduled, statusOf } from "./running.ts"

const ref = { name: "t1", namespace: "default" }
const options = { nodeName: me, newClaimId: Effect.succeed("c1") }

/** The task as this node saw it, before `meanwhile` happened to it. */
const seen = Effect.fnUntraced(function* (
  meanwhile: Effect.Effect<unknown, unknown, KubeClient | FakeCluster>
) {
  const kube = yield* KubeClient
  yield* (yield* FakeCluster).seed(agenticTasks, scheduled("t1"))
  const task = yield* kube.get(agenticTasks, ref)
  yield* Effect.orDie(meanwhile)
  return task
})
const status = (fields: object) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(agenticTasks, ref, { type: "merge", body: { status: fields } }, { subresource: "status" })
  )

describe("a claim of a task that changed since it was seen", () => {
  it.effect("lands when the task is still this node's", () =>
    Effect.gen(function* () {
      const touched = Effect.flatMap(KubeClient, (kube) =>
        kube.patch(agenticTasks, ref, { type: "merge", body: { metadata: { labels: { touched: "yes" } } } })
      )
      const claimed = yield* take(yield* seen(touched), options)
      assert.deepStrictEqual(
        [claimed?.claim.isFenced, claimed?.task.metadata.labels, (yield* statusOf("t1"))?.claim?.id],
        [true, { touched: "yes" }, "c1"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("is given up when another node has the task now", () =>
    Effect.gen(function* () {
      const task = yield* seen(status({ assignedNode: "elsewhere" }))
      assert.isUndefined(yield* take(task, options))
      assert.deepStrictEqual(yield* statusOf("t1"), { phase: "Scheduled", assignedNode: "elsewhere" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("is given up when the task is gone, or another one has its name", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      const cluster = yield* FakeCluster
      const task = yield* seen(Effect.flatMap(KubeClient, (kube) => kube.delete(agenticTasks, ref)))
      assert.isUndefined(yield* take(task, options))
      yield* cluster.seed(agenticTasks, scheduled("t1"))
      assert.isUndefined(yield* take(task, options))
      assert.strictEqual((yield* kube.get(agenticTasks, ref)).status?.phase, "Scheduled")
    }).pipe(Effect.provide(layer))
  )
})
