/** Tasks of no length: made in a burst or one by one, and followed to their end. */
import { Effect } from "effect"

import type { KubeClient } from "../src/services/KubeClient.ts"
import { namespace } from "./cluster.ts"
import { seenTasks, type Timeline, type Watch } from "./watch.ts"

/** As many as a `kubectl apply` or a Workload never reaches; more would only queue inside the API server. */
const creators = 8

/** What has not ended by then never will, and the bench says so instead of waiting. */
const timeout = "10 minutes"

const taskNamed = (name: string, spec: object = {}) => ({
  metadata: { name, namespace },
  spec: { kind: "freeform", payload: { prompt: "nothing" }, ...spec }
})

export const createAll = (kube: KubeClient["Service"], names: ReadonlyArray<string>, spec: object = {}) =>
  Effect.forEach(names, (name) => kube.create(seenTasks, taskNamed(name, spec)), {
    concurrency: creators,
    discard: true
  })

export interface Ran {
  readonly timelines: ReadonlyArray<Timeline>
  /** From the first creation, as the watch shows it, to the last end. */
  readonly seconds: number
}

const ran = (watch: Watch, names: ReadonlyArray<string>): Ran => {
  const timelines = names.flatMap((name) => watch.timelines.get(name) ?? [])
  const off = timelines.filter(({ isOffTarget }) => isOffTarget).length
  if (off > 0) throw new Error(`${off} of ${names.length} tasks missed their target`)
  const last = Math.max(...timelines.map(({ ended }) => ended ?? NaN))
  const first = Math.min(...timelines.map(({ created }) => created))
  return { timelines, seconds: (last - first) / 1000 }
}

const isDone = (watch: Watch, names: ReadonlyArray<string>) => () =>
  names.every((name) => watch.timelines.get(name)?.ended !== undefined)

const numbered = (name: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`)

/** All at once, as fast as the API server takes them. */
export const burst = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  watch: Watch,
  name: string,
  count: number
) {
  const names = numbered(name, count)
  yield* createAll(kube, names)
  yield* watch.until(isDone(watch, names)).pipe(Effect.timeout(timeout))
  return ran(watch, names)
})

/** Each when the one before has ended. */
export const oneByOne = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  watch: Watch,
  name: string,
  count: number
) {
  const names = numbered(name, count)
  for (const one of names) {
    yield* createAll(kube, [one])
    yield* watch.until(isDone(watch, [one])).pipe(Effect.timeout(timeout))
  }
  return ran(watch, names)
})

/** The value below which this share of all values lies. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

export const toScheduled = ({ timelines }: Ran): ReadonlyArray<number> =>
  timelines.map(({ created, scheduled = NaN }) => scheduled - created)
export const toRunning = ({ timelines }: Ran): ReadonlyArray<number> =>
  timelines.map(({ created, running = NaN }) => running - created)
