/** The operator: four controllers over one world of caches, behind a leader Lease if asked for. Flags of contract §2.1. */
import { Effect, Layer, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"

import * as HealthServer from "../layers/HealthServer.ts"
import * as Observability from "../layers/Observability.ts"
import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import * as agent from "../src/reconcile/agent.ts"
import * as agentUsage from "../src/reconcile/agentUsage.ts"
import * as agenticTask from "../src/reconcile/agenticTask.ts"
import * as bell from "../src/reconcile/bell.ts"
import * as claimExpiry from "../src/reconcile/claimExpiry.ts"
import * as currentTask from "../src/reconcile/currentTask.ts"
import * as fleetNode from "../src/reconcile/fleetNode.ts"
import { lead, type LeadershipLost } from "../src/reconcile/leader.ts"
import * as metrics from "../src/reconcile/metrics.ts"
import * as nextAttempt from "../src/reconcile/nextAttempt.ts"
import * as news from "../src/reconcile/news.ts"
import * as workload from "../src/reconcile/workload.ts"
import * as World from "../src/reconcile/world.ts"
import type { KubeClient } from "../src/services/KubeClient.ts"
import { toolNames } from "../src/tools/catalog.ts"
import { bool, duration, int, loggingOf, string, zapFlags } from "./goFlags.ts"
import { flagsOrExit, launch } from "./launch.ts"

const table = {
  "metrics-bind-address": string(":8081", "Address of /metrics; empty or 0 serves none"),
  "health-probe-bind-address": string(":8082", "Address of /healthz and /readyz; empty or 0 serves none"),
  "leader-elect": bool(false, "Let one operator of several work at a time"),
  "allow-cloud-providers": bool(true, "Let Workloads use reviewers that are not local"),
  "foreman-namespace": string("foreman-system", "Namespace of the nodes' and the leader's Leases", {
    env: "POD_NAMESPACE"
  }),
  kubeconfig: string("", "Path of a kubeconfig; the pod's own account when absent"),
  "kube-context": string("", "Context of the kubeconfig"),
  "enable-webhooks": bool(true, "Accepted for compatibility; there are no webhooks"),
  "webhook-cert-dir": string("/tmp/k8s-webhook-server/serving-certs", "Accepted for compatibility"),
  "webhook-port": int(9443, "Accepted for compatibility"),
  "audit-retention": duration("168h", "Accepted for compatibility; there are no audit records"),
  "audit-retention-interval": duration("1h", "Accepted for compatibility"),
  ...zapFlags
}

export interface Options {
  readonly foremanNamespace: string
  readonly allowCloudProviders: boolean
  /** Work only while this identity holds the leader Lease. Absent: work at once. */
  readonly leaderIdentity?: string | undefined
}

/**
 * Starts the controllers and returns once they work; they stop when the scope closes. What it returns fails when leadership is lost, and
 * dies of a bug in the scheduler; then the process must end, so that another operator leads. Else it never ends.
 */
export const start = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Effect.Effect<never, LeadershipLost>, never, KubeClient | Scope.Scope> {
  const lost =
    options.leaderIdentity === undefined
      ? Effect.never
      : yield* lead({ namespace: options.foremanNamespace, identity: options.leaderIdentity })
  const broken = yield* controllers(options)
  return Effect.raceFirst(lost, broken)
})

const controllers = Effect.fnUntraced(function* (options: Options) {
  // Built into the caller's scope, for the controllers outlive this effect.
  const world = yield* Layer.build(World.layer({ foremanNamespace: options.foremanNamespace }))
  return yield* Effect.gen(function* () {
    yield* metrics.run
    yield* agent.run({ toolNames })
    yield* agentUsage.run
    const scheduler = yield* agenticTask.run
    const claims = yield* claimExpiry.run
    yield* fleetNode.run({ onLiveness: scheduler.nodeChanged, onSilent: claims.onSilent })
    yield* nextAttempt.run
    yield* workload.run({ allowCloudProviders: options.allowCloudProviders })
    yield* bell.run
    yield* currentTask.run
    yield* news.run
    return scheduler.broken
  }).pipe(Effect.provide(world))
})

/** The controllers for as long as the leadership lasts. */
export const operator = (options: Options): Effect.Effect<never, LeadershipLost, KubeClient> =>
  Effect.scoped(Effect.flatten(start(options)))

export const main = (argv: ReadonlyArray<string>, env: NodeJS.ProcessEnv): void => {
  const { values } = flagsOrExit({ name: "foreman-operator", table, argv, env })
  const health = HealthServer.layer({
    health: { address: values["health-probe-bind-address"], flag: "--health-probe-bind-address" },
    metrics: { address: values["metrics-bind-address"], flag: "--metrics-bind-address" }
  })
  const kube = Layer.unwrap(
    Effect.map(
      KubeConfig.load({ kubeconfig: values.kubeconfig, context: values["kube-context"], env }),
      (config) => HttpKubeClient.layer(config)
    )
  )
  launch(
    operator({
      foremanNamespace: values["foreman-namespace"],
      allowCloudProviders: values["allow-cloud-providers"],
      leaderIdentity: values["leader-elect"] ? `${hostname()}_${randomUUID()}` : undefined
    }).pipe(Effect.provide(Layer.merge(kube, health))),
    {
      name: "foreman-operator",
      hasPlainExitCodes: true,
      observability: Observability.layer({
        name: "foreman-operator",
        ...loggingOf(values),
        env
      })
    }
  )
}
