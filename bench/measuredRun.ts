/** One run of a `run-task` over a small repository: when it asks the model, and what it takes. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Effect, type Scope } from "effect"

import type { Turn } from "../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../layers/scripted/ScriptedModelServer.ts"
import { type Program, runTask } from "./taskProcess.ts"

/** What the model has done in each turn: a file read, then edited, and so on; or a small command. */
export type Work = "files" | "commands"

export interface TaskRun {
  readonly firstRequestMillis: number
  readonly secondRequestMillis: number
  /** From the end of a reply to the next request, from the second request on. */
  readonly replyToRequestMillis: ReadonlyArray<number>
  /** The most that was resident up to each request. Linux only. */
  readonly peakMegabytes: ReadonlyArray<number>
}

const git = (cwd: string, ...args: ReadonlyArray<string>): void => {
  const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
  execFileSync("git", [...identity, ...args], { cwd, stdio: "ignore" })
}

const turnOf = (name: string, args: Readonly<Record<string, string | number>>): Turn => ({
  reply: { type: "tool_calls", calls: [{ name, arguments: args }] }
})

const fileTurn = (index: number): Turn => {
  const count = index >> 1
  const edit = { path: "source.txt", old_string: `count ${count};`, new_string: `count ${count + 1};` }
  return index % 2 === 0 ? turnOf("read_file", { path: "source.txt" }) : turnOf("str_replace", edit)
}

/** The last edit makes it a change, so that every program may end with GO. */
const turnsOf = (work: Work, count: number): ReadonlyArray<Turn> => [
  ...Array.from({ length: count - 1 }, (_, index) =>
    work === "files" || index === count - 2
      ? fileTurn(work === "files" ? index : 1)
      : turnOf("bash", { command: `head -n ${(index % 50) + 1} source.txt | tail -n 1` })
  ),
  turnOf("submit_result", { verdict: "GO", summary: "done", commit_message: "done" })
]

/** VmHWM: the most that was resident so far. Linux only. */
const peakOf = (pid: number | undefined): number => {
  const path = `/proc/${pid}/status`
  const kilobytes = existsSync(path) ? /VmHWM:\s+(\d+)/u.exec(readFileSync(path, "utf8"))?.[1] : undefined
  return kilobytes === undefined ? NaN : Number(kilobytes) / 1024
}

const off = { repeatedToolThreshold: 0, editFreeTurnsLimit: 0, contextSoftCap: 0, contextHardCap: 0 }
const agentOf = (turns: number) => ({
  role: "coder",
  inferenceServiceRef: { name: "bench" },
  maxTurns: turns + 5,
  tools: ["read_file", "str_replace", "bash", "submit_result"],
  contextWindowTokens: 10_000_000,
  stuckLoopDetection: off
})

const repository = (root: string): void => {
  const seed = join(root, "seed")
  mkdirSync(seed)
  git(seed, "init", "-q", "-b", "main")
  writeFileSync(join(seed, "source.txt"), `count 0;\n${"a line of source text\n".repeat(60)}`)
  git(seed, "add", "-A")
  git(seed, "commit", "-q", "-m", "first")
  git(root, "clone", "-q", "--bare", seed, join(root, "remote.git"))
}

const measured = Effect.fnUntraced(function* (
  program: Program,
  work: Work,
  turns: number
): Effect.fn.Return<TaskRun, ScriptedModelServer.ScriptedModelError, Scope.Scope> {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  repository(root)
  let startedAt = 0
  let answeredAt = 0
  let firstRequestMillis = NaN
  let secondRequestMillis = NaN
  const peaks: Array<number> = []
  let pid: number | undefined
  const gaps: Array<number> = []
  const model = yield* ScriptedModelServer.start({
    scripts: [{ name: "bench", turns: turnsOf(work, turns) }],
    keepRequests: false,
    onMoment: (moment) => {
      const now = performance.now()
      if (moment === "answered") {
        answeredAt = now
        return
      }
      if (answeredAt === 0) firstRequestMillis = now - startedAt
      else if (Number.isNaN(secondRequestMillis)) secondRequestMillis = now - startedAt
      else gaps.push(now - answeredAt)
      peaks.push(peakOf(pid))
    }
  })
  const exitCode = yield* runTask({
    program,
    root,
    task: program.task ?? { kind: "issue-fix", payload: { prompt: "count up" } },
    agent: agentOf(turns),
    modelURL: model.baseURL,
    onStart: (child) => {
      startedAt = performance.now()
      pid = child
    }
  })
  return exitCode === 0 && gaps.length === turns - 2
    ? { firstRequestMillis, secondRequestMillis, replyToRequestMillis: gaps, peakMegabytes: peaks }
    : yield* Effect.die(
        new Error(`${program.words[0]} ended with ${exitCode} after ${gaps.length + 2} requests`)
      )
})

/** Runs the program over a fresh repository with a model that answers at once. Fails where it does not come to its last turn. */
export const taskRun = (program: Program, work: Work, turns: number): Promise<TaskRun> =>
  Effect.runPromise(Effect.scoped(measured(program, work, turns)))
