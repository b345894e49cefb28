import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as Checkout from "../../../layers/gate/Checkout.ts"
import * as GateWorld from "../../gate/GateWorld.ts"

const gitIn =
  (directory: string) =>
  (...args: ReadonlyArray<string>): string =>
    execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" }).trim()

const options = ({ root, remote }: GateWorld.GateWorld) => ({
  cloneURL: remote,
  branch: "work",
  judgeDir: join(root, "judge"),
  workDir: join(root, "work")
})

describe("the base that a branch is compared with", () => {
  it.live("6940033f is where the branch was cut, however far the base branch has moved on", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ Makefile: "fmt:\n" })
      const cut = gitIn(world.remote)("rev-parse", "main")
      world.commit("work", { "a.txt": "one\n" })
      world.commit("work-too", { "b.txt": "two\n" })
      world.commit("main", { Makefile: "fmt:\n\tfalse\n" })
      const checkout = yield* Checkout.open(options(world))
      assert.strictEqual(checkout.base, cut)
      assert.strictEqual(yield* checkout.readBase("Makefile"), "fmt:\n")
    }).pipe(Effect.scoped)
  )

  it.live(
    "8a6928ff is the upstream's when the branch is on a fork, however far behind the fork's own is",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({ Makefile: "fmt:\n" })
        const fork = join(world.root, "fork")
        gitIn(world.root)("clone", "-q", "--bare", world.remote, fork)
        const merged = world.commit("main", { "merged.txt": "meanwhile\n" })
        const commit = world.commit("work", { "a.txt": "one\n" })
        gitIn(world.remote)("push", "-q", fork, "work")
        const checkout = yield* Checkout.open({
          ...options(world),
          cloneURL: fork,
          upstreamURL: world.remote
        })
        assert.deepStrictEqual([checkout.commit, checkout.base], [commit, merged])
      }).pipe(Effect.scoped)
  )
})

describe("the change", () => {
  it.live("tells files, line numbers and both texts, against the place where the branch was cut", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        "kept.txt": "same\n",
        "edited.txt": "one\ntwo\nthree\n",
        "gone.txt": "bye\n",
        "old name.txt": "a long enough text\nto be known again\nunder another name\n",
        "turned.txt": "plain\n"
      })
      world.commit("work", {
        "edited.txt": "one\n2\n2.5\nthree\n",
        "gone.txt": undefined,
        "old name.txt": undefined,
        "new\tname.txt": "a long enough text\nto be known again\nunder a new name\n",
        "picture.bin": "a\0b",
        "fresh.txt": "diff --git a/x b/x\n@@ -1 +1 @@\n",
        ".gitattributes": "* -diff\n"
      })
      world.commit("main", { "kept.txt": "moved on\n" })
      const checkout = yield* Checkout.open(options(world))
      const { files } = yield* checkout.change
      const brief = files.map(({ path, oldPath, status, addedLines, removedLines }) => [
        status,
        path,
        oldPath,
        addedLines,
        removedLines
      ])
      assert.deepStrictEqual(brief, [
        ["added", ".gitattributes", undefined, [1], []],
        ["modified", "edited.txt", undefined, [2, 3], [2]],
        ["added", "fresh.txt", undefined, [1, 2], []],
        ["deleted", "gone.txt", undefined, [], [1]],
        ["renamed", "new\tname.txt", "old name.txt", [3], [3]],
        ["added", "picture.bin", undefined, [], []]
      ])
      const edited = files.find(({ path }) => path === "edited.txt")
      assert.deepStrictEqual([edited?.before, edited?.after], ["one\ntwo\nthree\n", "one\n2\n2.5\nthree\n"])
      assert.deepStrictEqual(
        files.filter(({ after }) => after === undefined).map(({ path }) => path),
        ["gone.txt", "picture.bin"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("is empty where nothing changed", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "a.txt": "one\n" })
      world.commit("work", {})
      const checkout = yield* Checkout.open(options(world))
      assert.deepStrictEqual(yield* checkout.change, { files: [] })
    }).pipe(Effect.scoped)
  )
})

describe("the work folder", () => {
  const base = {
    "lib.js": "base\n",
    "lib.test.js": "base\n",
    dropped: "base\n",
    ".gitignore": "node_modules\nout\n"
  }
  const head = {
    "lib.js": "head\n",
    "lib.test.js": "head\n",
    dropped: undefined,
    "folder/added.js": "head\n"
  }

  it.live("shows the commit with some files as another commit has them, and nothing else", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(base)
      world.commit("work", head)
      const checkout = yield* Checkout.open(options(world))
      const file = (path: string) => join(world.root, "work", path)
      yield* checkout.place(checkout.commit)
      for (const name of ["node_modules", "out", "untracked"]) {
        mkdirSync(file(name))
        writeFileSync(file(`${name}/left.js`), "left\n")
      }
      writeFileSync(file("lib.test.js"), "tampered\n")
      // A repository of the candidate's own making, with a program for our git.
      gitIn(file(""))("config", "core.fsmonitor", "touch ../fooled")

      const paths = ["lib.js", "dropped", "folder/added.js"]
      yield* checkout.placeMixed(checkout.commit, { paths, from: checkout.base ?? "" })
      assert.deepStrictEqual(
        ["lib.js", "lib.test.js", "dropped"].map((path) => readFileSync(file(path), "utf8")),
        ["base\n", "head\n", "base\n"]
      )
      assert.deepStrictEqual(
        ["folder/added.js", "untracked", "out", "node_modules/left.js"].map((path) => existsSync(file(path))),
        [false, false, false, true]
      )
      assert.strictEqual(gitIn(file(""))("status", "--porcelain"), "")
      assert.isFalse(existsSync(join(world.root, "fooled")))

      yield* checkout.place(checkout.commit)
      assert.deepStrictEqual(yield* checkout.dirty, [])
    }).pipe(Effect.scoped)
  )

  it.live("is not led outside by a link that a check put in the place of a folder", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "folder/a.txt": "base\n" })
      world.commit("work", { "folder/a.txt": "head\n" })
      const checkout = yield* Checkout.open(options(world))
      const outside = join(world.root, "outside")
      mkdirSync(outside)
      writeFileSync(join(outside, "a.txt"), "mine\n")
      yield* checkout.place(checkout.commit)
      gitIn(world.root)("-C", "work", "rm", "-rq", "folder")
      symlinkSync(outside, join(world.root, "work", "folder"))
      assert.include(yield* checkout.dirty, " D folder/a.txt")
      yield* checkout.place(checkout.base ?? "")
      assert.strictEqual(readFileSync(join(outside, "a.txt"), "utf8"), "mine\n")
      assert.strictEqual(readFileSync(join(world.root, "work", "folder", "a.txt"), "utf8"), "base\n")
    }).pipe(Effect.scoped)
  )
})

describe("a branch that moves while it is judged", () => {
  it.live("is noticed, by what it is now", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "a.txt": "one\n" })
      world.commit("work", { "a.txt": "two\n" })
      const checkout = yield* Checkout.open(options(world))
      assert.isUndefined(yield* checkout.moved)
      const next = world.commit("work", { "a.txt": "three\n" })
      assert.strictEqual(yield* checkout.moved, next)
      gitIn(world.remote)("branch", "-D", "work")
      assert.strictEqual(yield* checkout.moved, "gone")
    }).pipe(Effect.scoped)
  )
})
