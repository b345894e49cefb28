/** An operator that runs on a FakeCluster, under a test's clock. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { operator, type Options } from "../../programs/operator.ts"
import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { type FleetNode, fleetNodes } from "../../schema/FleetNode.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { type Workload, workloads } from "../../schema/Workload.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { epoch } from "../builders.ts"

/** Lets everything that is due happen: watches, passes, writes. */
export const settle = Effect.repeat(TestClock.adjust("1 millis"), { times: 20 })

export const startOperator = Effect.fnUntraced(function* (options: Partial<Options> = {}) {
  const fiber = yield* operator({
    foremanNamespace: "foreman-system",
    allowCloudProviders: true,
    ...options
  }).pipe(Effect.forkScoped)
  yield* settle
  return fiber
})

/** The clock as builders count; call it before anything is seeded. */
export const atEpoch = TestClock.setTime(epoch)

export const read = <A extends KubeObject>(resource: Resource<A>, name: string, namespace?: string) =>
  Effect.flatMap(KubeClient, (kube) => kube.get(resource, { name, namespace }))

export const taskNamed = (name: string): Effect.Effect<AgenticTask, never, KubeClient> =>
  Effect.orDie(read(agenticTasks, name, "default"))

export const nodeNamed = (name: string): Effect.Effect<FleetNode, never, KubeClient> =>
  Effect.orDie(read(fleetNodes, name))

export const workloadNamed = (name: string): Effect.Effect<Workload, never, KubeClient> =>
  Effect.orDie(read(workloads, name, "default"))

/** Writes status as a daemon or a person would. */
export const setStatus = <A extends KubeObject>(
  resource: Resource<A>,
  name: string,
  status: object,
  namespace?: string
) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(resource, { name, namespace }, { type: "merge", body: { status } }, { subresource: "status" })
  ).pipe(Effect.orDie)

export const setTask = (name: string, status: object) => setStatus(agenticTasks, name, status, "default")
