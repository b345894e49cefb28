import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as FileRunRecord from "../../layers/FileRunRecord.ts"
import type { Result } from "../../schema/Result.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"

const result: Result = {
  schemaVersion: "foreman.v1",
  kind: "stub",
  verdict: "GO",
  summary: "done",
  elapsedSec: 1
}

describe("FileRunRecord", () => {
  it.live(
    "fields add up over processes; a torn, strange or old file is nothing; uids stay in the folder",
    () =>
      Effect.gen(function* () {
        const root = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-runs-"))),
          (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
        )
        const within = <A, E>(use: (records: RunRecord["Service"]) => Effect.Effect<A, E>) =>
          Effect.flatMap(RunRecord, use).pipe(Effect.provide(FileRunRecord.layer(root), { local: true }))
        const finished = { claim: { id: "c", node: "n", claimedAt: "2026-01-01T00:00:00Z" }, result }
        yield* within((records) => records.update("u-1", { branch: "b", commitSHA: "s" }))
        yield* within((records) => records.update("u-1", { finished }))
        assert.deepStrictEqual(yield* within((records) => records.read("u-1")), {
          branch: "b",
          commitSHA: "s",
          finished
        })
        const folder = join(root, ".runs")
        assert.strictEqual(statSync(join(folder, "u-1.json")).mode & 0o777, 0o600)
        writeFileSync(join(folder, "torn.json"), '{"branch": "b')
        yield* within((records) => Effect.flip(records.read("torn")))
        yield* within((records) => records.update("torn", { branch: "c" }))
        assert.deepStrictEqual(yield* within((records) => records.read("torn")), { branch: "c" })
        yield* within((records) => records.update("../../escaped", { branch: "x" }))
        assert.deepStrictEqual(readdirSync(root), [".runs"])
        utimesSync(join(folder, "torn.json"), 1, 1)
        assert.isUndefined(yield* within((records) => records.read("torn")))
        yield* within((records) => Effect.andThen(records.remove("u-1"), records.remove("u-1")))
        assert.isFalse(existsSync(join(folder, "u-1.json")))
      }).pipe(Effect.scoped)
  )
})
