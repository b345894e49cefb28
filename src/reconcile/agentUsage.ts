/** Writes what an Agent's tasks used today into its status: the sum of tasks that ended, so that a limit for the day outlives an operator. */
import { Clock, Effect } from "effect"

import { agents } from "../../schema/Agent.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { agentOfGroup, dayEntryOf, dayGroup, dayOf, dayOfGroup, type UsageOfDay } from "../decide/daySpend.ts"
import { isSameSpend, noSpend } from "../decide/spend.ts"
import { SpendSums } from "../decide/spendSums.ts"
import { replacing, statusPatch } from "../decide/status.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

/** An Agent is written at most this often: many tasks may end at once. The scheduler does not wait for it. */
const pauseMillis = 10_000

export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient
  const sums = new SpendSums()
  const writtenAt = new Map<string, number>()

  /** What is to stand in the status; `undefined` when nothing of the day is known. */
  const usageOfDay = (key: string, day: string): UsageOfDay | undefined => {
    const group = dayGroup(key, day)
    const [gone, usage] = [sums.goneOf(group), sums.of(group)]
    if (isSameSpend(usage, noSpend)) return undefined
    return { day, usage, ...(!isSameSpend(gone, noSpend) && { deletedTasks: gone }) }
  }

  const reconcile = Effect.fn("agentUsage.reconcile")(function* (key: string) {
    const agent = world.agents.get(key)
    if (agent === undefined || agent.metadata.deletionTimestamp !== undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const is = usageOfDay(key, dayOf(now))
    const was = agent.status?.usageOfDay
    const isSaid =
      is === undefined ||
      (was?.day === is.day &&
        isSameSpend(was.usage, is.usage) &&
        isSameSpend(was.deletedTasks, is.deletedTasks))
    if (isSaid) return undefined
    const wait = (writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) + pauseMillis - now
    if (wait > 0) return wait
    writtenAt.set(key, now)
    return yield* kube
      .patch(
        agents,
        refOf(agent),
        { type: "merge", body: statusPatch(agent, { usageOfDay: replacing(was, is) }) },
        { subresource: "status" }
      )
      .pipe(
        Effect.flatMap(world.agents.observe),
        Effect.as(undefined),
        Effect.catchReason("KubeError", "Conflict", () => Effect.succeed(pauseMillis)),
        Effect.catchReason("KubeError", "NotFound", () => Effect.as(world.agents.forget(key), undefined))
      )
  })

  const controller = yield* Controller.makeQuiet({
    name: "agent-usage",
    kind: "Agent",
    workers: 1,
    reconcile
  })
  const forgetBefore = (day: string): void => {
    for (const group of sums.groups()) if (dayOfGroup(group) < day) sums.forget(group)
  }
  let day = ""
  const today = (nowMillis: number): string => {
    const now = dayOf(nowMillis)
    if (now > day) forgetBefore(now)
    day = now
    return now
  }
  for (const agent of world.agents.values()) {
    const said = agent.status?.usageOfDay
    if (said !== undefined) sums.begin(dayGroup(refKey(refOf(agent)), said.day), said.deletedTasks)
  }
  yield* Controller.listen(world.tasks.subscribe, (event, now) => {
    // A node's clock may be ahead of ours.
    const isToday = (group: string): boolean => dayOfGroup(group) >= today(now)
    if (event.type === "delete") {
      const entry = dayEntryOf(event.before)
      sums.gone(event.key)
      if (entry !== undefined && isToday(entry.group)) controller.enqueue(agentOfGroup(entry.group))
      return
    }
    const entry = dayEntryOf(event.after)
    // Of another day: nobody asks any more.
    const counted = entry !== undefined && isToday(entry.group) ? entry : undefined
    for (const group of sums.set(event.key, counted)) controller.enqueue(agentOfGroup(group))
  })
  const now = yield* Clock.currentTimeMillis
  for (const task of world.tasks.values()) {
    const entry = dayEntryOf(task)
    if (entry === undefined || dayOfGroup(entry.group) < today(now)) continue
    sums.set(refKey(refOf(task)), entry)
    controller.enqueue(agentOfGroup(entry.group))
  }
})
