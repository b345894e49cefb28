/** What is red on the base is not the author's: whole gates with real git and a real shell. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"

const gateFile = (...checks: ReadonlyArray<string>) => ({
  ".foreman/gate.yaml": `checks:\n${checks.map((check) => `  - {${check}}\n`).join("")}policy: {untested: warn}\n`,
  ".gitignore": "node_modules\n"
})
const passing = "role: test, command: 'true'"
const brief = ({ reason, verdict }: Envelope) => [verdict, reason]
const deadline = Duration.seconds(60)

describe("a check that is red on the base", { timeout: 60_000 }, () => {
  const lint = {
    ...gateFile("role: lint, command: sh lint.sh", passing),
    "lint.sh": "! grep -rn debugger src\n",
    "src/old.js": "debugger\n",
    "src/shop.js": "export const shop = 1\n"
  }

  it.live("passes with its label, and what the change adds to it fails and is named", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(lint)
      world.commit("work", { "src/shop.js": "export const shop = 2\n", "src/old.js": "\n\ndebugger\n" })
      const { envelope: shared } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(shared), ["GATE-PASS", undefined], shared.message)
      assert.include(shared.message, "not held against the change (lint: preexisting)")
      world.commit("work", { "src/shop.js": "debugger\n", "src/old.js": "debugger\n" })
      const { envelope: added } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(added), ["GATE-FAIL", "CheckFailed"])
      assert.include(added.message, "adds to what the base fails with: src/shop.js:1:debugger")
    })
  )

  it.live("by what the candidate left for it to trip over, excuses nothing", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...gateFile("role: codegen, command: sh gen.sh", "role: lint, command: sh lint.sh", passing),
        "gen.sh": "mkdir -p node_modules\n",
        "lint.sh": "[ ! -f node_modules/bad ] || { echo src/a.js is bad; exit 1; }\n",
        "src/a.js": "export const a = 1\n"
      })
      world.commit("work", { "gen.sh": "mkdir -p node_modules; echo >node_modules/bad\n" })
      const { envelope } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "BaseFails"], envelope.message)
    })
  )

  it.live("and says nothing of the code judges nothing, whatever fails after it, and says what to do", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...gateFile("name: install, role: build, command: sh install.sh", "role: test, command: sh test.sh"),
        "install.sh": "echo 'error: connection refused'; exit 1\n",
        "test.sh": "[ ! -f new.js ]\n"
      })
      world.commit("work", { "new.js": "export {}\n" })
      const { envelope } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "BaseFails"])
      assert.include(envelope.message, `install fails on the base ${envelope.base?.slice(0, 12)} too`)
      assert.include(envelope.message, "fix the base, give the check `paths`")
    })
  )

  it.live("does not keep hollow tests beside it from being found", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...lint,
        ...gateFile("role: lint, command: sh lint.sh", "role: test, command: node --test"),
        "package.json": '{"type":"module"}\n'
      })
      const test = `import assert from "node:assert"
import { test } from "node:test"
test("shop", async () => assert.ok((await import("../src/shop.js")).shop))
`
      world.commit("work", { "src/shop.js": "export const shop = 2\n", "test/shop.test.js": test })
      const { envelope } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "TestsHollow"], envelope.message)
    })
  )
})

describe("a tree that the checks leave dirty", { timeout: 60_000 }, () => {
  it.live("on the base as well is a note, and what only the change leaves fails", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...gateFile("role: format, command: sh fmt.sh", passing),
        "fmt.sh": "for file in *.js; do echo // formatted >>$file; done; rm -f done.js.bak\n",
        "old.js": "export {}\n"
      })
      world.commit("work", { "docs.txt": "words\n" })
      const { envelope: shared } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(shared), ["GATE-PASS", undefined], shared.message)
      assert.deepStrictEqual(
        shared.findings?.flatMap(({ file, isNote, rule }) => (rule === "dirty" ? [[file, isNote]] : [])),
        [["old.js", true]]
      )
      world.commit("work", { "new.js": "export {}\n" })
      const { envelope: added } = yield* world.gate({ deadline })
      assert.deepStrictEqual(brief(added), ["GATE-FAIL", "TreeDirty"])
      assert.include(added.message, "new.js")
    })
  )
})
