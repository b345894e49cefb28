import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"

import * as LiveCodingAgent from "../../../layers/acp/LiveCodingAgent.ts"
import * as HostWorkspaceTools from "../../../layers/HostWorkspaceTools.ts"
import * as ScriptedModelServer from "../../../layers/scripted/ScriptedModelServer.ts"
import {
  type AgentEvent,
  CodingAgentError,
  CodingAgentHost,
  type ModelAnswer
} from "../../../src/services/CodingAgent.ts"
import { WorkspaceTools } from "../../../src/services/WorkspaceTools.ts"
import type { Step } from "../../acp/scriptedAgent.ts"

const program = join(import.meta.dirname, "../../acp/scriptedAgent.ts")

/** An agent that plays the steps, in a workspace of its own. */
const started = Effect.fnUntraced(function* (
  steps: ReadonlyArray<ReadonlyArray<Step>>,
  options: { readonly command?: readonly [string, ...Array<string>]; readonly home?: string } = {}
) {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-acp-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const directory = join(root, "workspace")
  mkdirSync(directory)
  writeFileSync(join(root, "script.json"), JSON.stringify(steps))
  writeFileSync(join(directory, "a.txt"), "one\ntwo\nthree\n")
  const model = yield* ScriptedModelServer.start({
    apiKey: "the real key",
    scripts: [{ name: "script", turns: [{ reply: { type: "prose", content: "hello from the model" } }] }]
  })
  const endpoint = { baseURL: model.baseURL, model: "qwen", apiKey: Redacted.make("the real key") }
  const answers: Array<ModelAnswer> = []
  const events: Array<AgentEvent> = []
  const host = yield* CodingAgentHost
  const gateway = yield* host.openGateway({
    endpoint,
    turnTimeout: Duration.seconds(10),
    ask: (_, send) =>
      send(endpoint, undefined).pipe(Effect.tap((answer) => Effect.sync(() => answers.push(answer))))
  })
  const files = yield* WorkspaceTools.pipe(
    Effect.provide(HostWorkspaceTools.layer({ directory, identity: undefined }))
  )
  const agent = yield* host.start({
    gateway,
    directory,
    identity: undefined,
    command: options.command ?? [process.execPath, program],
    env: {
      SCRIPT: join(root, "script.json"),
      OPENAI_BASE_URL: `${gateway.origin}/v1`,
      OPENAI_API_KEY: gateway.key
    },
    home: options.home,
    files: {
      read: (path) => Effect.map(files.readFile(path), (bytes) => new TextDecoder().decode(bytes)),
      write: (path, text) => Effect.asVoid(files.writeFile(path, text))
    },
    permit: ({ toolCall }) => toolCall.kind === "execute",
    onEvent: (event) => Effect.sync(() => events.push(event))
  })
  const said = () =>
    events
      .flatMap((event) =>
        event.type === "Update" && event.update.sessionUpdate === "agent_message_chunk"
          ? [event.update.content.text ?? ""]
          : []
      )
      .join("\n")
  return { agent, answers, directory, events, gateway, model, root, said }
})

const play = Effect.fnUntraced(function* (...steps: ReadonlyArray<Step>) {
  const world = yield* started([steps])
  const { id } = yield* world.agent.openSession(undefined)
  const stopReason = yield* world.agent.prompt(id, "do it")
  return { ...world, stopReason }
})

const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flip(effect).pipe(
    Effect.map((error) => {
      assert.instanceOf(error, CodingAgentError)
      return error
    })
  )

const provided = Effect.provide(LiveCodingAgent.layer)

describe("LiveCodingAgent", () => {
  it.live("speaks with an agent of the official SDK, and serves it files of the workspace", () =>
    Effect.gen(function* () {
      const { agent, directory, events, said, stopReason } = yield* play(
        { read: "a.txt" },
        { write: "new/b.txt", content: "b\n" },
        { say: "done" }
      )
      assert.strictEqual(agent.name, "scripted")
      assert.strictEqual(stopReason, "end_turn")
      assert.strictEqual(said(), "one\ntwo\nthree\n\ndone")
      assert.strictEqual(readFileSync(join(directory, "new/b.txt"), "utf8"), "b\n")
      assert.deepStrictEqual(
        events.filter(({ type }) => type === "File"),
        [
          { type: "File", action: "read", path: "a.txt" },
          { type: "File", action: "write", path: "new/b.txt" }
        ]
      )
    }).pipe(provided)
  )

  it.live("refuses a file outside the workspace, also through a link", () =>
    Effect.gen(function* () {
      const { root, said } = yield* play(
        { run: "ln -s .. out" },
        { write: "../outside.txt", content: "x" },
        { write: "out/outside.txt", content: "x" },
        { read: "/etc/hostname" }
      )
      assert.strictEqual(said().match(/refused/gu)?.length, 3)
      assert.isFalse(existsSync(join(root, "outside.txt")))
    }).pipe(provided)
  )

  it.live("the model is reached by the gateway, which adds the key and counts, and nothing else is", () =>
    Effect.gen(function* () {
      const { answers, gateway, model, said } = yield* play(
        { env: "OPENAI_API_KEY" },
        { env: "GITHUB_TOKEN" },
        { ask: "hello" }
      )
      assert.include(said(), "hello from the model")
      assert.include(said(), `OPENAI_API_KEY=${gateway.key}`)
      assert.include(said(), "GITHUB_TOKEN=undefined")
      assert.deepStrictEqual(
        (yield* model.requests).map((request) => request.model),
        ["qwen"]
      )
      assert.deepStrictEqual(answers[0]?.usage, {
        inputTokens: 10,
        outputTokens: 5,
        cachedTokens: 0,
        reasoningTokens: 0
      })
      if (!gateway.isOnlyNetwork) return
      const { port } = new URL(model.baseURL)
      const direct = yield* play({
        run: `node -e 'fetch("http://127.0.0.1:${port}/v1/models").then(() => console.log("reached"), (e) => console.log(e.cause.code))'`
      })
      assert.include(direct.said(), "ECONNREFUSED")
    }).pipe(provided)
  )

  it.live("the gateway passes on /v1/ alone", () =>
    Effect.gen(function* () {
      const { gateway, said } = yield* play({
        run: `node -e 'const ask = (path) => fetch("'$OPENAI_BASE_URL'" + path).then((r) => console.log(r.status)); ask("/../admin").then(() => ask("/%2e%2e%2fadmin"))'`
      })
      if (gateway.isOnlyNetwork) assert.include(said(), "403\n403\n")
    }).pipe(provided)
  )

  it.live("what is not allowed is answered with a refusal, once", () =>
    Effect.gen(function* () {
      const { events, said } = yield* play({ run: "echo fetched", kind: "fetch" }, { run: "echo ran" })
      assert.strictEqual(said(), "not allowed\nran\nexit 0")
      assert.deepStrictEqual(
        events.flatMap((event) => (event.type === "Permission" ? [event.isGranted] : [])),
        [false, true]
      )
    }).pipe(provided)
  )

  const failures: ReadonlyArray<readonly [string, ReadonlyArray<Step>, string, RegExp]> = [
    ["a line that is no message", [{ raw: "Loading…\n" }], "ProtocolBroken", /not a message.*Loading/u],
    ["a batch", [{ raw: "[]\n" }], "ProtocolBroken", /not a message/u],
    [
      "a line that is too long",
      [{ raw: "x".repeat(9_000_000) }],
      "ProtocolBroken",
      /more than 8388608 bytes/u
    ],
    ["an exit", [{ stderr: "out of cheese" }, { exit: 3 }], "AgentExited", /exit 3: out of cheese/u],
    ["an error", [{ fail: "no model" }], "AgentRefused", /session\/prompt with error -32603: no model/u]
  ]
  for (const [name, steps, tag, message] of failures) {
    it.live(`${name} ends the prompt with its reason`, () =>
      Effect.gen(function* () {
        const error = yield* failureOf(play(...steps))
        assert.strictEqual(error.reason._tag, tag)
        assert.match(error.message, message)
      }).pipe(provided)
    )
  }

  it.live("a program that is not there, or is not an agent, is a fault of the configuration", () =>
    Effect.gen(function* () {
      for (const command of [["no-such-agent"], ["echo", "hello"], ["false"]] as const) {
        const { reason } = yield* failureOf(started([], { command: [...command] }))
        assert.deepStrictEqual([reason._tag, reason.party], ["AgentNotStarted", "configuration"])
      }
    }).pipe(provided)
  )

  it.live("a session goes on in another process where its home was kept", () =>
    Effect.gen(function* () {
      const home = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-home-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      const steps = [[{ say: "first" }], [{ say: "second" }]]
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const { agent } = yield* started(steps, { home })
          const { id } = yield* agent.openSession(undefined)
          yield* agent.prompt(id, "begin")
          return id
        })
      )
      const { agent, said } = yield* started(steps, { home })
      assert.deepStrictEqual(yield* agent.openSession(first), { id: first, isLoaded: true })
      yield* agent.prompt(first, "go on")
      assert.strictEqual(said(), "second")
      const other = yield* agent.openSession("unknown")
      assert.isFalse(other.isLoaded)
    }).pipe(provided)
  )

  it.live("nothing of the agent is left when the scope closes", () =>
    Effect.gen(function* () {
      const pid = yield* Effect.scoped(
        Effect.gen(function* () {
          const { directory } = yield* play({
            run: "sleep 4321 > log 2>&1 & echo $! > pid"
          })
          return readFileSync(join(directory, "pid"), "utf8").trim()
        })
      )
      assert.match(pid, /^\d+$/u)
      const { execFileSync } = process.getBuiltinModule("node:child_process")
      const left = execFileSync("sh", ["-c", "ps -eo args | grep '[s]leep 4321' || true"], {
        encoding: "utf8"
      })
      assert.strictEqual(left, "")
    }).pipe(provided)
  )
})
