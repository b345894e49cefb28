/** What a task's upstream means for it: go, wait, fail, or nothing left to do. */
import { Data } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { isOnTarget, isTerminal } from "../../schema/Verdict.ts"
import { askedBy, awaitsApproval } from "./approval.ts"
import { reason } from "./status.ts"
import { stopOf } from "./stop.ts"

export type Upstream = Data.TaggedEnum<{
  OnTarget: {}
  Wait: { readonly reason: string; readonly message: string }
  /** A name that stands for no task; whoever waits too long for it fails. */
  Missing: { readonly name: string }
  Failed: { readonly message: string }
  /** The issue was resolved already, so there is nothing to build on and nothing wrong. */
  Resolved: { readonly message: string }
}>
export const Upstream = Data.taggedEnum<Upstream>()

/** Finds a task of the same namespace by name. */
export type Lookup = (namespace: string | undefined, name: string) => AgenticTask | undefined

/** NO-GO because there was nothing left to do: the outcome that skips what depends on it. */
export const isAlreadyResolved = (task: AgenticTask): boolean => {
  const extra = task.status?.result?.["extra"]
  return (
    task.status?.verdict === "NO-GO" &&
    typeof extra === "object" &&
    extra !== null &&
    "outcome" in extra &&
    extra.outcome === "ALREADY-RESOLVED"
  )
}

const offTarget = (task: AgenticTask): string => {
  const { metadata, status } = task
  const how = stopOf(task) ?? `ended ${status?.phase} with verdict ${status?.verdict ?? "none"}`
  return `upstream ${metadata.name} ${how}`
}

/**
 * The first that settles it wins: resolved, then failed, then missing, then unfinished (contract §2.2). A gate that needs approval is
 * unfinished, and named before others: it waits for a person.
 */
export const upstreamOf = (task: AgenticTask, lookup: Lookup): Upstream => {
  const names = task.spec.dependsOn ?? []
  const found = names.map((name) => lookup(task.metadata.namespace, name))
  const ended = found.filter((upstream) => upstream !== undefined && isTerminal(upstream.status?.phase))

  const resolved = ended.find((upstream) => upstream !== undefined && isAlreadyResolved(upstream))
  if (resolved !== undefined) {
    return Upstream.Resolved({
      message: `upstream ${resolved.metadata.name} found its issue resolved already`
    })
  }
  // A skipped upstream passes its skip on: what it would have produced is not needed.
  const skipped = ended.find((upstream) => upstream?.status?.verdict === "Skipped")
  if (skipped !== undefined) {
    return Upstream.Resolved({ message: `upstream ${skipped.metadata.name} was skipped` })
  }
  const failed = ended.find(
    (upstream) => upstream !== undefined && !isOnTarget(upstream.status) && !awaitsApproval(upstream)
  )
  if (failed !== undefined) return Upstream.Failed({ message: offTarget(failed) })

  const missing = names.find((_, index) => found[index] === undefined)
  if (missing !== undefined) return Upstream.Missing({ name: missing })

  const asking = ended.find((upstream) => upstream !== undefined && awaitsApproval(upstream))
  if (asking !== undefined) return Upstream.Wait({ reason: reason.needsApproval, message: askedBy(asking) })

  const unfinished = found.filter((upstream) => !isTerminal(upstream?.status?.phase))
  return unfinished.length === 0
    ? Upstream.OnTarget()
    : Upstream.Wait({
        reason: reason.waitingForDependency,
        message: `waiting for ${unfinished.map((upstream) => upstream?.metadata.name).join(", ")}`
      })
}

/**
 * Of these tasks and the unfinished ones above them, those that may lie on a cycle: what is left when each that nothing holds up, or that
 * holds up nothing, is taken away. Linear, and empty when there is no cycle.
 */
export const cyclicAmong = (tasks: Iterable<AgenticTask>, lookup: Lookup): ReadonlySet<AgenticTask> => {
  const above = new Map<AgenticTask, ReadonlyArray<AgenticTask>>()
  const below = new Map<AgenticTask, Array<AgenticTask>>()
  const left = new Set(tasks)
  // The set grows while it is walked.
  for (const at of left) {
    const upstream = unfinishedOf(at, lookup)
    above.set(at, upstream)
    for (const it of upstream) {
      left.add(it)
      const known = below.get(it)
      if (known === undefined) below.set(it, [at])
      else known.push(at)
    }
  }
  for (const [from, to] of [
    [above, below],
    [below, above]
  ] as const) {
    const open = new Map<AgenticTask, number>()
    for (const it of left) open.set(it, (from.get(it) ?? []).filter((other) => left.has(other)).length)
    const free = [...left].filter((it) => open.get(it) === 0)
    // The list grows while it is walked.
    for (const it of free) {
      left.delete(it)
      for (const other of to.get(it) ?? []) {
        const count = (open.get(other) ?? 0) - 1
        open.set(other, count)
        if (count === 0) free.push(other)
      }
    }
  }
  return left
}

const unfinishedOf = ({ metadata, spec }: AgenticTask, lookup: Lookup): ReadonlyArray<AgenticTask> =>
  (spec.dependsOn ?? []).flatMap((name) => {
    const upstream = lookup(metadata.namespace, name)
    return upstream === undefined || isTerminal(upstream.status?.phase) ? [] : [upstream]
  })

/**
 * The shortest way from a task through its unfinished upstream back to itself, as `a → b → a`; `undefined` when it lies on no cycle. No
 * recursion, so that a long chain is only long.
 */
export const cycleThrough = (task: AgenticTask, lookup: Lookup): string | undefined => {
  const cameFrom = new Map<AgenticTask, AgenticTask>()
  const queue = [task]
  // The list grows while it is walked.
  for (const at of queue) {
    for (const upstream of unfinishedOf(at, lookup)) {
      if (upstream === task) return pathOf(task, at, cameFrom)
      if (cameFrom.has(upstream)) continue
      cameFrom.set(upstream, at)
      queue.push(upstream)
    }
  }
  return undefined
}

const pathOf = (
  task: AgenticTask,
  last: AgenticTask,
  cameFrom: ReadonlyMap<AgenticTask, AgenticTask>
): string => {
  const names = [task.metadata.name]
  for (let at: AgenticTask | undefined = last; at !== undefined && at !== task; at = cameFrom.get(at)) {
    names.push(at.metadata.name)
  }
  return [...names, task.metadata.name].toReversed().join(" → ")
}

/** What a task's dependents read of it: they are looked at again when it changes. */
export const standingOf = (task: AgenticTask | undefined): string =>
  task === undefined
    ? "missing"
    : isTerminal(task.status?.phase)
      ? `${task.status?.phase} ${task.status?.verdict} ${isAlreadyResolved(task)} ${awaitsApproval(task) ? askedBy(task) : ""}`
      : "unfinished"
