import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as DataFolder from "../../../layers/embedded/DataFolder.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-data-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const otherProcess = (path: string) => {
  const source = `
    const { open } = await import(${JSON.stringify(new URL("../../../layers/embedded/DataFolder.ts", import.meta.url).href)})
    const { Effect } = await import("effect")
    Effect.runFork(Effect.scoped(Effect.gen(function* () {
      yield* open(${JSON.stringify(path)})
      console.log("open")
      yield* Effect.never
    })))
    setInterval(() => {}, 1000)`
  return Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
        cwd: process.cwd(),
        stdio: ["ignore", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
}

describe("DataFolder", () => {
  it.effect("is private, has a version, and opens again after it was closed", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "deep", "data")
      yield* Effect.scoped(DataFolder.open(path))
      const folder = yield* DataFolder.open(path)
      assert.strictEqual(statSync(path).mode & 0o777, 0o700)
      assert.strictEqual(readFileSync(folder.file("version"), "utf8"), "1\n")
      assert.strictEqual(readFileSync(folder.file("pid"), "utf8"), `${process.pid}\n`)
    })
  )

  it.live("names the process that has it open, and is free once that one is killed", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      const child = yield* otherProcess(path)
      const refused = yield* Effect.flip(Effect.scoped(DataFolder.open(path)))
      assert.strictEqual(
        refused.message,
        `data folder ${path}: it is in use by process ${child.pid}: end that one first, or choose another folder with --data-dir`
      )
      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      yield* DataFolder.open(path)
      assert.strictEqual(readFileSync(join(path, "pid"), "utf8"), `${process.pid}\n`)
    })
  )

  it.effect("opens once in one process too", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      yield* DataFolder.open(path)
      const refused = yield* Effect.flip(Effect.scoped(DataFolder.open(path)))
      assert.deepStrictEqual(refused.reason, new DataFolder.FolderInUse({ pid: process.pid }))
      assert.strictEqual(readFileSync(join(path, "pid"), "utf8"), `${process.pid}\n`)
    })
  )

  it.effect.each([
    { rule: "a newer foreman's", name: "version", content: "2\n", tag: "FolderTooNew" },
    { rule: "one that another program wrote", name: "thesis.tex", content: "x", tag: "FolderForeign" }
  ])("leaves $rule folder as it is", ({ name, content, tag }) =>
    Effect.gen(function* () {
      const path = yield* temporary
      writeFileSync(join(path, name), content)
      const refused = yield* Effect.flip(Effect.scoped(DataFolder.open(path)))
      assert.strictEqual(refused.reason._tag, tag)
      assert.deepStrictEqual(readdirSync(path), [name])
      assert.strictEqual(readFileSync(join(path, name), "utf8"), content)
    })
  )
})
