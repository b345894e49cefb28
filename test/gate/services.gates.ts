/** What tests need beside them: started anew for each check, ready before it, gone after it; its failure is never the author's. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"

const brief = ({ reason, verdict }: Envelope) => [verdict, reason]

/** Answers after a while with what `data` says, and counts in `data` how often it was asked. */
const server = `
const { createServer } = require("node:http")
const port = Number(process.env.PORT)
let asked = 0
setTimeout(() => createServer((_, reply) => reply.end(process.env.WORD + " " + ++asked)).listen(port, "127.0.0.1"), 400)
`
const client = `
require("node:http").get("http://127.0.0.1:" + process.argv[2], (reply) => {
  let text = ""
  reply.on("data", (data) => (text += data))
  reply.on("end", () => { console.log(text); process.exit(text === "it's up 1" ? 0 : 1) })
}).on("error", () => process.exit(2))
`

/** Ports of this process: files of tests run beside each other. */
const port = 21_000 + (process.pid % 9_000)

const gateFile = (services: string, checks: string) => `services:\n${services}\nchecks:\n${checks}\n`

const make = (services: string, checks: string) =>
  Effect.tap(
    GateWorld.make({
      ".foreman/gate.yaml": gateFile(services, checks),
      "server.cjs": server,
      "client.cjs": client
    }),
    (world) => Effect.sync(() => world.commit("work", { "a.txt": "a\n" }))
  )

describe("a service of the gate file", () => {
  it.live("answers before a check begins, and each check has one of its own", () =>
    Effect.gen(function* () {
      const world = yield* make(
        `  - { name: api, command: "exec node server.cjs", port: ${port}, env: { PORT: ${port}, WORD: "it's up" } }`,
        ["one", "two"]
          .map(
            (name) =>
              `  - { name: ${name}, role: lint, command: "node client.cjs ${port}; code=$?; wait; exit $code", parallel: true }`
          )
          .join("\n")
      )
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-PASS", undefined], envelope.message)
      assert.deepStrictEqual(
        envelope.checks.map(({ exitCode, name }) => [name, exitCode]),
        [
          ["one", 0],
          ["two", 0]
        ]
      )
    })
  )

  it.live.each([
    [
      "ends before it is ready",
      `command: "echo no such role >&2; exit 3", port: ${port + 1}`,
      "ended before it was ready"
    ],
    [
      "says by its own command that it is not ready, and ends",
      'command: "sleep 0.3", ready: "false"',
      "ended before it was ready"
    ]
  ])("that %s judges nothing, and says so", ([, service, message]) =>
    Effect.gen(function* () {
      const world = yield* make(`  - { name: db, ${service} }`, "  - { role: test, command: 'true' }")
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "ServiceFailed"])
      assert.include(envelope.message, `service db ${message}`)
    })
  )

  it.live("does not take another's server for its own", () =>
    Effect.gen(function* () {
      const { createServer } = yield* Effect.promise(() => import("node:net"))
      const other = createServer().listen(port + 2, "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => other.close()))
      const world = yield* make(
        `  - { name: db, command: "sleep 60", port: ${port + 2} }`,
        "  - { role: test, command: 'true' }"
      )
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "ServiceFailed"])
      assert.include(envelope.message, `port ${port + 2} is in use`)
    })
  )
})
