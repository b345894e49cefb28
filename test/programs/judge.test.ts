import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as GateWorld from "../gate/GateWorld.ts"

const judgeProgram = `import { main } from ${JSON.stringify(join(import.meta.dirname, "../../programs/judge.ts"))}
main([], process.env)`

/** The judge as the container runs it: a process of its own, told everything by its environment. */
const start = (world: GateWorld.GateWorld, env: Readonly<Record<string, string>>) => {
  world.startToolchain()
  const { exchangeDir, judgeDir, workDir } = world.settings()
  const message = join(world.root, "termination-log")
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", judgeProgram], {
    env: {
      PATH: process.env["PATH"],
      WORK_DIR: workDir,
      EXCHANGE_DIR: exchangeDir,
      JUDGE_DIR: judgeDir,
      FOREMAN_TERMINATION_LOG: message,
      REPO: "acme/widget",
      BRANCH: "work",
      CLONE_URL: world.remote,
      ...env
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let log = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += String(chunk)))
  const ended = Effect.callback<{
    readonly code: number | null
    readonly log: string
    readonly message: unknown
  }>((resume) => {
    child.on("close", (code) =>
      resume(
        Effect.sync(() => ({
          code,
          log,
          message: existsSync(message) ? JSON.parse(readFileSync(message, "utf8")) : undefined
        }))
      )
    )
  })
  return { child, ended, log: () => log }
}
const checks = (command: string) => ({ CHECKS: JSON.stringify([{ name: "custom", command }]) })

describe("judge, as a process", () => {
  it.live("says FAIL in its log, its message and its exit", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      const commit = world.commit("work", { mark: "" })
      const command = "echo GATE PASS; [ ! -f mark ]"
      const { code, log, message } = yield* start(world, checks(command)).ended
      const said = message as { verdict: string; commit: string }
      assert.deepStrictEqual(
        [code, log.trimEnd().split("\n").at(-1), said.verdict, said.commit],
        [1, "GATE FAIL", "GATE-FAIL", commit]
      )
    })
  )

  it.live("ends its log with the verdict, however slowly a flood is read", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const { child, ended } = start(world, checks("yes flood | head -c 30000000"))
      child.stdout.pause()
      yield* Effect.sleep("3 seconds")
      child.stdout.resume()
      const { code, log } = yield* ended
      assert.match(log, /\d+ bytes are left out here/u)
      assert.deepStrictEqual([code, log.trimEnd().split("\n").at(-1)], [0, "GATE PASS"])
    })
  )

  it.live("has judged nothing when it is told to stop", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const judge = start(world, checks("echo begun; sleep 20"))
      yield* Effect.sync(judge.log).pipe(
        Effect.delay("10 millis"),
        Effect.repeat({ until: (text) => text.includes("begun") })
      )
      judge.child.kill("SIGTERM")
      const { code, message } = yield* judge.ended
      assert.deepStrictEqual(
        [code, { ...(message as object), nonce: "" }],
        [
          69,
          {
            nonce: "",
            verdict: "GATE-ERROR",
            reason: "Terminated",
            message: "the pod was told to stop",
            checks: []
          }
        ]
      )
    })
  )

  it.live("has judged nothing when its environment makes no sense", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      const { code, message } = yield* start(world, { CHECKS: "{" }).ended
      assert.deepStrictEqual([code, (message as { verdict: string }).verdict], [69, "GATE-ERROR"])
    })
  )
})
