import { readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Result } from "effect"

import { pick, toolNames } from "../../src/tools/catalog.ts"
import { workspace } from "./workspace.ts"

describe("read_file", () => {
  it.live("gives lines and says which, and a last line without a newline is one", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ "a.txt": "1\n2\n3\n", "b.txt": "only" })
      assert.deepStrictEqual(yield* call("read_file", { path: "a.txt", offset: 2, limit: 1 }), {
        path: "a.txt",
        content: "2",
        bytes: 6,
        truncated: false,
        start_line: 2,
        end_line: 2,
        total_lines: 3
      })
      assert.include(yield* call("read_file", { path: "a.txt" }), { content: "1\n2\n3\n", truncated: false })
      assert.include(yield* call("read_file", { path: "b.txt" }), { content: "only", total_lines: 1 })
      assert.strictEqual(
        yield* call("read_file", { path: "a.txt", offset: 9 }),
        "a.txt has 3 lines; there is no line 9"
      )
    })
  )

  it.live("stops at 16 KiB on a whole line, and cuts a line that is longer itself", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ many: `${"x".repeat(99)}\n`.repeat(400), long: "é".repeat(20_000) })
      assert.include(yield* call("read_file", { path: "many" }), { truncated: true, end_line: 163 })
      const cut = yield* call("read_file", { path: "long" })
      assert.include(cut, { truncated: true, content: "é".repeat(8192) })
    })
  )

  it.live("refuses what lies outside and what is no text", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace({ bin: new Uint8Array([1, 0, 2]) })
      symlinkSync("/etc", join(directory, "link"))
      for (const path of ["../x", "/etc/passwd", "link/passwd", "missing", "bin"]) {
        assert.isString(yield* call("read_file", { path }), path)
      }
    })
  )
})

describe("write_file and str_replace", () => {
  it.live("make folders, and replace what occurs once", () =>
    Effect.gen(function* () {
      const { call, directory } = yield* workspace()
      assert.deepStrictEqual(yield* call("write_file", { path: "deep/er/a.txt", content: "één\n" }), {
        path: "deep/er/a.txt",
        bytes: 6
      })
      const args = { path: "deep/er/a.txt", old_string: "één", new_string: "two" }
      assert.deepStrictEqual(yield* call("str_replace", args), {
        path: "deep/er/a.txt",
        replacements: 1,
        matched_via: "exact"
      })
      assert.strictEqual(readFileSync(join(directory, "deep/er/a.txt"), "utf8"), "two\n")
    })
  )

  it.live("after two misses the model gets the file and the advice to write it whole", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ "a.txt": "one\n" })
      const miss = { path: "a.txt", old_string: "nine", new_string: "ten" }
      assert.notInclude(yield* call("str_replace", miss), "write_file")
      assert.match(String(yield* call("str_replace", miss)), /Use write_file instead.*\none\n/su)
    })
  )
})

describe("grep", () => {
  it.live("lets others have a turn after each line that takes long", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ "a.txt": "x\n".repeat(30) })
      // The engine is loaded by the first search, and others have a turn meanwhile.
      yield* call("grep", { pattern: "[xy]" })
      let now = 0
      const clock = yield* Clock.Clock
      const slow = Object.assign(Object.create(clock), { currentTimeMillisUnsafe: () => (now += 60) })
      let turns = 0
      const other = Effect.forever(
        Effect.andThen(
          Effect.sync(() => void turns++),
          Effect.yieldNow
        )
      )
      const fiber = yield* Effect.forkChild(other)
      const before = turns
      yield* call("grep", { pattern: "[xy]" }).pipe(Effect.provideService(Clock.Clock, slow))
      // Each turn of the other one takes two of the scheduler's.
      assert.isAtLeast(turns - before, 10)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.live("finds lines, leaves .git and binaries out, and stops at its most", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({
        "a.ts": "const one = 1\nconst two = 2\n",
        ".git/config": "const three",
        bin: new Uint8Array([99, 111, 110, 115, 116, 0])
      })
      assert.deepStrictEqual(yield* call("grep", { pattern: "const \\w+ = \\d" }), {
        matches: [
          { path: "a.ts", line: 1, text: "const one = 1" },
          { path: "a.ts", line: 2, text: "const two = 2" }
        ],
        truncated: false,
        skipped: { binary: ["bin"] }
      })
      assert.deepInclude(yield* call("grep", { pattern: "const", max: 1, path: "a.ts" }), {
        truncated: true,
        more_matches: { "a.ts": 1 }
      })
      assert.match(String(yield* call("grep", { pattern: "(" })), /^pattern: .*missing closing \)/u)
    })
  )

  it.live("shows 512 characters of a minified line", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace({ "min.js": `find${"x".repeat(100_000)}` })
      const found = yield* call("grep", { pattern: "find" })
      assert.deepStrictEqual(found, {
        matches: [{ path: "min.js", line: 1, text: `find${"x".repeat(508)}` }],
        truncated: false
      })
    })
  )
})

describe("bash", () => {
  it.live("a command that fails is a result; one that takes too long has exit code -1", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace()
      assert.deepStrictEqual(yield* call("bash", { command: "echo out; echo err >&2; exit 3" }), {
        command: "echo out; echo err >&2; exit 3",
        exit_code: 3,
        stdout: "out\n",
        stderr: "err\n",
        timed_out: false
      })
      assert.include(yield* call("bash", { command: "sleep 20" }), { exit_code: -1, timed_out: true })
      assert.include(yield* call("bash", { command: "yes | head -c 20000" }), { truncated: true })
    })
  )
})

describe("fetch_issue and submit_result", () => {
  it.live("an issue is read, and a tracker's refusal is the tool's", () =>
    Effect.gen(function* () {
      const { call } = yield* workspace()
      assert.deepStrictEqual(yield* call("fetch_issue", { repo: "acme/demo", number: 7 }), {
        number: 7,
        title: "T",
        body: "B",
        state: "open",
        labels: ["bug"]
      })
      assert.strictEqual(yield* call("fetch_issue", { repo: "acme/no", number: 7 }), "GitHub answered 404")
    })
  )

  it.live("a submission ends the run; a wrong verdict or an empty summary does not", () =>
    Effect.gen(function* () {
      const { call, outcome } = yield* workspace()
      const { terminal } = yield* outcome("submit_result", {
        verdict: "GO",
        summary: "x".repeat(400),
        extra: { risk: "low" }
      })
      assert.strictEqual(terminal?.summary.length, 280)
      assert.deepStrictEqual([terminal?.verdict, terminal?.extra], ["GO", { risk: "low" }])
      assert.match(String(yield* call("submit_result", { verdict: "MAYBE", summary: "s" })), /GO/u)
      assert.isString(yield* call("submit_result", { verdict: "GO" }))
      const deep: unknown = JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`)
      for (const extra of [{ deep }, { long: "x".repeat(100_000) }]) {
        const said = yield* call("submit_result", { verdict: "NO-GO", summary: "s", extra })
        assert.match(String(said), /extra is (?:nested deeper|longer) than/u)
      }
      assert.strictEqual(
        yield* call("submit_result", { verdict: "GO", summary: " " }),
        "summary must say something"
      )
    })
  )
})

const refusal = (name: string) =>
  Result.match(pick([name]), { onSuccess: () => "", onFailure: (message) => message })

describe("the catalog", () => {
  it("offers schemas that endpoints take: an object, its properties, what is required", () => {
    const [bash] = Result.getOrThrow(pick(["bash"]))
    assert.deepInclude(bash?.parameters, { type: "object", required: ["command"] })
    assert.isTrue(toolNames.has("run_gate_job"))
  })

  it("refuses a name that is none, and one that no model may call", () => {
    assert.match(refusal("fly"), /^there is no tool fly/u)
    assert.strictEqual(refusal("run_gate_job"), "the tool run_gate_job cannot be called by a model")
  })
})
