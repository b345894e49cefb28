import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"

import * as GithubIssueTracker from "../../layers/GithubIssueTracker.ts"

/** A code host that answers with `answers[path]`, and tells what it was asked. */
const host = (answers: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly baseURL: string; readonly asked: Array<string>; readonly close: () => void }>(
      (resume) => {
        const asked: Array<string> = []
        const server = createServer((request, response) => {
          asked.push(
            `${request.url} ${request.headers.authorization} ${request.headers["x-github-api-version"]}`
          )
          const body = answers[request.url ?? ""]
          response.writeHead(body === undefined ? 404 : 200).end(body ?? "{}")
        })
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo
          const close = () => {
            server.closeAllConnections()
            server.close()
          }
          resume(Effect.succeed({ baseURL: `http://127.0.0.1:${port}/`, asked, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

describe("GithubIssueTracker", () => {
  it.live("reads an issue, cuts its body at whole characters, and names what went wrong", () =>
    Effect.gen(function* () {
      const body = "é".repeat(10_000)
      const answer = { number: 7, title: "Broken", body, state: "open", labels: [{ name: "bug" }, "easy"] }
      const { asked, baseURL } = yield* host({
        "/repos/o/r/issues/7": JSON.stringify(answer),
        "/repos/o/r/issues/8": "<html>"
      })
      const tracker = GithubIssueTracker.make({ token: Redacted.make("t0k"), baseURL })
      assert.deepStrictEqual(yield* tracker.issue("o/r", 7), {
        number: 7,
        title: "Broken",
        body: "é".repeat(8_192),
        state: "open",
        labels: ["bug", "easy"]
      })
      assert.deepStrictEqual(asked, ["/repos/o/r/issues/7 Bearer t0k 2022-11-28"])
      assert.strictEqual((yield* Effect.flip(tracker.issue("o/r", 8))).status, 200)
      assert.strictEqual((yield* Effect.flip(tracker.issue("o/r", 9))).status, 404)
      for (const repo of ["o", "o/r/x", "../r", "o/r?x", "o/.."]) {
        assert.isUndefined((yield* Effect.flip(tracker.issue(repo, 7))).status)
      }
      assert.strictEqual(asked.length, 3)
    }).pipe(Effect.scoped)
  )
})
