import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { formatTime } from "../../schema/Time.ts"
import { take } from "../../src/node/claim.ts"
import { finish } from "../../src/node/report.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, me, result, scheduled, statusOf } from "./running.ts"

const ref = { name: "t1", namespace: "default" }
const down = new Unavailable({ message: "connection reset" })
const finished = { type: "Finished" as const, result: result() }

const claimedTask = Effect.gen(function* () {
  yield* atEpoch
  const kube = yield* KubeClient
  yield* (yield* FakeCluster).seed(agenticTasks, scheduled("t1"))
  const claimed = yield* take(yield* kube.get(agenticTasks, ref), {
    nodeName: me,
    newClaimId: Effect.succeed("c1")
  })
  return claimed ?? assert.fail("the task was not claimed")
})
const patches = { when: ({ verb }: { readonly verb: string }) => verb === "patch" }

describe("the end of a run", () => {
  it.effect("whose answer was lost is Written, however often the server was asked since", () =>
    Effect.gen(function* () {
      const claimed = yield* claimedTask
      const { failNext } = yield* FakeCluster
      yield* failNext(down, { ...patches, isAfter: true })
      yield* failNext(down, { ...patches, times: 3 })
      const ended = yield* Effect.forkScoped(finish(claimed, finished))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(ended)).reported, "Written")
      assert.strictEqual((yield* statusOf("t1"))?.finishedAt, formatTime(epoch))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is dated when it ended, not when the server came back to hear of it", () =>
    Effect.gen(function* () {
      const claimed = yield* claimedTask
      yield* (yield* FakeCluster).failNext(down, { ...patches, times: 8 })
      yield* Effect.forkScoped(finish(claimed, finished))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* statusOf("t1"))?.finishedAt, formatTime(epoch))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("stands down when another ended the task under the same claim", () =>
    Effect.gen(function* () {
      const claimed = yield* claimedTask
      const kube = yield* KubeClient
      const status = { phase: "Failed", verdict: "INCOMPLETE", finishedAt: formatTime(epoch) }
      yield* kube.patch(agenticTasks, ref, { type: "merge", body: { status } }, { subresource: "status" })
      assert.strictEqual((yield* finish(claimed, finished)).reported, "StoodDown")
      assert.strictEqual((yield* statusOf("t1"))?.phase, "Failed")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
