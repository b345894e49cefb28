/** RunRecord as one private file for each task, `<workspaceRoot>/.runs/<uid>.json`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"

import { Clock, Effect, Layer, Schema } from "effect"

import { RunRecord, RunRecordEntry, RunRecordError } from "../src/services/RunRecord.ts"
import { writeAtomically } from "./atomicFile.ts"

const EntryFromText = Schema.fromJsonString(RunRecordEntry)

/** A record older than this belongs to a task that came to its end elsewhere. */
const maxAgeMillis = 7 * 24 * 3_600_000

const attempt = <A>(uid: string, action: () => A) =>
  Effect.try({ try: action, catch: (cause) => new RunRecordError({ uid, cause }) })

export const layer = (workspaceRoot: string) =>
  Layer.effect(
    RunRecord,
    Effect.gen(function* () {
      const folder = join(workspaceRoot, ".runs")
      const now = yield* Clock.currentTimeMillis
      // A uid comes from the API server; only its plain form may become a file name.
      const path = (uid: string) => join(folder, `${uid.replace(/[^A-Za-z0-9-]/gu, "_")}.json`)

      yield* attempt("", () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        for (const name of readdirSync(folder)) {
          const file = join(folder, name)
          if (statSync(file).mtimeMs < now - maxAgeMillis) rmSync(file, { force: true, recursive: true })
        }
      })

      const read = Effect.fn("FileRunRecord.read")(function* (uid: string) {
        const text = yield* attempt(uid, () =>
          existsSync(path(uid)) ? readFileSync(path(uid), "utf8") : undefined
        )
        if (text === undefined) return undefined
        return yield* Schema.decodeUnknownEffect(EntryFromText)(text).pipe(
          Effect.mapError((cause) => new RunRecordError({ uid, cause }))
        )
      })

      const update = Effect.fn("FileRunRecord.update")(function* (uid: string, fields: RunRecordEntry) {
        // An unreadable record is worth nothing, and must not keep the next one from being written.
        const before = yield* read(uid).pipe(
          Effect.catch((error) => Effect.as(Effect.logWarning("run record unreadable", error), undefined))
        )
        yield* attempt(uid, () => writeAtomically(path(uid), JSON.stringify({ ...before, ...fields })))
      })

      const remove = Effect.fn("FileRunRecord.remove")((uid: string) =>
        attempt(uid, () => rmSync(path(uid), { force: true }))
      )

      return RunRecord.of({ read, update, remove })
    })
  )
