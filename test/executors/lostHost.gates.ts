import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import type { TaskStatus } from "../../schema/AgenticTask.ts"
import type { Arguments } from "./killedRun.ts"
import { git, hook, submit } from "./modelRun.ts"
import { branch, outcomeOf, twelveTurns, world } from "./twelveTurns.ts"

const silence: Turn = { reply: { type: "fault", fault: "no-answer" } }
/** The model says nothing more after so many turns, until it is asked by the next process. */
const silentAfter = (turn: number) => [...twelveTurns.slice(0, turn), silence, ...twelveTurns.slice(turn)]

const checkpoints = (remote: string) =>
  git(remote, "for-each-ref", "--format=%(refname)", "refs/foreman/")
    .split("\n")
    .filter((ref) => ref !== "")

/** The host `node` had the task, and was not heard of again: the task is placed on another one. */
const afterLoss: TaskStatus = {
  phase: "Scheduled",
  assignedNode: "other",
  conditions: [
    {
      type: "Running",
      status: "True",
      reason: "Claimed",
      message: "claimed by node node",
      lastTransitionTime: "2026-12-01T00:00:00Z"
    }
  ]
}

/** The task was given back in order, and is placed on another host. */
const wasHeld = (reason: string, message: string): TaskStatus => ({
  ...afterLoss,
  conditions: [
    { type: "Running", status: "False", reason, message, lastTransitionTime: "2026-12-01T00:00:00Z" }
  ]
})

const until = (holds: () => boolean) =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.fail("not yet" as const))).pipe(
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("30 seconds"),
    Effect.orDie
  )

/** The first host goes on until its model is silent, and is lost. */
const lose = Effect.fnUntraced(function* (turn: number, checkpointRemote: boolean) {
  const all = yield* world(silentAfter(turn))
  const { begin, disk, model } = all
  const first = yield* begin({ checkpointRemote })
  const wanted = `refs/foreman/uid-of-fix/1/${turn}`
  if (checkpointRemote) yield* until(() => checkpoints(disk.remote).includes(wanted))
  yield* model.requests.pipe(
    Effect.repeat({
      until: (requests) => requests.length === turn + 1,
      schedule: Schedule.spaced("20 millis")
    })
  )
  first.child.kill("SIGKILL")
  yield* Effect.promise(() => first.exit)
  const second = (more: { readonly checkpointRemote?: boolean } = { checkpointRemote }) =>
    all.run({ workspaceRoot: join(disk.root, "other"), node: "other", before: afterLoss, ...more })
  return { ...all, second }
})

describe("a run whose host is lost", () => {
  it.live(
    "goes on on another host from the checkpoint of its last turn, and leaves nothing on the remote but its branch",
    () =>
      Effect.gen(function* () {
        const alone = yield* world()
        const { ended } = yield* alone.run({ checkpointRemote: true })
        const expected = outcomeOf(alone.disk.remote, ended)
        assert.strictEqual(expected.verdict, "GO")
        assert.strictEqual(expected.branches, "foreman/fix\nmain")
        yield* Effect.forEach(
          [1, 2, 3, 6, 9, 11],
          (turn) =>
            Effect.gen(function* () {
              const { disk, model, second } = yield* lose(turn, true)
              const last = yield* second()
              assert.deepStrictEqual(outcomeOf(disk.remote, last.ended), expected, `lost in turn ${turn + 1}`)
              assert.strictEqual(last.ended?.result.extra["resumes"], 1)
              // The request that was not answered is made again.
              assert.strictEqual((yield* model.requests).length, twelveTurns.length + 1)
            }).pipe(Effect.scoped),
          { concurrency: 2, discard: true }
        )
      }),
    120_000
  )

  it.live(
    "goes on on another host after a drain, too, and after its endpoint said later",
    () =>
      Effect.gen(function* () {
        const { disk, model, run } = yield* world(
          twelveTurns.toSpliced(8, 0, { reply: { type: "fault", fault: "status", status: 429 } })
        )
        const on = (node: string, before: TaskStatus | undefined, more: Partial<Arguments> = {}) =>
          run({
            workspaceRoot: join(disk.root, node),
            node,
            ...(before !== undefined && { before }),
            checkpointRemote: true,
            ...more
          })
        const drained = yield* on("one", undefined, { signal: { name: "SIGTERM", atStep: 50 } })
        assert.isUndefined(drained.ended)
        const requests = (yield* model.requests).length
        assert.isAbove(requests, 3)
        const words = "node one is shutting down; the task waits for a node again"
        const parked = yield* on("two", wasHeld("NodeDraining", words), { maxWaitMillis: 1 })
        assert.strictEqual(parked.ended?.result.extra["reason"], "EndpointHeld")
        assert.strictEqual(parked.ended?.result.extra["resumes"], 1)
        const last = yield* on("three", wasHeld("EndpointHeld", "slow down"))
        assert.strictEqual(outcomeOf(disk.remote, last.ended).verdict, "GO")
        assert.strictEqual(last.ended?.result.extra["resumes"], 2)
        assert.strictEqual(git(disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        assert.deepStrictEqual(checkpoints(disk.remote), [])
        // The turn that the drain cut short, and the request that was refused.
        assert.isAtMost((yield* model.requests).length, twelveTurns.length + 2)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "and that left nothing on its remote begins anew, and says so",
    () =>
      Effect.gen(function* () {
        const { disk, second } = yield* lose(3, false)
        const { ended } = yield* second()
        assert.deepStrictEqual(checkpoints(disk.remote), [])
        assert.strictEqual(
          ended?.result.extra["beganAnew"],
          "JournalLost: node node had the task before, and the journal of its run is not here"
        )
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "is not gone on with by a host that follows another claim",
    () =>
      Effect.gen(function* () {
        const { disk, run } = yield* lose(3, true)
        const { ended } = yield* run({
          workspaceRoot: join(disk.root, "third"),
          node: "third",
          before: {
            ...afterLoss,
            conditions: [{ ...afterLoss.conditions![0]!, message: "claimed by node other" }]
          },
          checkpointRemote: true
        })
        assert.strictEqual(ended?.result.extra["beganAnew"], "the task was taken by another since")
      }).pipe(Effect.scoped),
    60_000
  )
})

describe("checkpoints on the remote", () => {
  it.live(
    "that it refuses are a warning, once",
    () =>
      Effect.gen(function* () {
        const { disk, model, run } = yield* world()
        hook(
          disk.remote,
          'while read -r _ _ ref; do case "$ref" in refs/foreman/*) echo no; exit 1;; esac; done'
        )
        const { ended, stdout } = yield* run({ checkpointRemote: true })
        assert.strictEqual(ended?.result.verdict, "GO")
        assert.strictEqual(git(disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        assert.strictEqual((yield* model.requests).length, twelveTurns.length)
        assert.strictEqual(stdout.split("the run is not kept on its remote").length, 2)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "of work that is no GO stay, with its files and its journal, and nobody goes on from there",
    () =>
      Effect.gen(function* () {
        const { disk, run } = yield* world([...twelveTurns.slice(0, 4), submit("NO-GO")])
        const first = yield* run({ checkpointRemote: true })
        assert.strictEqual(first.ended?.result.verdict, "NO-GO")
        const ref = checkpoints(disk.remote).at(-1) ?? ""
        assert.strictEqual(git(disk.remote, "show", `${ref}:work/log.txt`), "one\ntwo")
        assert.include(git(disk.remote, "show", `${ref}:journal.ndjson`), '"type":"end"')
        const second = yield* run({
          workspaceRoot: join(disk.root, "other"),
          before: afterLoss,
          checkpointRemote: true
        })
        assert.isUndefined(second.ended?.result.extra["resumes"])
      }).pipe(Effect.scoped),
    60_000
  )
})
