/** Makes a Workload's tasks, and says what they come to. */
import { Clock, Effect } from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { parseTime } from "../../schema/Time.ts"
import { type Workload, type WorkloadStatus, workloads } from "../../schema/Workload.ts"
import { rollup } from "../decide/rollup.ts"
import { agentGraceMillis } from "../decide/readiness.ts"
import {
  type ConditionUpdate,
  findCondition,
  reason,
  setCondition,
  type StatusFields,
  statusPatch
} from "../decide/status.ts"
import { acceptedWorkload } from "../decide/unread.ts"
import { addSpend, noSpend } from "../decide/spend.ts"
import { Plan, planOf, referenceTo, type TaskManifest } from "../decide/workload.ts"
import { AlreadyExists, KubeClient, KubeError } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

/** Tasks of one Workload that are created at once. */
const creators = 8
const workers = 4

export const run = Effect.fnUntraced(function* (options: { readonly allowCloudProviders: boolean }) {
  const world = yield* World
  const kube = yield* KubeClient

  /** What tasks used that were deleted and whose Workload does not say so yet, by its uid. */
  const deletedSpend = new Map<string, Spend>()

  const write = (workload: Workload, fields: StatusFields<WorkloadStatus>) =>
    kube
      .patch(
        workloads,
        refOf(workload),
        { type: "merge", body: statusPatch(workload, fields) },
        { subresource: "status" }
      )
      .pipe(
        Effect.tap(world.workloads.observe),
        Effect.tapError((error) =>
          error.reason._tag === "NotFound" ? world.workloads.forget(refKey(refOf(workload))) : Effect.void
        )
      )

  /** Writes what is new about a Workload that has no tasks, or not all. */
  const report = Effect.fnUntraced(function* (
    workload: Workload,
    fields: StatusFields<WorkloadStatus>,
    updates: ReadonlyArray<ConditionUpdate>
  ) {
    const all = [...updates, ...acceptedWorkload(workload)]
    const conditions = say(workload, all, yield* Clock.currentTimeMillis)
    const isSaid =
      conditions === workload.status?.conditions &&
      (fields.phase === undefined || fields.phase === workload.status.phase) &&
      (fields.tasks === undefined || fields.tasks?.length === workload.status.tasks?.length)
    return isSaid ? workload : yield* write(workload, { ...fields, conditions })
  })

  /** The task of this name, made now or before; one that is not this Workload's is an error. */
  const create = Effect.fnUntraced(function* (workload: Workload, manifest: TaskManifest) {
    const ref = refOf(manifest)
    const task =
      world.tasks.get(refKey(ref)) ??
      (yield* kube
        .create(agenticTasks, { ...manifest })
        .pipe(Effect.catchReason("KubeError", "AlreadyExists", () => kube.get(agenticTasks, ref))))
    yield* world.tasks.observe(task)
    if (!isOwned(task, workload)) {
      return yield* new KubeError({
        operation: `create ${refKey(ref)}`,
        reason: new AlreadyExists({ message: `a task of this name is there and is not this Workload's` })
      })
    }
    return task
  })

  const render = Effect.fnUntraced(function* (
    workload: Workload,
    plan: Extract<Plan, { readonly _tag: "Tasks" }>
  ) {
    const listed = new Set(workload.status?.tasks?.map(({ name }) => name))
    const results = yield* Effect.forEach(
      plan.tasks.filter(({ metadata }) => !listed.has(metadata.name)),
      (manifest) => Effect.result(create(workload, manifest)),
      { concurrency: creators }
    )
    const made = results.flatMap((result) =>
      result._tag === "Success" ? [referenceTo(result.success.metadata)] : []
    )
    const failures = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
    const tasks = [...(workload.status?.tasks ?? []), ...made]
    const [failure] = failures
    if (failure === undefined) {
      const planned = {
        type: "Planned",
        status: "True",
        reason: reason.plannerSucceeded,
        message: `${plan.tasks.length} tasks were made`
      } as const
      const plannerModel = workload.spec.plannerModel ?? "stub:explicit-pipeline"
      return yield* report(workload, { phase: "Planned", tasks, plannerModel }, [planned, ...plan.conditions])
    }
    const refused = failures.find(({ reason }) => reason._tag === "Invalid")
    yield* report(workload, { phase: refused === undefined ? "Planning" : "Failed", tasks }, [
      {
        type: "Planned",
        status: "False",
        reason: refused === undefined ? reason.renderError : reason.agentResolveFailed,
        message: (refused ?? failure).message
      }
    ])
    return refused === undefined ? yield* failure : undefined
  })

  /** The Workload with all its tasks made, or why not: when to look again, or never. */
  const plan = Effect.fnUntraced(function* (workload: Workload) {
    const { namespace, creationTimestamp, generation } = workload.metadata
    const planned = findCondition(workload.status?.conditions, "Planned")
    if (planned?.status === "True") return { workload }
    const isRefused = workload.status?.phase === "Failed" && planned?.observedGeneration === generation
    if (isRefused) return {}
    const decided = planOf({
      workload,
      agent: (name) => world.agents.get(refKey({ namespace, name })),
      allowCloudProviders: options.allowCloudProviders
    })
    if (decided._tag === "Tasks") {
      const rendered = yield* render(workload, decided)
      return rendered === undefined ? {} : { workload: rendered }
    }
    if (decided._tag === "Refused") {
      yield* report(workload, { phase: "Failed" }, [decided.condition, ...decided.more])
      return {}
    }
    const left = (parseTime(creationTimestamp) ?? 0) + agentGraceMillis - (yield* Clock.currentTimeMillis)
    const missing = {
      type: "Planned",
      status: "False",
      reason: reason.agentResolveFailed,
      message: `Agent ${decided.name} does not exist`
    } as const
    yield* report(workload, { phase: left > 0 ? "Planning" : "Failed" }, [missing])
    return left > 0 ? { againMillis: left } : {}
  })

  const reconcile = Effect.fn("workload.reconcile")(
    function* (key: string) {
      const seen = world.workloads.get(key)
      if (seen === undefined || seen.metadata.deletionTimestamp !== undefined) return undefined
      const { workload, againMillis } = yield* plan(seen)
      if (workload === undefined) return againMillis
      const children = world.tasks.byIndex("owner", workload.metadata.uid ?? "")
      const names = new Set(children.map(({ metadata }) => metadata.name))
      const made = (workload.status?.tasks ?? []).map(({ name }) => name ?? "")
      const deleted = made.filter((name) => !names.has(name))
      const { uid = "" } = workload.metadata
      const gone = deletedSpend.get(uid)
      const fields = rollup(workload, children, deleted, yield* Clock.currentTimeMillis, gone)
      if (fields !== undefined) yield* write(workload, fields)
      // Another task may have been deleted meanwhile.
      if (deletedSpend.get(uid) === gone) deletedSpend.delete(uid)
      return undefined
    },
    // Somebody else's change arrives as an event, which brings us back here.
    Effect.catchReason("KubeError", "Conflict", () => Effect.succeed(undefined))
  )

  const controller = yield* Controller.make({ name: "workload", kind: "Workload", workers, reconcile })
  yield* Controller.listen(world.workloads.subscribe, (event) => {
    if (event.type === "put") controller.enqueue(event.key)
  })
  yield* Controller.listen(world.tasks.subscribe, (event) => {
    if (event.type === "put" && event.before?.status?.phase === event.after.status?.phase) return
    const { metadata, status } = event.type === "put" ? event.after : event.before
    for (const owner of metadata.ownerReferences ?? []) {
      if (owner.kind !== workloads.kind) continue
      const key = refKey({ namespace: metadata.namespace, name: owner.name })
      const isLeft = world.workloads.get(key)?.metadata.uid === owner.uid
      if (event.type === "delete" && status?.usage !== undefined && isLeft) {
        deletedSpend.set(owner.uid, addSpend(deletedSpend.get(owner.uid) ?? noSpend, status.usage))
      }
      controller.enqueue(key)
    }
  })
  for (const workload of world.workloads.values()) controller.enqueue(refKey(refOf(workload)))
})

const isOwned = (task: AgenticTask, workload: Workload): boolean =>
  (task.metadata.ownerReferences ?? []).some(({ uid }) => uid === workload.metadata.uid)

const say = (workload: Workload, updates: ReadonlyArray<ConditionUpdate>, nowMillis: number) =>
  updates.reduce(
    (conditions, update) => setCondition(conditions, update, nowMillis, workload.metadata.generation),
    workload.status?.conditions ?? []
  )
