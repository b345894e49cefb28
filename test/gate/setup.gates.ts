/** Set-up installs what the checks need: it runs first, again where the base needs other dependencies, and is never the author's fault. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"

const brief = ({ reason, verdict }: Envelope) => [verdict, reason]
const gateFile = (text: string) => ({ ".foreman/gate.yaml": text, ".gitignore": "deps\n" })

describe("set-up", () => {
  it.live("that fails judges nothing, and says what failed", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(
        gateFile(
          "setup:\n  - { run: 'echo error away >&2; echo update me; exit 7', network: false }\nchecks:\n  - { role: test, command: 'exit 1' }\n"
        )
      )
      world.commit("work", { "a.txt": "a\n" })
      const { envelope, log } = yield* world.gate()
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "SetupFailed"])
      assert.include(envelope.message, "setup exited 7")
      assert.include(envelope.message, "error away")
      assert.strictEqual(log.split("=== setup ===").length - 1, 2)
      assert.include(log, "--- setup: network: false is not enforced yet\n")
    })
  )

  it.live("runs before checks that stand before it, and again for a base with other dependencies", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...gateFile(
          `checks:
  - { role: lint, command: '[ "$(cat deps)" = "$(cat requirements.txt)" ]' }
  - { role: test, command: sh test.sh }
  - { role: setup, command: cp requirements.txt deps }
`
        ),
        "requirements.txt": "one\n",
        "test.sh": '[ "$(cat deps)" = "$(cat requirements.txt)" ] && [ "$(cat value)" = one ]\n',
        value: "one\n"
      })
      world.commit("work", { "requirements.txt": "two\n", value: "two\n" })
      const { envelope } = yield* world.gate()
      // The test is red on the commit and green on the base, which only holds where the base had its own set-up.
      assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "CheckFailed"], envelope.message)
      assert.deepStrictEqual(
        envelope.checks.map(({ name, role, exitCode }) => [name, role, exitCode]),
        [
          ["setup", "setup", 0],
          ["lint", "lint", 0],
          ["test", "test", 1]
        ]
      )
    })
  )
})

describe("what a check finds around it", () => {
  it.live("is the file's variables, CI, the home that set-up made, and nothing of the check before it", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make(
        gateFile(
          `env: { GREETING: "it's $HOME", LEVEL: 3 }
setup:
  - { run: 'echo tool >"$HOME/tool"' }
checks:
  - { name: one, role: lint, command: 'touch "$HOME/left" "$TMPDIR/left" && [ "$CI" = true ]' }
  - { name: two, role: lint, command: '[ ! -e "$HOME/left" ] && [ ! -e "$TMPDIR/left" ] && [ "$(cat "$HOME/tool")" = tool ]' }
  - { name: three, role: lint, command: '[ "$LEVEL" = 3 ] && [ "$GREETING" = "it''s \\$HOME" ]' }
`
        )
      )
      world.commit("work", { "a.txt": "a\n" })
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(
        envelope.checks.map(({ name, exitCode }) => [name, exitCode]),
        [
          ["setup", 0],
          ["one", 0],
          ["two", 0],
          ["three", 0]
        ],
        envelope.message
      )
    })
  )
})
