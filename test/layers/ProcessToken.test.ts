import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as ProcessToken from "../../layers/ProcessToken.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-token-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

describe("the token of a daemon", () => {
  it.effect("is the same for the next daemon of a workspace, and another for one beside it", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const token = yield* ProcessToken.make(folder)
          assert.notStrictEqual(yield* ProcessToken.make(folder), token)
          return token
        })
      )
      assert.strictEqual(yield* Effect.scoped(ProcessToken.make(folder)), first)
    })
  )

  it.effect("is one of its own where the folder cannot be used, and replaces what is no token", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = join(folder, "file")
      writeFileSync(file, "")
      assert.match(yield* ProcessToken.make(file), /^[0-9a-f-]{36}$/u)

      const first = yield* Effect.scoped(ProcessToken.make(folder))
      writeFileSync(join(folder, ".daemon", "token"), "../../etc\n")
      const second = yield* Effect.scoped(ProcessToken.make(folder))
      assert.match(second, /^[0-9a-f-]{36}$/u)
      assert.notStrictEqual(second, first)
    })
  )
})
