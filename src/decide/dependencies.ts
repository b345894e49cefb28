/** What a task's upstream means for it: go, wait, fail, or nothing left to do. */
import { Data } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { isOnTarget, isTerminal } from "../../schema/Verdict.ts"
import { reason } from "./status.ts"

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

const offTarget = ({ metadata, status }: AgenticTask): string =>
  `upstream ${metadata.name} ended ${status?.phase} with verdict ${status?.verdict ?? "none"}`

/** The first that settles it wins: resolved, then failed, then missing, then unfinished (contract §2.2). */
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
  const failed = ended.find((upstream) => !isOnTarget(upstream?.status))
  if (failed !== undefined) return Upstream.Failed({ message: offTarget(failed) })

  const missing = names.find((_, index) => found[index] === undefined)
  if (missing !== undefined) return Upstream.Missing({ name: missing })

  const unfinished = found.filter((upstream) => !isTerminal(upstream?.status?.phase))
  return unfinished.length === 0
    ? Upstream.OnTarget()
    : Upstream.Wait({
        reason: reason.waitingForDependency,
        message: `waiting for ${unfinished.map((upstream) => upstream?.metadata.name).join(", ")}`
      })
}

/**
 * The dependency cycles among these tasks: each task that lies on one, with the cycle as `a → b → a` from its own point of view.
 * Linear in tasks and edges, and no recursion, so that a long chain is only long.
 */
export const cyclesOf = (
  tasks: ReadonlyArray<AgenticTask>,
  lookup: Lookup
): ReadonlyMap<AgenticTask, string> => {
  const done = new Set<AgenticTask>()
  const cycles = new Map<AgenticTask, string>()
  for (const start of tasks) {
    if (done.has(start)) continue
    const path: Array<{ readonly task: AgenticTask; next: number }> = [{ task: start, next: 0 }]
    const position = new Map<AgenticTask, number>([[start, 0]])
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const name = top.task.spec.dependsOn?.[top.next]
      if (name === undefined) {
        done.add(top.task)
        position.delete(top.task)
        path.pop()
        continue
      }
      top.next++
      const upstream = lookup(top.task.metadata.namespace, name)
      if (upstream === undefined || done.has(upstream) || isTerminal(upstream.status?.phase)) continue
      const entered = position.get(upstream)
      if (entered === undefined) {
        position.set(upstream, path.length)
        path.push({ task: upstream, next: 0 })
      } else {
        nameCycle(
          path.slice(entered).map(({ task }) => task),
          cycles
        )
      }
    }
  }
  return cycles
}

const nameCycle = (loop: ReadonlyArray<AgenticTask>, cycles: Map<AgenticTask, string>): void => {
  for (const [index, task] of loop.entries()) {
    if (cycles.has(task)) continue
    const turned = [...loop.slice(index), ...loop.slice(0, index), task]
    cycles.set(task, turned.map(({ metadata }) => metadata.name).join(" → "))
  }
}
