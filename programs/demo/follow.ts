/** Watches the pipeline and turns what happens into demo events, until every task has ended. */
import { Effect, Queue, Schedule, Stream } from "effect"

import * as Reflector from "../../src/cache/Reflector.ts"
import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { pods } from "../../schema/Job.ts"
import { isTerminal } from "../../schema/Verdict.ts"
import { stopOf } from "../../src/decide/stop.ts"
import type { RunEvent } from "../../src/executors/Executor.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import type { DemoEvent } from "./story.ts"

/** A task of the pipeline: its name in the cluster, what the demo calls it, and the verdict that it must get. */
export interface Expected {
  readonly name: string
  readonly label: string
  readonly verdict: string
}

const labelOf = (expected: ReadonlyArray<Expected>, name: string): string =>
  expected.find((task) => task.name === name)?.label ?? name

const summaryOf = (task: AgenticTask): string => {
  const stop = stopOf(task)
  if (stop !== undefined) return stop
  const summary = task.status?.result?.["summary"]
  if (typeof summary === "string") return summary
  // Without a result the end itself says why.
  const conditions = task.status?.conditions ?? []
  const completed = conditions.findLast(({ type }) => type === "Completed")
  return (completed ?? conditions.at(-1))?.message ?? ""
}

const isBanner = (line: string): boolean => line.startsWith("=== ") || line.startsWith("GATE ")

/** The banners of a gate's log, as the Job writes them. */
const gateLines = (event: RunEvent & { readonly type: "JobCreated" }) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const kube = yield* KubeClient
      const pod = yield* kube
        .list(pods, {
          namespace: event.namespace,
          labelSelector: `batch.kubernetes.io/job-name=${event.jobName}`
        })
        .pipe(
          Effect.map(({ items }) =>
            items.find(({ status }) => status?.phase !== undefined && status.phase !== "Pending")
          ),
          Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (pod) => pod !== undefined })
        )
      return kube.podLogs(
        { namespace: event.namespace, name: pod?.metadata.name ?? "" },
        { container: event.container, follow: true }
      )
    })
  ).pipe(Stream.decodeText(), Stream.splitLines, Stream.filter(isBanner))

/** Runs until all the tasks have ended; yields whether each verdict is the expected one. */
export const follow = Effect.fn("demo.follow")(function* (options: {
  readonly expected: ReadonlyArray<Expected>
  readonly runEvents: Queue.Dequeue<RunEvent>
  readonly show: (event: DemoEvent) => Effect.Effect<void>
}) {
  const { expected, show } = options

  yield* Queue.take(options.runEvents).pipe(
    Effect.flatMap((event) => {
      if (!("task" in event)) return Effect.void
      const task = labelOf(expected, event.task.name)
      if (event.type === "TurnEnded")
        return show({ type: "turn", task, turn: event.turn, tools: event.tools })
      if (event.type !== "JobCreated") return Effect.void
      return gateLines(event).pipe(
        Stream.runForEach((line) => show({ type: "check", task, line })),
        // The log is for the eye: the verdict comes by another road.
        Effect.ignore({ log: "Debug" }),
        Effect.forkScoped
      )
    }),
    Effect.forever,
    Effect.forkScoped
  )

  const cache = yield* Reflector.make(agenticTasks, { namespace: "default", indexes: {} })
  const changes = yield* cache.subscribe
  yield* cache.synced
  const phases = new Map<string, string>()
  const ended = new Map<string, boolean>()

  const look = Effect.fnUntraced(function* (task: AgenticTask) {
    const { name } = task.metadata
    const phase = task.status?.phase
    if (phase !== undefined && phases.get(name) !== phase) {
      phases.set(name, phase)
      yield* show({ type: "phase", task: labelOf(expected, name), phase, node: task.status?.assignedNode })
    }
    const wanted = expected.find((candidate) => candidate.name === name)
    if (wanted === undefined || ended.has(name) || !isTerminal(phase)) return
    const verdict = task.status?.verdict ?? "none"
    ended.set(name, verdict === wanted.verdict)
    yield* show({
      type: "verdict",
      task: wanted.label,
      verdict,
      summary: summaryOf(task),
      isExpected: verdict === wanted.verdict
    })
  })

  yield* Effect.forEach(cache.values(), look, { discard: true })
  while (ended.size < expected.length) {
    const change = yield* Queue.take(changes)
    if (change.type === "put") yield* look(change.after)
  }
  return [...ended.values()].every((isExpected) => isExpected)
}, Effect.scoped)
