import { execFileSync } from "node:child_process"
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { workspace } from "./workspace.ts"

const latin = (text: string) => Buffer.from(text, "latin1")
const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

describe("an edit keeps what a file is", () => {
  const cases: ReadonlyArray<readonly [string, Buffer, string, string, Buffer]> = [
    [
      "Latin-1",
      latin("/* Gr\xfc\xdfe */\nint x = 1;\n"),
      "int x = 1;",
      "int ä = 2;",
      latin("/* Gr\xfc\xdfe */\nint \xe4 = 2;\n")
    ],
    ["CRLF", Buffer.from("one\r\ntwo\r\nthree"), "one\ntwo", "1\n2\n3", Buffer.from("1\r\n2\r\n3\r\nthree")],
    [
      "a byte order mark",
      Buffer.from("\ufeffclass A\n"),
      "class A",
      "class B",
      Buffer.from("\ufeffclass B\n")
    ],
    [
      "UTF-16",
      Buffer.from("\ufeffhello\r\n", "utf16le"),
      "hello",
      "hej",
      Buffer.from("\ufeffhej\r\n", "utf16le")
    ],
    ["no final newline", Buffer.from("a\nb"), "b", "c", Buffer.from("a\nc")]
  ]
  it.live.each(cases)("with %s", ([, before, old_string, new_string, after]) =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ "f.txt": before })
      const said = yield* call("str_replace", { path: "f.txt", old_string, new_string })
      assert.isObject(said)
      assert.deepStrictEqual(readFileSync(join(directory, "f.txt")), after)
    })
  )

  it.live("and write_file keeps encoding and line ends, too", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({
        "latin.c": latin("gr\xfcn\r\n"),
        "mark.cs": "\ufeffa\n",
        "plain.txt": "a\n"
      })
      assert.deepStrictEqual(yield* call("write_file", { path: "latin.c", content: "blau: ü\nrot\n" }), {
        path: "latin.c",
        bytes: 14,
        encoding: "Latin-1",
        line_ends: "CRLF"
      })
      assert.deepStrictEqual(readFileSync(join(directory, "latin.c")), latin("blau: \xfc\r\nrot\r\n"))
      yield* call("write_file", { path: "mark.cs", content: "b\n" })
      assert.deepStrictEqual(readFileSync(join(directory, "mark.cs")), Buffer.from("\ufeffb\n"))
      yield* call("write_file", { path: "plain.txt", content: "b\r\nc\r\n" })
      assert.strictEqual(readFileSync(join(directory, "plain.txt"), "utf8"), "b\nc\n")
    })
  )

  it.live("the mode, and a link inside the workspace", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ "run.sh": "#!/bin/sh\necho hi\n" })
      chmodSync(join(directory, "run.sh"), 0o755)
      symlinkSync("run.sh", join(directory, "link"))
      assert.isObject(yield* call("str_replace", { path: "link", old_string: "hi", new_string: "ho" }))
      assert.isObject(yield* call("write_file", { path: "link", content: "#!/bin/sh\n" }))
      assert.strictEqual(readFileSync(join(directory, "run.sh"), "utf8"), "#!/bin/sh\n")
      assert.strictEqual(statSync(join(directory, "run.sh")).mode & 0o777, 0o755)
      assert.isTrue(lstatSync(join(directory, "link")).isSymbolicLink())
    })
  )

  it.live("a file of 5 MB, of many lines or of one", () =>
    Effect.gen(function* () {
      const many = "a line of some length, é\n".repeat(200_000)
      const one = `{"k":"${"x".repeat(5_000_000)}","end":1}`
      const { call, directory } = yield* workspace({ many: `${many}last\n`, one })
      assert.isObject(yield* call("str_replace", { path: "many", old_string: "last\n", new_string: "end\n" }))
      assert.isTrue(readFileSync(join(directory, "many")).equals(Buffer.from(`${many}end\n`)))
      assert.isObject(
        yield* call("str_replace", { path: "one", old_string: '"end":1', new_string: '"end":2' })
      )
      assert.isTrue(readFileSync(join(directory, "one"), "utf8").endsWith('"end":2}'))
      const missed = { path: "one", old_string: "nowhere", new_string: "" }
      yield* call("str_replace", missed)
      assert.isBelow(String(yield* call("str_replace", missed)).length, 20_000)
    })
  )
})

describe("an edit is refused, and no byte is changed", () => {
  const cases: ReadonlyArray<readonly [string, Buffer, string, RegExp]> = [
    ["a character that the encoding lacks", latin("gr\xfcn\n"), "中", /was not changed: it is in Latin-1/u],
    ["a binary file", Buffer.from([0x89, 0x50, 0, 1]), "x", /not a text file: it is a binary file/u],
    ["half a character", Buffer.from("gr\n"), "\ud800", /was not changed: .*surrogate/u],
    ["a pointer of Git LFS", Buffer.from(pointer), "x", /Git LFS/u],
    ["an encoding that nobody knows", latin("// \xf0\xd2\xc9\xd7\xc5\xd4\ngr\n"), "ä", /only ASCII/u]
  ]
  it.live.each(cases)("for %s", ([, before, text, message]) =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ f: before })
      assert.match(String(yield* call("write_file", { path: "f", content: text })), message)
      const edit = { path: "f", old_string: "gr", new_string: text }
      assert.isString(yield* call("str_replace", edit))
      assert.isString(
        yield* call("str_replace", { path: "f", edits: [{ old_string: "gr", new_string: text }] })
      )
      assert.deepStrictEqual(readFileSync(join(directory, "f")), before)
    })
  )

  it.live("for what is git's own or another repository's, and for links that lead out", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({
        ".git/config": "[core]\n",
        ".gitmodules": '[submodule "lib"]\n\tpath = vendor/lib\n\turl = x\n',
        "nested/.git/HEAD": "ref\n",
        "nested/a.txt": "a\n",
        "a.txt": "a\n"
      })
      mkdirSync(join(directory, "vendor", "lib"), { recursive: true })
      symlinkSync("/etc", join(directory, "etc"))
      symlinkSync("nowhere", join(directory, "dangling"))
      for (const path of [
        ".git/config",
        ".GIT/x",
        "vendor/lib/x",
        "nested/a.txt",
        "etc/x",
        "dangling",
        "../x"
      ]) {
        assert.isString(yield* call("write_file", { path, content: "x" }), path)
        assert.isString(
          yield* call("move", { from: "a.txt", to: path === "dangling" ? "etc/x" : path }),
          path
        )
        if (path !== "dangling") assert.isString(yield* call("delete", { path }), path)
      }
      assert.match(
        String(yield* call("write_file", { path: "vendor/lib/x", content: "x" })),
        /submodule vendor\/lib/u
      )
      assert.isString(yield* call("move", { from: "vendor", to: "other" }))
      assert.strictEqual(readFileSync(join(directory, "a.txt"), "utf8"), "a\n")
    })
  )
})

describe("several edits in one call", () => {
  it.live("are made in order, or none of them", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ "a.txt": "one\ntwo\n" })
      const first = { old_string: "one", new_string: "1" }
      assert.deepStrictEqual(
        yield* call("str_replace", {
          path: "a.txt",
          edits: [first, { old_string: "1\ntwo", new_string: "3" }]
        }),
        {
          path: "a.txt",
          edits: [
            { replacements: 1, matched_via: "exact" },
            { replacements: 1, matched_via: "exact" }
          ]
        }
      )
      assert.strictEqual(readFileSync(join(directory, "a.txt"), "utf8"), "3\n")
      const missed = { path: "a.txt", edits: [{ old_string: "3", new_string: "4" }, first] }
      assert.match(String(yield* call("str_replace", missed)), /^edits\[1\]: .*no edit was made/u)
      assert.strictEqual(readFileSync(join(directory, "a.txt"), "utf8"), "3\n")
    })
  )

  it.live("and both forms at once, or neither, are refused", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ "a.txt": "one\n" })
      const edit = { old_string: "one", new_string: "two" }
      assert.match(String(yield* call("str_replace", { path: "a.txt", ...edit, edits: [edit] })), /either/u)
      assert.match(String(yield* call("str_replace", { path: "a.txt" })), /needed/u)
    })
  )
})

describe("move and delete", () => {
  it.live("keep mode and links, and replace nothing", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ "a.sh": "a", "b.txt": "b", "full/c": "c" })
      chmodSync(join(directory, "a.sh"), 0o755)
      symlinkSync("b.txt", join(directory, "link"))
      assert.isObject(yield* call("move", { from: "a.sh", to: "new/deep/a.sh" }))
      assert.strictEqual(statSync(join(directory, "new/deep/a.sh")).mode & 0o777, 0o755)
      assert.match(String(yield* call("move", { from: "b.txt", to: "new/deep/a.sh" })), /there already/u)
      assert.isString(yield* call("move", { from: "new", to: "new/inside" }))
      assert.isObject(yield* call("move", { from: "link", to: "link2" }))
      assert.strictEqual(readlinkSync(join(directory, "link2")), "b.txt")
      assert.isObject(yield* call("delete", { path: "link2" }))
      assert.strictEqual(readFileSync(join(directory, "b.txt"), "utf8"), "b")
      assert.strictEqual(yield* call("delete", { path: "full" }), "full: the folder is not empty")
      assert.strictEqual(yield* call("delete", { path: "none" }), "none: there is no such file")
      assert.isString(yield* call("delete", { path: "." }))
    })
  )
})

describe("a listing and a search", () => {
  it.live("leave out what ignore files name, and say so", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({
        ".gitignore": "*.log\n!keep.log\n/build/\nnode_modules\ndocs/**/tmp\n",
        "sub/.gitignore": "local\n",
        "sub/.ignore": "big.txt\n",
        "a.ts": "needle\n",
        "x.log": "needle\n",
        "keep.log": "needle\n",
        "build/out.js": "needle\n",
        "sub/build/in.js": "needle\n",
        "sub/local": "needle\n",
        "sub/big.txt": "needle\n",
        "docs/a/b/tmp": "needle\n",
        "node_modules/p/i.js": "needle\n"
      })
      symlinkSync("a.ts", join(directory, "link"))
      const found = yield* call("grep", { pattern: "needle" })
      assert.deepInclude(found, {
        matches: ["a.ts", "keep.log", "sub/build/in.js"].map((path) => ({ path, line: 1, text: "needle" })),
        truncated: false
      })
      const left = ["build/", "docs/a/b/tmp", "node_modules/", "sub/big.txt", "sub/local", "x.log"]
      const ignored = typeof found === "object" && Array.isArray(found["ignored"]) ? found["ignored"] : []
      assert.deepStrictEqual([...ignored].sort(), left)
      const all = yield* call("list_files", {})
      assert.deepInclude(all, { links: ["link -> a.ts"], truncated: false })
      assert.deepInclude(yield* call("grep", { pattern: "needle", ignored: true, path: "build" }), {
        matches: [{ path: "build/out.js", line: 1, text: "needle" }]
      })
      assert.deepInclude(yield* call("list_files", { path: "node_modules" }), {
        files: ["node_modules/p/i.js"]
      })
    })
  )

  it.live("do not leave out what is tracked, whatever version the index has", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({
        ".gitignore": "*.log\ndist\n",
        "a.log": "x\n",
        "b.log": "x\n",
        "dist/deep/c.js": "x\n",
        "dist/d.js": "x\n"
      })
      const git = (...args: ReadonlyArray<string>) => execFileSync("git", ["-C", directory, ...args])
      git("init", "-q")
      for (const version of ["2", "4"]) {
        git("update-index", "--index-version", version)
        git("add", "-f", "a.log", "dist/deep/c.js")
        assert.deepInclude(yield* call("grep", { pattern: "x" }), {
          matches: ["a.log", "dist/deep/c.js"].map((path) => ({ path, line: 1, text: "x" }))
        })
      }
    })
  )

  it.live("search every encoding, and lines of any length to their end", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({
        "latin.c": latin("Gr\xfc\xdfe\n"),
        "wide.txt": Buffer.from("\ufeffGrüße\r\n", "utf16le"),
        "long.json": `{"k":"${"x".repeat(150_000)}","Grüße":1}`
      })
      const found = yield* call("grep", { pattern: 'Grü.e(":1\\})?$', maxLineChars: 100 })
      const matches = typeof found === "object" && Array.isArray(found["matches"]) ? found["matches"] : []
      assert.deepStrictEqual(
        matches.map((match) => JSON.stringify(match).includes("Grüße")),
        [true, true, true]
      )
    })
  )

  it.live("give each file its share, and count what is not shown", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ "a.txt": "x\n".repeat(500), "b.txt": "x\nx\n", "c.txt": "x\n" })
      const found = yield* call("grep", { pattern: "x", max: 8 })
      const matches = typeof found === "object" && Array.isArray(found["matches"]) ? found["matches"] : []
      const paths = matches.map((match) => JSON.stringify(match).slice(9, 14))
      assert.deepStrictEqual(paths, [...Array(5).fill("a.txt"), "b.txt", "b.txt", "c.txt"])
      assert.deepInclude(found, { truncated: true, more_matches: { "a.txt": 495 } })
    })
  )

  it.live("say which files they could not search", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ "a.txt": "x\n", "b.png": Buffer.from([0, 1]) })
      writeFileSync(join(directory, "huge.txt"), "x\n".repeat(9_000_000))
      const found = yield* call("grep", { pattern: "x" })
      assert.deepInclude(found, {
        truncated: true,
        skipped: { binary: ["b.png"], "not readable": ["huge.txt has 18000000 bytes, more than 16777216"] }
      })
    })
  )
})
