/** `run-task` as a process: how soon it asks the model, how soon it asks again, how much memory it takes. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

import { Effect } from "effect"

import type { Turn } from "../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../layers/scripted/ScriptedModelServer.ts"
import { apiserver, bareProcess, bareRequestMillis, bareRoundTripMillis, p50 } from "./bare.ts"
import { percentile } from "./load.ts"
import type { Measured as Report, Options } from "./report.ts"

const bundle = resolve(import.meta.dirname, "..", "dist", "foreman.mjs")
const starts = 9
/** The least that it was measured with, on the machine of the design. */
const firstImplementationMillis = 117

const git = (cwd: string, ...args: ReadonlyArray<string>): void => {
  const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
  execFileSync("git", [...identity, ...args], { cwd, stdio: "ignore" })
}

const readTurns = (count: number): ReadonlyArray<Turn> =>
  Array.from({ length: count - 1 }, (_, index): Turn => {
    const name = index % 2 === 0 ? "read_file" : "str_replace"
    const args =
      name === "read_file"
        ? { path: "source.txt" }
        : { path: "source.txt", old_string: `count ${index >> 1};`, new_string: `count ${(index >> 1) + 1};` }
    return { reply: { type: "tool_calls", calls: [{ name, arguments: args }] } }
  })
const submit: Turn = {
  reply: {
    type: "tool_calls",
    calls: [{ name: "submit_result", arguments: { verdict: "GO", summary: "done", commit_message: "done" } }]
  }
}

interface Measured {
  readonly firstRequestMillis: number
  readonly secondRequestMillis: number
  readonly replyToRequestMillis: ReadonlyArray<number>
  readonly maxRSSMegabytes: number
  readonly exitCode: number | null
}

/** VmHWM: the most that was resident so far. Linux only. */
const peakMegabytes = (pid: number | undefined): number => {
  const path = `/proc/${pid}/status`
  const kilobytes = existsSync(path) ? /VmHWM:\s+(\d+)/u.exec(readFileSync(path, "utf8"))?.[1] : undefined
  return kilobytes === undefined ? NaN : Number(kilobytes) / 1024
}

const measure = Effect.fnUntraced(function* (turns: number) {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const seed = join(root, "seed")
  mkdirSync(seed)
  git(seed, "init", "-q", "-b", "main")
  writeFileSync(join(seed, "source.txt"), `count 0;\n${"a line of source text\n".repeat(60)}`)
  git(seed, "add", "-A")
  git(seed, "commit", "-q", "-m", "first")
  git(root, "clone", "-q", "--bare", seed, join(root, "remote.git"))

  let startedAt = 0
  let answeredAt = 0
  let firstRequestMillis = NaN
  let secondRequestMillis = NaN
  let maxRSSMegabytes = NaN
  let pid: number | undefined
  const gaps: Array<number> = []
  const model = yield* ScriptedModelServer.start({
    scripts: [{ name: "bench", turns: [...readTurns(turns), submit] }],
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
      maxRSSMegabytes = peakMegabytes(pid)
    }
  })
  const off = { repeatedToolThreshold: 0, editFreeTurnsLimit: 0, contextSoftCap: 0, contextHardCap: 0 }
  const base = "/apis/foreman.llmkube.dev/v1alpha1/namespaces/default"
  const api = yield* apiserver({
    [`${base}/agentictasks/bench`]: {
      metadata: { name: "bench", namespace: "default", uid: "bench" },
      spec: { kind: "issue-fix", agentRef: { name: "bench" }, payload: { prompt: "count up" } }
    },
    [`${base}/agents/bench`]: {
      metadata: { name: "bench", namespace: "default" },
      spec: {
        role: "coder",
        inferenceServiceRef: { name: "bench" },
        maxTurns: turns + 5,
        tools: ["read_file", "str_replace", "submit_result"],
        contextWindowTokens: 10_000_000,
        stuckLoopDetection: off
      }
    }
  })
  const kubeconfig = join(root, "kubeconfig")
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      "current-context": "bench",
      contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
      clusters: [{ name: "bench", cluster: { server: api.url } }],
      users: [{ name: "bench", user: { token: "bench" } }]
    })
  )
  const exitCode = yield* Effect.callback<number | null>((resume) => {
    startedAt = performance.now()
    const child = spawn(
      process.execPath,
      [
        bundle,
        "run-task",
        "--task=bench",
        `--kubeconfig=${kubeconfig}`,
        `--workspace-dir=${join(root, "work")}`,
        `--git-remote-url=${join(root, "remote.git")}`,
        `--inference-base-url-override=${model.baseURL}`,
        "--commit-author-email=bench@example.com"
      ],
      { env: { PATH: process.env["PATH"] ?? "", HOME: root }, stdio: ["ignore", "ignore", "inherit"] }
    )
    pid = child.pid
    child.on("close", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
  const measured: Measured = {
    firstRequestMillis,
    secondRequestMillis,
    replyToRequestMillis: gaps,
    maxRSSMegabytes,
    exitCode
  }
  return exitCode === 0 && gaps.length === turns - 2
    ? measured
    : yield* Effect.die(new Error(`run-task ended with ${exitCode} after ${gaps.length + 2} requests`))
})

const once = (turns: number) => Effect.runPromise(Effect.scoped(measure(turns)))

export const run = async ({ isQuick }: Options): Promise<Report> => {
  if (!existsSync(bundle)) throw new Error("dist/foreman.mjs is not there: npm run build first")
  await once(12)
  const short: Array<Measured> = []
  const bare: Array<ReturnType<typeof bareProcess>> = []
  const bareRequests: Array<number> = []
  // In turns, so that whatever else the machine does meanwhile meets all of them.
  for (let index = 0; index < (isQuick ? 3 : starts); index++) {
    bare.push(bareProcess())
    bareRequests.push(await bareRequestMillis())
    short.push(await once(12))
  }
  const long = await once(200)
  const roundTrip = await bareRoundTripMillis()
  const shortGaps = short.flatMap((measured) => measured.replyToRequestMillis)
  const longGaps = long.replyToRequestMillis
  const firsts = short.map((measured) => measured.firstRequestMillis)
  const seconds = short.map((measured) => measured.secondRequestMillis)
  const peak = Math.max(long.maxRSSMegabytes, ...short.map((measured) => measured.maxRSSMegabytes))
  const emptyMillis = p50(bare.map(({ millis }) => millis))
  const ofFirst = (millis: number): number => millis / p50(firsts)
  const ms = "ms"
  return {
    rows: [
      {
        measure: "`run-task`: process start → first request to the model",
        figures: [
          { name: "p50", value: p50(firsts), unit: ms, atMost: firstImplementationMillis * 1.25 },
          { name: "p99", value: percentile(firsts, 0.99), unit: ms },
          {
            name: "of it a bare node process that reads twice and asks",
            value: ofFirst(p50(bareRequests)),
            unit: "×"
          }
        ],
        ceiling: `${p50(bareRequests).toFixed(0)} ms for that bare process, ${emptyMillis.toFixed(0)} ms for an empty one`,
        note: "The first implementation needed 117 to 175 ms on the machine of the design; 1.25 × the lower of them is the goal here. The clone goes on meanwhile."
      },
      {
        measure: "`run-task`: process start → second request (clone, branch and the first tool, too)",
        figures: [{ name: "p50", value: p50(seconds), unit: ms }],
        ceiling: `${emptyMillis.toFixed(0)} ms for an empty node process`
      },
      {
        measure: "`run-task`: a reply → the next request (tools included)",
        figures: [
          { name: "p50 at 12 turns", value: p50(shortGaps), unit: ms, atMost: 1.3 },
          { name: "at 200 turns", value: p50(longGaps), unit: ms, atMost: 1.3 },
          { name: "in the last 20 of 200", value: p50(longGaps.slice(-20)), unit: ms }
        ],
        ceiling: `${roundTrip.toFixed(2)} ms for a bare HTTP round trip`
      },
      {
        measure: "`run-task` memory",
        figures: [{ name: "peak", value: peak, unit: "MB", atMost: 80 }],
        ceiling: `${Math.round(p50(bare.map(({ megabytes }) => megabytes)))} MB for an empty node process`
      }
    ]
  }
}
