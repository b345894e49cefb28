import { execFileSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { scriptedAgent, type Steps } from "../acp/agentRun.ts"
import { killable, outcomeOf } from "../acp/killedAgent.ts"

const branch = "foreman/fix"

/** An agent that plays the steps, with a model that says hello. */
const agentWorld = Effect.fnUntraced(function* (
  steps: Steps,
  env: ReadonlyArray<{ readonly name: string; readonly value: string }> = []
) {
  const spec = yield* scriptedAgent(steps, {
    acp: { command: [process.execPath, "$(PROGRAM)"], env, permissions: { policy: "Allow" } }
  })
  const turns = [{ reply: { type: "prose", content: "hello" } }] as const
  const script = spec.acp.env.find(({ name }) => name === "SCRIPT")?.value ?? ""
  return { ...(yield* killable(spec, [{ name: "script", turns }])), script }
})

const first = [{ write: "a.txt", content: "a\n" }, { run: "echo ok" }] as const
const second = [{ write: "b.txt", content: "b\n" }, { say: "Add both" }] as const

describe("a run of another coding agent that is killed (SIGKILL)", () => {
  const isKept = (journal: string) => journal.includes('"type":"checkpoint"')
  const both = {
    verdict: "GO",
    branches: `${branch}\nmain`,
    commits: "1",
    files: ["README.md", "a.txt", "b.txt"]
  }

  it.live("goes on with the agent's session and the files that were kept", () =>
    Effect.gen(function* () {
      const { disk, read, run, script } = yield* agentWorld([[...first, { sleep: 60_000 }], second])
      assert.isUndefined(yield* run(0, isKept))
      yield* Effect.promise(() => sleep(300))
      const left = execFileSync("sh", ["-c", `grep -lsz "SCRIPT=${script}" /proc/[0-9]*/environ || true`])
      assert.strictEqual(left.toString(), "", "the agent outlived its run")
      const ended = yield* run(0)
      assert.deepStrictEqual(outcomeOf(disk.remote, ended), both)
      assert.strictEqual(ended?.result.extra["resumes"], 1)
      assert.match(read(), /"type":"session".*"isLoaded":true/u)
      assert.include(read(), "The run was interrupted and goes on here")
    })
  )

  it.live("tells an agent that cannot load its session what was done", () =>
    Effect.gen(function* () {
      const { disk, read, run } = yield* agentWorld(
        [[...first, { sleep: 4_000 }, ...second]],
        [{ name: "NO_LOAD", value: "1" }]
      )
      assert.isUndefined(yield* run(0, isKept))
      const ended = yield* run(0)
      assert.deepStrictEqual(outcomeOf(disk.remote, ended), both)
      assert.strictEqual(ended?.result.extra["resumes"], 1)
      assert.notInclude(read(), '"isLoaded":true')
      assert.match(read(), /What differs from the base so far:\\na\.txt/u)
    })
  )

  it.live(
    "at steps all over it ends with one commit on one branch",
    () =>
      Effect.gen(function* () {
        const steps: Steps = [[...first, { ask: "hello" }, ...second]]
        const alone = yield* agentWorld(steps)
        const ended = yield* alone.run(0)
        assert.deepStrictEqual(outcomeOf(alone.disk.remote, ended), both)
        const count = ended?.steps ?? 0
        assert.isAbove(count, 20)
        yield* Effect.forEach(
          Array.from({ length: count }, (_, index) => index + 1).filter((step) => step % 5 === 0),
          (killAt) =>
            Effect.gen(function* () {
              const { disk, run } = yield* agentWorld(steps)
              assert.isUndefined(yield* run(killAt), `not killed at ${killAt}`)
              assert.deepStrictEqual(
                outcomeOf(disk.remote, yield* run(0)),
                both,
                `killed at ${killAt} of ${count}`
              )
            }).pipe(Effect.scoped),
          { concurrency: 2 }
        )
      }),
    300_000
  )
})
