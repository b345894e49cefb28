import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as RunEventServer from "../../layers/RunEventServer.ts"
import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { beginning, turnOf } from "../journal/records.ts"

const text = (...records: ReadonlyArray<JournalRecord>) =>
  records.map((record) => `${lineOf(record)}\n`).join("")

const begin = Effect.gen(function* () {
  const workspaceRoot = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-events-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const folder = join(workspaceRoot, ".journals", "u")
  mkdirSync(folder, { recursive: true })
  const file = join(folder, "1.ndjson")
  writeFileSync(file, text(beginning, ...turnOf(1)))
  const bind = { address: "127.0.0.1:0", flag: "--events-bind-address" }
  const port = yield* RunEventServer.make({ bind, workspaceRoot })
  const tokenFile = join(workspaceRoot, ".journals", "token")
  const token = readFileSync(tokenFile, "utf8").trim()
  const get = (
    path: string,
    headers: Readonly<Record<string, string>> = { authorization: `Bearer ${token}` }
  ) => Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`, { headers }))
  return { file, get, tokenFile, token }
})
const bodyOf = (response: Response) => Effect.promise(() => response.text())
const ids = (body: string) =>
  Array.from(body.matchAll(/^id: (\d+)\nevent: (\w+)$/gmu), ([, id, type]) => `${id} ${type}`)

describe("the journals of a node's runs", () => {
  it.live("are listed and streamed, from a record on, until the result was reported", () =>
    Effect.gen(function* () {
      const { file, get, token } = yield* begin
      const listed = yield* bodyOf(yield* get("/v1/runs"))
      assert.match(
        listed,
        /^\{"runs":\[\{"namespace":"default","name":"fix","uid":"u","attempt":1,"writtenAt":"\S+"\}\]\}\n$/u
      )

      const streamed = yield* get("/v1/runs/u/events?from=5")
      assert.strictEqual(streamed.headers.get("content-type"), "text/event-stream")
      const more = lineOf({ type: "hold", at: 1, reason: "x".repeat(100_000) })
      appendFileSync(file, `${more}\n`)
      appendFileSync(file, text({ type: "end", at: 2 }))
      const body = yield* bodyOf(streamed)
      assert.deepStrictEqual(ids(body), ["5 result", "6 checkpoint", "7 hold", "8 end"])
      assert.include(body, `data: {"type":"hold","at":1,"cutChars":${more.length}}\n`)

      const last = { authorization: `Bearer ${token}`, "last-event-id": "6" }
      const again = yield* bodyOf(yield* get("/v1/runs/u/events", last))
      assert.deepStrictEqual(ids(again), ["7 hold", "8 end"])
    })
  )

  it.live("are for nobody without a token, also where its file was cut short", () =>
    Effect.gen(function* () {
      const workspaceRoot = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-events-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      mkdirSync(join(workspaceRoot, ".journals"))
      const tokenFile = join(workspaceRoot, ".journals", "token")
      writeFileSync(tokenFile, "")
      const bind = { address: "127.0.0.1:0", flag: "--events-bind-address" }
      const port = yield* RunEventServer.make({ bind, workspaceRoot })
      const { status } = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/v1/runs`))
      assert.strictEqual(status, 401)
      assert.match(readFileSync(tokenFile, "utf8"), /^[\w-]{43}\n$/u)
    })
  )

  it.live("are for those who have the token, and nothing else of the host is", () =>
    Effect.gen(function* () {
      const { get, token, tokenFile } = yield* begin
      assert.strictEqual(statSync(tokenFile).mode & 0o777, 0o600)
      const statuses = yield* Effect.forEach(
        [
          get("/v1/runs", {}),
          get("/v1/runs", { authorization: "Bearer x" }),
          get("/v1/runs", { authorization: `Bearer ${token}x` }),
          get("/v1/runs/..%2Fu/events"),
          get("/v1/runs/token/events"),
          get("/v1/runs/missing/events"),
          get("/v1/runs/u/events?from=-1"),
          get("/etc/passwd")
        ],
        Effect.map(({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [401, 401, 401, 404, 404, 404, 400, 404])
    })
  )
})
