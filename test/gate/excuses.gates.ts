/** An excuse by the base is worth what the base's own run is: a candidate that has it trip over something gets none. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"
import { localGate } from "./localGate.ts"

/** Where a check may leave something that the next one finds: packages, what lies above, a home, temporary files, a cache. */
const places = [
  "'node_modules'",
  "'..'",
  "process.env.HOME",
  "process.env.TMPDIR",
  "process.env.npm_config_cache"
].join(", ")

const imports = `import assert from "node:assert"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
`
const base = {
  "package.json": '{"type":"module"}\n',
  ".gitignore": "node_modules\n",
  ".foreman/gate.yaml": `checks:
  - {name: install, role: build, command: "[ -d node_modules ] || { mkdir node_modules; echo 3 >node_modules/three; }"}
  - {role: test, command: node --test}
policy: {untested: warn}
`,
  "add.js": "export const add = (a, b) => a + b\n",
  "test/add.test.js": `${imports}import { add } from "../add.js"
const found = [${places}].map((place) => join(place, "three")).filter(existsSync)
test("adds", () => found.forEach((path) => assert.equal(add(1, 2), Number(readFileSync(path, "utf8")))))
test("is steady", () => assert.ok(existsSync("node_modules/three")))
`
}

const brief = ({ reason, verdict }: Envelope) => [verdict, reason]

describe("a failure that the base shares", { timeout: 60_000 }, () => {
  it.live("because of what the candidate left for it is no excuse", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(base)
      world.commit("work", {
        "add.js": `import { mkdirSync, writeFileSync } from "node:fs"
for (const place of [${places}]) {
  mkdirSync(place, { recursive: true })
  writeFileSync(place + "/three", "4")
}
export const add = (a, b) => a - b
`
      })
      const { envelope, log } = yield* localGate(world, { deadline: Duration.seconds(60) })
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "BaseFails"], envelope.message)
      assert.include(log, "--- test: inconclusive\n")
    })
  )

  it.live("is one where the base fails by itself, with what its own checks installed", () =>
    Effect.gen(function* () {
      const red = {
        "test/red.test.js": `${imports}test("is red", () => assert.ok(!existsSync("node_modules/three")))\n`
      }
      const world = yield* GateWorld.make({ ...base, ...red })
      world.commit("work", { "docs.md": "words\n" })
      const { envelope, log } = yield* localGate(world, { deadline: Duration.seconds(60) })
      assert.deepStrictEqual(brief(envelope), ["GATE-PASS", undefined], envelope.message)
      assert.include(log, "--- test: the base in a room of its own\n--- test: preexisting\n")
    })
  )
})
