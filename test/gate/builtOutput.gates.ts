/** What set-up and build checks made is there for every later run of the tests, as the commit that is placed needs it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"

const brief = ({ reason, verdict }: Envelope) => [verdict, reason]

const base = {
  ".gitignore": "node_modules/\ndist\nversion.txt\n",
  "double.sh": 'double() { echo "$1"; }\n',
  "double_test.sh": '. ./dist/double.sh\n[ "$(double 0)" = 0 ] || exit 1\n'
}
const fixed = { "double.sh": 'double() { echo "$(($1 * 2))"; }\n' }
const biting = { "double_test.sh": `${base["double_test.sh"]}[ "$(double 2)" = 4 ] || exit 1\n` }
const hollow = { "double_test.sh": `${base["double_test.sh"]}[ "$(double "$(double 0)")" = 0 ] || exit 1\n` }
const build = { name: "build", role: "build" as const, command: "mkdir -p dist && cp double.sh dist/" }
const test = { name: "test", role: "test" as const, command: "sh double_test.sh" }

describe("built output", () => {
  it.live("is built again for each commit that the tests are shown, so that a hollow test is found", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(base)
      world.commit("work", { ...fixed, ...biting })
      const bites = yield* world.gate({ checks: [build, test] })
      world.commit("work", { ...fixed, ...hollow })
      const passes = yield* world.gate({ checks: [build, test] })
      assert.deepStrictEqual(
        [brief(bites.envelope), brief(passes.envelope)],
        [
          ["GATE-PASS", undefined],
          ["GATE-FAIL", "TestsHollow"]
        ],
        passes.envelope.message
      )
    })
  )

  it.live("of set-up and in installed dependencies stays, whatever .gitignore says of its names", () =>
    Effect.gen(function* () {
      const needs = "[ -f node_modules/dep/dist/index.js ] && [ -f version.txt ] || exit 9\n"
      const world = yield* GateWorld.make({ ...base, "double_test.sh": needs + base["double_test.sh"] })
      world.commit("work", { ...fixed, "double_test.sh": needs + hollow["double_test.sh"] })
      const setup = {
        name: "setup",
        role: "setup" as const,
        command: "mkdir -p node_modules/dep/dist && touch node_modules/dep/dist/index.js version.txt"
      }
      const { envelope } = yield* world.gate({ checks: [setup, build, test] })
      assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "TestsHollow"], envelope.message)
    })
  )
})
