/** A run of twelve turns in processes of its own, which a test may end at any step, and what it leaves behind. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"

import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../../layers/scripted/ScriptedModelServer.ts"
import type { Arguments } from "./killedRun.ts"
import { call, git, makeDisk, submit } from "./modelRun.ts"

const program = join(import.meta.dirname, "killedRun.ts")
export const branch = "foreman/fix"

/** Twelve turns: they read, write, run commands that add to a file, and edit. Doing one of them twice shows in the files. */
export const twelveTurns: ReadonlyArray<Turn> = [
  call("read_file", { path: "README.md" }),
  call("bash", { command: "echo one >> log.txt" }),
  call("write_file", { path: "greet.txt", content: "hi\n" }),
  call("bash", { command: "echo two >> log.txt; mkdir -p sub; echo x > sub/a.txt" }),
  call("grep", { pattern: "hello", path: "." }),
  call("str_replace", { path: "README.md", old_string: "hello", new_string: "good day" }),
  call("bash", { command: "echo three >> log.txt; rm sub/a.txt" }),
  call("read_file", { path: "log.txt" }),
  call("bash", { command: "echo four >> log.txt" }),
  call("write_file", { path: "sub/b.txt", content: "b\n" }),
  call("bash", { command: "cat log.txt sub/b.txt > all.txt" }),
  submit("GO", { commit_message: "be polite" })
]

/** What a process says last, when it comes to a result. */
export interface Ended {
  readonly steps: number
  readonly result: {
    readonly verdict: string
    readonly summary: string
    readonly extra: { readonly [key: string]: unknown }
  }
}

export interface Process {
  readonly child: ChildProcess
  /** Its signal was sent. */
  readonly signalled: Promise<void>
  /** `ended` is undefined where it came to no result. */
  readonly exit: Promise<{
    readonly signal: string | null
    readonly stdout: string
    readonly stderr: string
    readonly ended: Ended | undefined
  }>
}

const start = (args: Arguments): Process => {
  const child = spawn(process.execPath, [program, JSON.stringify(args)], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  const text = { stdout: "", stderr: "" }
  child.stderr.setEncoding("utf8").on("data", (chunk) => (text.stderr += chunk))
  const signalled = new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      text.stdout += chunk
      if (text.stdout.includes("signal at step")) resolve()
    })
  })
  const exit = new Promise<Awaited<Process["exit"]>>((resolve) => {
    child.once("close", (_, signal) => {
      const line = text.stdout.split("\n").findLast((one) => one.startsWith('{"steps"'))
      resolve({ signal, ...text, ended: line === undefined ? undefined : JSON.parse(line) })
    })
  })
  return { child, signalled, exit }
}

export const world = Effect.fnUntraced(function* (turns: ReadonlyArray<Turn> = twelveTurns) {
  const disk = yield* makeDisk
  const model = yield* ScriptedModelServer.start({ scripts: [{ name: "script", turns }] })
  const work = join(disk.root, "work")
  const begin = (more: Partial<Arguments> = {}) =>
    start({ workspaceRoot: work, remote: disk.remote, baseURL: model.baseURL, ...more })
  return {
    disk,
    model,
    work,
    /** A process that goes on beside the test; it is killed with the scope. */
    begin: (more?: Partial<Arguments>) =>
      Effect.acquireRelease(
        Effect.sync(() => begin(more)),
        ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
      ),
    /** A process from its start to its end. */
    run: (more?: Partial<Arguments>) => Effect.promise(() => begin(more).exit)
  }
})

/** What a run left behind. The commit's time is its own. */
export const outcomeOf = (remote: string, ended: Ended | undefined) => ({
  verdict: ended?.result.verdict,
  summary: ended?.result.summary.replace(" (pushed by an earlier run of this task)", ""),
  branches: git(remote, "for-each-ref", "--format=%(refname:short)"),
  commits: git(remote, "rev-list", "--count", `main..${branch}`),
  files: git(remote, "ls-tree", "-r", branch)
})
