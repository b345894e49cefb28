/** `run-task` as a process: how soon it asks the model, how soon it asks again, how much memory it takes. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

import { Effect } from "effect"

import type { Turn } from "../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../layers/scripted/ScriptedModelServer.ts"
import type { Row } from "./bench.ts"

const bundle = resolve(import.meta.dirname, "..", "dist", "foreman.mjs")
const starts = 9

const git = (cwd: string, ...args: ReadonlyArray<string>): void => {
  const identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
  execFileSync("git", [...identity, ...args], { cwd, stdio: "ignore" })
}

const percentile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN
const p50 = (values: ReadonlyArray<number>): number => percentile(values, 0.5)

/** As much of an API server as one run asks for: two GETs and a transcript. */
const apiserver = (objects: Readonly<Record<string, unknown>>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: http.Server; readonly url: string }>((resume) => {
      const server = http.createServer((request, response) => {
        const found = objects[request.url ?? ""]
        const isWrite = request.method !== "GET"
        const body = isWrite ? { metadata: { name: "transcript" } } : (found ?? { kind: "Status", code: 404 })
        response.writeHead(isWrite ? 201 : found === undefined ? 404 : 200, {
          "content-type": "application/json"
        })
        response.end(JSON.stringify(body))
        request.resume()
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ server, url: `http://127.0.0.1:${port}` }))
      })
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

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
  const measured: Measured = { firstRequestMillis, replyToRequestMillis: gaps, maxRSSMegabytes, exitCode }
  return exitCode === 0 && gaps.length === turns - 1
    ? measured
    : yield* Effect.die(new Error(`run-task ended with ${exitCode} after ${gaps.length + 1} requests`))
})

/** The least that a process of this runtime can take. */
const bareStartMillis = (): number => {
  const startedAt = performance.now()
  execFileSync(process.execPath, ["-e", "0"], { stdio: "ignore" })
  return performance.now() - startedAt
}

/** The least that a reply and the next request can take: a loop of one connection on this machine. */
const bareRoundTripMillis = (): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* apiserver({ "/": {} })
        const agent = new http.Agent({ keepAlive: true })
        const one = Effect.callback<number>((resume) => {
          const startedAt = performance.now()
          http.get(url, { agent }, (response) => {
            response.resume()
            response.on("end", () => resume(Effect.succeed(performance.now() - startedAt)))
          })
        })
        const times = yield* Effect.replicateEffect(one, 200)
        agent.destroy()
        return p50(times)
      })
    )
  )

const text = (millis: number): string => `${millis.toFixed(1)} ms`

const once = (turns: number) => Effect.runPromise(Effect.scoped(measure(turns)))

export const run = async (): Promise<ReadonlyArray<Row>> => {
  if (!existsSync(bundle)) throw new Error("dist/foreman.mjs is not there: npm run build first")
  await once(12)
  const short: Array<Measured> = []
  const bare: Array<number> = []
  for (let index = 0; index < starts; index++) {
    bare.push(bareStartMillis())
    short.push(await once(12))
  }
  const long = await once(200)
  const firsts = short.map((measured) => measured.firstRequestMillis)
  const roundTrip = await bareRoundTripMillis()
  const peak = Math.max(long.maxRSSMegabytes, ...short.map((measured) => measured.maxRSSMegabytes))
  return [
    {
      measure: "process start → first request to the model (API reads, clone and branch included)",
      value: `p50 ${text(p50(firsts))} (${text(Math.min(...firsts))} to ${text(Math.max(...firsts))})`,
      goal: "≤ 1.25 × of the first implementation's 117 to 175 ms in one run",
      ceiling: `${text(p50(bare))} for an empty node process`
    },
    {
      measure: "a reply → the next request, tools included",
      value: `p50 ${text(p50(short.flatMap((measured) => measured.replyToRequestMillis)))} at 12 turns, ${text(p50(long.replyToRequestMillis))} over 200, ${text(p50(long.replyToRequestMillis.slice(-20)))} in the last 20 of them`,
      goal: "p50 ≤ 1.3 ms, the same at 200 turns",
      ceiling: `${text(roundTrip)} for a bare HTTP round trip`
    },
    {
      measure: "resident memory at most",
      value: `${Math.round(peak)} MB`,
      goal: "≤ 80 MB",
      ceiling: "about 43 MB for an empty node process"
    }
  ]
}
