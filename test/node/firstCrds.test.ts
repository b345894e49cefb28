/** A cluster that still has the first implementation's CRDs: no selectable fields, and an unknown status field is pruned in silence. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { FakeCluster, layerWith } from "../fakes/FakeCluster.ts"
import { firstCrds } from "../interop/firstCrds.ts"
import { atEpoch, result, scheduled, scriptedExecutor, startDaemon, statusOf } from "./running.ts"

describe("node daemon on the first implementation's CRDs", () => {
  it.effect(
    "watches without a field selector, claims by node and time, and leaves other nodes' tasks alone",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const cluster = yield* FakeCluster
        const script = scriptedExecutor()
        const foreign = scheduled("theirs", { status: { assignedNode: "other" } })
        yield* cluster.seed(agenticTasks, scheduled("ours"), foreign)
        yield* startDaemon(script)

        assert.deepStrictEqual(script.began, ["ours"])
        const running = yield* statusOf("ours")
        assert.strictEqual(running?.phase, "Running")
        assert.isUndefined(running?.claim)
        assert.isDefined(running?.claimedAt)

        yield* script.end("ours", result())
        const ended = yield* statusOf("ours")
        assert.deepStrictEqual([ended?.phase, ended?.verdict], ["Succeeded", "GO"])
        assert.strictEqual((yield* statusOf("theirs"))?.phase, "Scheduled")
      }).pipe(Effect.provide(layerWith(firstCrds)))
  )
})
