/** Runs of another coding agent, each in a process of its own that can be killed. */
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { Effect } from "effect"

import type { ModelScript } from "../../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../../layers/scripted/ScriptedModelServer.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import type { Arguments } from "../executors/killedRun.ts"
import { git, makeDisk } from "../executors/modelRun.ts"

const program = join(import.meta.dirname, "../executors/killedRun.ts")
const branch = "foreman/fix"

interface Ended {
  /** Writes of the journal and of the run's record, each counted before and after. */
  readonly steps: number
  readonly result: {
    readonly verdict: string
    readonly extra: { readonly [key: string]: unknown }
  }
}

/** A remote, a model that plays the scripts, and processes that run the task. */
export const killable = Effect.fnUntraced(function* (
  spec: Partial<AgentSpec>,
  scripts: ReadonlyArray<ModelScript>
) {
  const disk = yield* makeDisk
  const model = yield* ScriptedModelServer.start({ scripts })
  const work = join(disk.root, "work")
  const journal = join(work, ".journals", "uid-of-fix", "1.ndjson")
  const read = () => (existsSync(journal) ? readFileSync(journal, "utf8") : "")

  /** One process: what it came to, `undefined` when it was killed, by itself or since the journal says so much. */
  const run = Effect.fnUntraced(function* (killAt: number, isEnough?: (journal: string) => boolean) {
    const asked: Arguments = {
      workspaceRoot: work,
      remote: disk.remote,
      baseURL: model.baseURL,
      agentSpec: spec,
      ...(killAt > 0 && { signal: { name: "SIGKILL", atStep: killAt } })
    }
    const args = [program, JSON.stringify(asked)]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })),
      (one) => Effect.sync(() => one.kill("SIGKILL"))
    )
    let out = ""
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
    const ended = Effect.callback<void>((resume) => {
      child.once("close", () => resume(Effect.void))
    })
    const killed = Effect.gen(function* () {
      while (isEnough?.(read()) !== true) yield* Effect.sleep("50 millis")
      child.kill("SIGKILL")
      return yield* Effect.never
    })
    yield* Effect.raceFirst(ended, killed)
    const line = out.split("\n").findLast((text) => text.startsWith('{"steps"'))
    return line === undefined ? undefined : (JSON.parse(line) as Ended)
  }, Effect.scoped)
  return { disk, model, read, run }
})

/** Files, commits and branches of the remote. */
export const outcomeOf = (remote: string, ended: Ended | undefined) => ({
  verdict: ended?.result.verdict,
  branches: git(remote, "for-each-ref", "--format=%(refname:short)"),
  commits: git(remote, "rev-list", "--count", `main..${branch}`),
  files: git(remote, "ls-tree", "-r", "--name-only", branch).split("\n")
})
