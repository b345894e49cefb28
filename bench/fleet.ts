/**
 * A fleet in one process: `node bench/fleet.ts KUBECONFIG COUNT NAMESPACE`. Each node is the daemon itself (`src/node`) with its Lease, its
 * heartbeat and its own watch; only what it would run is replaced by an immediate GO, and what it would keep on disk by nothing.
 */
import { randomUUID } from "node:crypto"

import { Deferred, Duration, Effect, Layer, References } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"

import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import type { Result } from "../schema/Result.ts"
import * as Daemon from "../src/node/daemon.ts"
import { FleetProbe } from "../src/services/FleetProbe.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import * as Journal from "../src/services/Journal.ts"
import { RunRecord } from "../src/services/RunRecord.ts"

const [kubeconfig = "", count = "0", namespace = ""] = process.argv.slice(2)

const go: Result = {
  schemaVersion: "foreman.v1",
  kind: "stub",
  verdict: "GO",
  summary: "done",
  elapsedSec: 0
}

/** A host of 64 GiB without an accelerator, on which nothing ever changes. */
const host = Layer.mergeAll(
  Layer.succeed(
    FleetProbe,
    FleetProbe.of({
      capability: Effect.succeed({ accelerator: "none", totalRAMGB: 64, availableRAMGB: 48 })
    })
  ),
  Layer.succeed(
    RunRecord,
    RunRecord.of({
      read: () => Effect.undefined,
      update: () => Effect.void,
      remove: () => Effect.void
    })
  ),
  Journal.layerNone
)

/** Daemons that register at once: each needs some eight requests to be ready. */
const startsAtOnce = 32

const daemon = (index: number, onReady: Effect.Effect<void>) =>
  Daemon.run({
    identity: {
      nodeName: `bench-node-${index}`,
      tailscaleAddr: undefined,
      roles: undefined,
      labels: {},
      taskNamespace: namespace
    },
    self: { agentVersion: "bench", os: process.platform, arch: process.arch },
    interval: Duration.seconds(30),
    slots: 1,
    pollInterval: Duration.seconds(5),
    drainTimeout: Duration.seconds(20),
    foremanNamespace: namespace,
    processToken: randomUUID(),
    onReady,
    newClaimId: Effect.sync(() => randomUUID()),
    executor: { kind: "stub", execute: () => Effect.succeed(go) }
  })

const program = Effect.gen(function* () {
  const kube = yield* HttpKubeClient.make(yield* KubeConfig.load({ kubeconfig, env: {} }))
  return yield* Effect.gen(function* () {
    yield* Effect.forEach(
      Array.from({ length: Number(count) }, (_, index) => index),
      Effect.fnUntraced(function* (index) {
        const ready = yield* Deferred.make<void>()
        yield* Effect.forkScoped(
          Effect.onError(daemon(index, Effect.asVoid(Deferred.succeed(ready, undefined))), (cause) =>
            Effect.logError("a daemon ended", cause)
          )
        )
        yield* Deferred.await(ready)
      }),
      { concurrency: startsAtOnce, discard: true }
    )
    console.log("all nodes are ready")
    return yield* Effect.never
  }).pipe(Effect.provideService(KubeClient, kube), Effect.provide(host))
}).pipe(Effect.scoped)

// Gone without farewell: its nodes are deleted by whoever started it, and a thousand drains would take a minute.
process.once("SIGTERM", () => process.exit(0))
// Two lines for each task would cost more than the task.
NodeRuntime.runMain(program.pipe(Effect.provideService(References.MinimumLogLevel, "Warn")))
