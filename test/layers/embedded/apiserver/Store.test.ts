import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { createInterface } from "node:readline"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { ApiError, type JsonObject } from "../../../../layers/embedded/Apiserver.ts"
import { open, Store } from "../../../../layers/embedded/apiserver/Store.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-store-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const thing = (name: string, more: JsonObject = {}): JsonObject => ({
  metadata: { namespace: "ns", name, uid: `uid-${name}` },
  ...more
})

const names = (store: Store) =>
  store.all("things").map((object) => (object["metadata"] as { readonly name: string }).name)

const put = (store: Store, object: JsonObject, before?: JsonObject) =>
  store.commit({ resource: "things", before, after: object }, 0)

const refusal = (cause: unknown): ApiError => {
  if (cause instanceof ApiError) return cause
  throw cause
}

describe("Store", () => {
  it.effect("gives each write the next revision, and finds everything again after a restart", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      const [a, b] = yield* Effect.scoped(
        Effect.map(open({ path }), (store) => [put(store, thing("a")), put(store, thing("b"))] as const)
      )
      const store = yield* open({ path })
      assert.deepStrictEqual([store.get("things", "ns/a"), store.get("things", "ns/b")], [a, b])
      assert.strictEqual(store.revision, 2)
      const c = put(store, thing("c"))
      assert.deepStrictEqual(c["metadata"], {
        namespace: "ns",
        name: "c",
        uid: "uid-c",
        resourceVersion: "3"
      })
      assert.deepStrictEqual(store.since(1, "things"), [
        { revision: 2, resource: "things", before: undefined, after: b },
        { revision: 3, resource: "things", before: undefined, after: c }
      ])
    })
  )

  it.effect("keeps secrets from other users of the machine", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      put(yield* open({ path }), thing("a"))
      const modes = [path, `${path}-wal`].map((file) => statSync(file).mode & 0o777)
      assert.deepStrictEqual(modes, [0o600, 0o600])
    })
  )

  it.effect("does not open a newer layout, and touches nothing", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      const other = new DatabaseSync(path)
      other.exec("PRAGMA user_version = 9")
      other.close()
      const before = statSync(path)
      const error = yield* Effect.flip(open({ path }))
      assert.deepStrictEqual(
        [error._tag, error.message],
        [
          "StoreError",
          `${path} was written by a newer Foreman (layout 9, this one knows 1): use that version, or another data folder`
        ]
      )
      assert.deepStrictEqual([statSync(path).mtimeMs, statSync(path).size], [before.mtimeMs, before.size])
    })
  )

  it.effect("belongs to one process at a time", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      yield* open({ path })
      const error = yield* Effect.flip(open({ path }))
      assert.strictEqual(error.message, `${path} is in use by another process`)
    })
  )

  it.effect("forgets the oldest events beyond its bound, by number and by age", () =>
    Effect.gen(function* () {
      const store = yield* open({ path: ":memory:", keepEvents: 10 })
      for (let i = 0; i < 30; i++) put(store, thing(`t${i}`))
      store.compact(0)
      assert.deepStrictEqual([store.compacted, store.since(store.compacted, "things").length], [20, 10])
      store.compact(60 * 60 * 1000 + 1)
      assert.deepStrictEqual([store.compacted, store.revision, names(store).length], [30, 30, 30])
    })
  )

  it.effect("says that the disk is full, changes nothing, and goes on when there is room", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      const written = yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open({ path, maxBytes: 256 * 1024 })
          let count = 0
          const error = yield* Effect.try({
            try: () => {
              for (; count < 1000; count++) put(store, thing(`t${count}`, { filler: "x".repeat(4000) }))
            },
            catch: refusal
          }).pipe(Effect.flip)
          assert.strictEqual(error.code, 507)
          assert.include(error.message, `${path}: the disk is full`)
          assert.deepStrictEqual([names(store).length, store.revision], [count, count])
          return count
        })
      )
      const store = yield* open({ path })
      assert.deepStrictEqual([names(store).length, store.revision], [written, written])
      put(store, thing("more"))
      assert.strictEqual(store.revision, written + 1)
    })
  )

  it.effect("refuses an object larger than etcd would take", () =>
    Effect.gen(function* () {
      const store = yield* open({ path: ":memory:" })
      const error = yield* Effect.try({
        try: () => put(store, thing("big", { filler: "x".repeat(1_600_000) })),
        catch: refusal
      }).pipe(Effect.flip)
      assert.deepStrictEqual([error.code, store.revision, names(store)], [413, 0, []])
    })
  )

  it.live("keeps every answered write when the process is killed", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      const source = new URL("../../../../layers/embedded/apiserver/Store.ts", import.meta.url).href
      const program = `
        import { Store } from ${JSON.stringify(source)}
        const store = new Store({ path: ${JSON.stringify(path)} })
        for (let i = 0; ; i++) {
          store.commit({ resource: "things", before: undefined, after: { metadata: { namespace: "ns", name: "t" + i } } }, 0)
          process.stdout.write("t" + i + "\\n")
          if (i % 50 === 0) await new Promise((resume) => setImmediate(resume))
        }`
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const answered: Array<string> = []
      yield* Effect.promise(async () => {
        const closed = once(child, "close")
        for await (const line of createInterface({ input: child.stdout })) {
          answered.push(line)
          if (answered.length === 300) child.kill("SIGKILL")
        }
        await closed
      })
      const store = yield* open({ path })
      const kept = new Set(names(store))
      assert.deepStrictEqual(
        answered.filter((name) => !kept.has(name)),
        []
      )
      assert.strictEqual(store.revision, kept.size)
    })
  )
})
