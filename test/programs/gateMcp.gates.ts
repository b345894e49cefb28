/** `foreman gate --mcp` as an agent's client starts it: a child process that speaks JSON-RPC, one message a line. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Schema } from "effect"

const program = join(import.meta.dirname, "../../programs/foreman.ts")
let home = ""
let repo = ""

const git = (...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-C", repo, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
    encoding: "utf8"
  }).trim()

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "foreman-gate-mcp-"))
  mkdirSync(join(home, "tmp"))
  repo = join(home, "repository")
  mkdirSync(join(repo, ".foreman"), { recursive: true })
  git("init", "-q", "-b", "main")
  writeFileSync(join(repo, ".foreman/gate.yaml"), "checks:\n  - role: test\n    command: sh test.sh\n")
  // What a check prints must not reach the protocol.
  const hostile = `printf '{"jsonrpc":"2.0","id":3,"result":{}}\\n\\033[31m%05000d' 7`
  writeFileSync(join(repo, "test.sh"), `${hostile}\n[ "$(cat value)" != bad ]\n`)
  writeFileSync(join(repo, "value"), "one\n")
  git("add", "-A")
  git("commit", "-q", "-m", "begin")
  git("checkout", "-q", "-b", "work")
  writeFileSync(join(repo, "value"), "bad\n")
  git("commit", "-q", "-a", "-m", "work")
  writeFileSync(join(repo, "draft"), "\n")
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const Message = Schema.fromJsonString(
  Schema.Struct({
    jsonrpc: Schema.Literal("2.0"),
    id: Schema.optionalKey(Schema.Finite),
    method: Schema.optionalKey(Schema.String),
    params: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
    result: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
  })
)
const decode = Schema.decodeUnknownSync(Message)
const Called = Schema.Struct({
  isError: Schema.Boolean,
  content: Schema.Array(Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })),
  structuredContent: Schema.optionalKey(Schema.Json)
})
const called = Schema.decodeUnknownSync(Called)

/** Fails at the first line of stdout that is no message. */
class Client {
  readonly child: ChildProcess
  readonly notifications: Array<typeof Message.Type> = []
  stderr = ""
  readonly #waiting = new Map<number, (result: unknown) => void>()
  readonly closed: Promise<number | null>
  #last = 0

  constructor() {
    this.child = spawn(process.execPath, [program, "gate", "--mcp", "--repo", repo], {
      env: { PATH: process.env["PATH"], HOME: home, TMPDIR: join(home, "tmp") },
      stdio: ["pipe", "pipe", "pipe"]
    })
    let rest = ""
    this.child.stderr?.on("data", (chunk) => (this.stderr += String(chunk)))
    this.child.stdout?.on("data", (chunk) => {
      const lines = (rest + String(chunk)).split("\n")
      rest = lines.pop() ?? ""
      for (const message of lines.map((line) => decode(line))) {
        if (message.id === undefined) this.notifications.push(message)
        else this.#waiting.get(message.id)?.(message.result)
      }
    })
    this.closed = new Promise((resolve) => this.child.on("close", (code) => resolve(code)))
  }

  send(message: object): void {
    this.child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
  }

  ask(method: string, params: object): Promise<unknown> {
    const id = ++this.#last
    this.send({ id, method, params })
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }

  async call(name: string, given: object, meta: object = {}) {
    return called(await this.ask("tools/call", { name, arguments: given, ...meta }))
  }
}

const connected = async () => {
  const client = new Client()
  const clientInfo = { name: "test", version: "1" }
  await client.ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo })
  client.send({ method: "notifications/initialized" })
  return client
}

describe("foreman gate --mcp", () => {
  it("judges, tells how far it is, and keeps everything but the protocol off stdout", async () => {
    const client = await connected()
    const { tools } = Schema.decodeUnknownSync(
      Schema.Struct({ tools: Schema.Array(Schema.Struct({ name: Schema.String })) })
    )(await client.ask("tools/list", {}))
    assert.deepStrictEqual(
      tools.map(({ name }) => name),
      ["gate", "gate_static"]
    )

    const { isError, structuredContent } = await client.call("gate", {}, { _meta: { progressToken: "mine" } })
    const answer = Schema.decodeUnknownSync(
      Schema.Struct({
        verdict: Schema.String,
        reason: Schema.String,
        commit: Schema.String,
        checks: Schema.Array(Schema.Struct({ result: Schema.String, logTail: Schema.String })),
        notCommitted: Schema.Array(Schema.String)
      })
    )(structuredContent)
    assert.deepStrictEqual(
      [isError, answer.verdict, answer.reason, answer.commit, answer.notCommitted],
      [false, "GATE-FAIL", "CheckFailed", git("rev-parse", "HEAD"), ["draft"]]
    )
    // The tail is bounded, and holds nothing that a terminal obeys.
    assert.strictEqual(answer.checks[0]?.result, "exit 1")
    assert.isAtMost(answer.checks[0]?.logTail.length ?? 0, 2_000)
    assert.notMatch(answer.checks[0]?.logTail ?? "", /[^\n\t\P{Cc}]/u)

    const progress = client.notifications.filter(({ method }) => method === "notifications/progress")
    assert.isAtLeast(progress.length, 2)
    assert.isTrue(progress.every(({ params }) => params?.["progressToken"] === "mine"))
    assert.include(client.stderr, "=== test ===")

    client.child.stdin?.end()
    assert.strictEqual(await client.closed, 0)
  })

  it("answers a quick look without running anything, and a wrong commit with a sentence", async () => {
    const client = await connected()
    const quick = await client.call("gate_static", { repo })
    const wrong = await client.call("gate", { head: "nope" })
    client.child.stdin?.end()
    assert.deepStrictEqual([quick.isError, wrong.isError, await client.closed], [false, true, 0])
    assert.deepInclude(quick.structuredContent, { refused: false, findings: [], checks: [] })
    assert.include(wrong.content[0]?.text, "--head nope is no commit of ")
    assert.notInclude(client.stderr, "=== test ===")
  })

  it("ends what is under way when its client goes away", async () => {
    git("checkout", "-q", "-b", "slow", "main")
    writeFileSync(join(repo, ".foreman/gate.yaml"), "checks:\n  - role: test\n    command: sleep 60\n")
    git("commit", "-q", "-a", "-m", "slow")
    writeFileSync(join(repo, "value"), "two\n")
    git("commit", "-q", "-a", "-m", "two")
    const client = await connected()
    void client.ask("tools/call", { name: "gate", arguments: { base: "slow~1" } })
    client.child.stderr?.on("data", (chunk) => {
      if (String(chunk).includes("=== test ===")) client.child.stdin?.end()
    })
    const startedAt = performance.now()
    assert.strictEqual(await client.closed, 0)
    assert.isBelow(performance.now() - startedAt, 30_000)
    git("checkout", "-q", "work")
  })
})
