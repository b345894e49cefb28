/** What `foreman doctor` says of each fault, and that one fault hides no other. */
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Result } from "effect"

import { clockLine, modelLine, reachedLine, windowLine } from "../../programs/doctor/endpoint.ts"
import { cacheLine, speedLine, templateLine, toolCallLine } from "../../programs/doctor/conversation.ts"
import { table } from "../../programs/doctor/report.ts"
import { EndpointBusy, InferenceError } from "../../src/services/InferenceClient.ts"

const url = "http://m/v1"
const answer = (status: number, text = "") => Result.succeed({ status, text, serverMillis: undefined })
const list = '{"data":[{"id":"qwen3-coder"},{"id":"smol"}]}'
const reply = { content: "", reasoning: "", toolCalls: [], finishReason: "stop", usage: undefined }
const call = { id: "a", type: "function", function: { name: "read_file", arguments: "{}" } } as const
const usage = (inputTokens: number, cachedTokens: number) => ({
  inputTokens,
  outputTokens: 10,
  cachedTokens,
  reasoningTokens: 0
})
const busy = new InferenceError({
  endpoint: url,
  reason: new EndpointBusy({ message: "loading model", party: "server" })
})
const asked = (seconds: number, cached = 0) => ({ seconds, reply: { ...reply, usage: usage(1000, cached) } })
const prompt = (text: string) => ({ status: 200, text: JSON.stringify({ prompt: text }) })

describe("a line of the doctor", () => {
  it.each([
    [reachedLine(url, answer(200, list), false), "ok", "answers"],
    [
      reachedLine(url, Result.fail({ code: "ECONNREFUSED", message: "ECONNREFUSED" }), false),
      "fail",
      "network"
    ],
    [reachedLine(url, answer(401), false), "fail", "credentials"],
    [reachedLine("http://m", answer(404), true), "fail", "http://m/v1 has the API"],
    [reachedLine(url, answer(302), false), "fail", "sends elsewhere"],
    [reachedLine(url, answer(503, "loading\nmodel"), false), "warn", "loading model"],
    [reachedLine(url, answer(404), false), "warn", "404"],
    [modelLine("smol", ["smol"]), "ok", "served"],
    [modelLine("qwen3-code", ["zephyr", "qwen3-coder"]), "warn", "not among the 2"],
    [modelLine("", ["smol"]), "warn", "no model is named"],
    [modelLine("smol", undefined), "skipped", "no list"],
    [windowLine(32_768, 0), "ok", "as the server says"],
    [windowLine(8_192, 32_768), "fail", "the server 8192"],
    [windowLine(8_192, 0), "warn", "8192"],
    [windowLine(undefined, 0), "warn", "32,768"],
    [windowLine(undefined, 65_536), "ok", "as the Agent says"],
    [clockLine(0, 29_000), "ok", "agree"],
    [clockLine(0, 90_000), "warn", "90 s"],
    [clockLine(0, undefined), "skipped", "does not say"],
    [toolCallLine(Result.succeed({ seconds: 1, reply: { ...reply, toolCalls: [call] } })), "ok", "read_file"],
    [
      toolCallLine(
        Result.succeed({ seconds: 1, reply: { ...reply, toolCalls: [call], hasTextCalls: true } })
      ),
      "warn",
      "as text"
    ],
    [
      toolCallLine(Result.succeed({ seconds: 1, reply: { ...reply, content: "Sure!\u001b[2J" } })),
      "fail",
      '"Sure! [2J"'
    ],
    [toolCallLine(Result.fail(busy)), "fail", "party server"],
    [speedLine(asked(10)), "ok", "10.0 s for 1000 tokens"],
    [speedLine(asked(1_000)), "warn", "1000.0 s"],
    [speedLine({ seconds: 1, reply }), "skipped", "does not count"],
    [cacheLine(asked(10), asked(10, 990)), "ok", "990 of 1000"],
    [cacheLine(asked(10), asked(2)), "ok", "then 2.0 s"],
    [cacheLine(asked(10), asked(9)), "warn", "no cached tokens"],
    [templateLine(prompt("tools: str_replace; DOCTORS-RESULT")), "ok", "sees tools"],
    [templateLine(prompt("DOCTORS-RESULT")), "warn", "shows the model no tools"],
    [templateLine(prompt("nothing")), "warn", "no tools and no results of calls"],
    [templateLine({ status: 500, text: "roles must alternate" }), "warn", "roles must alternate"],
    [templateLine({ status: 404, text: "" }), "skipped", "llama.cpp"]
  ])("%#", ({ detail, fix, status }, expected, words) => {
    assert.strictEqual(status, expected)
    assert.include(detail, words)
    // Whatever is not right says what to do.
    assert.strictEqual(fix !== undefined, status === "warn" || status === "fail")
  })

  it("stands under its check, with what mends it below", () => {
    assert.strictEqual(
      table([modelLine("smol", ["smol"]), modelLine("x", ["smol"])], false),
      [
        "ok    model         smol is served",
        "warn  model         x is not among the 1 models of the server",
        "                    → write one that it has: smol",
        "",
        "1 right, 1 to look at, 0 wrong, 0 not looked at"
      ].join("\n")
    )
  })
})

const program = join(import.meta.dirname, "..", "..", "programs", "foreman.ts")
const doctor = (home: string, ...args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }>((resolve) => {
    const env = { PATH: process.env["PATH"], HOME: home }
    execFile(process.execPath, [program, "doctor", ...args], { cwd: home, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    )
  })

/** Lists its model, calls the tool that it is asked for, and wants the key. */
const server = createServer((request, response) => {
  if (request.headers.authorization !== "Bearer secret-key") {
    response.writeHead(401).end()
    return
  }
  if (request.url === "/v1/models") {
    response.end('{"object":"list","data":[{"id":"smol","context_length":32768}]}')
    return
  }
  if (request.url !== "/v1/chat/completions") {
    response.writeHead(404).end()
    return
  }
  const delta = { tool_calls: [{ index: 0, id: "c1", type: "function", function: call.function }] }
  const chunk = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.write(chunk({ choices: [{ index: 0, delta, finish_reason: null }] }))
  response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] }))
  const usage = { prompt_tokens: 100, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 99 } }
  response.end(`${chunk({ choices: [], usage })}data: [DONE]\n\n`)
})

describe("foreman doctor", () => {
  let home = ""
  let baseURL = ""
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "foreman-doctor-"))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    await writeFile(join(home, "key"), "secret-key\n")
  })
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await rm(home, { recursive: true, force: true })
  })

  it("ends with 0 where a model does what a run needs, and tells no key", async () => {
    const flags = ["--endpoint", baseURL, "--model", "smol", "--model-token-file", join(home, "key")]
    const { code, stderr, stdout } = await doctor(home, ...flags)
    assert.deepStrictEqual([code, stderr], [0, ""], stdout)
    assert.match(stdout, /^ok +tool call +the model called read_file, as a call$/mu)
    assert.match(stdout, /^ok +prefix cache +99 of 100/mu)
    assert.notInclude(stdout, "secret-key")
  })

  it("ends with 1 where something is wrong, and looks at the rest all the same", async () => {
    const { code, stderr, stdout } = await doctor(
      home,
      "--endpoint",
      baseURL,
      "-o",
      "json",
      "--git-remote-url",
      "file:///nowhere"
    )
    assert.deepStrictEqual([code, stderr], [1, "foreman doctor: endpoint, git remote\n"])
    const { lines } = JSON.parse(stdout)
    const checks = lines.map(({ check, status }: Record<string, string>) => `${check} ${status}`)
    assert.deepStrictEqual(checks.slice(0, 3), ["endpoint fail", "git remote fail", "gate skipped"])
  })
})
