import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import * as GateWorld from "./GateWorld.ts"
import { hasNamespaces, localGate } from "./localGate.ts"

/** What a candidate may try. Each ends with the exit code of the check that carries it. */
const attacks = {
  "kills all that it sees": `kill -9 -1; pkill -9 sh; pkill -9 node; for pid in $(seq 2 60); do kill -9 $pid; done`,
  "prints every marker": `echo 'GATE PASS'; echo 'FOREMAN GO: done'; echo '=== make test ==='
echo 'FOREMAN-RESULT: {"schemaVersion":"foreman.v1","verdict":"GATE-PASS"}'
echo 'FOREMAN-00000000-0000-4000-8000-000000000000: {"verdict":"GATE-PASS"}'; printf '\\033[2J\\033[H\\033[32mGATE PASS\\033[0m\\n'`,
  "replaces programs on its PATH": `for folder in "$HOME/bin" "$HOME/.local/bin" ./node_modules/.bin /usr/local/bin /usr/bin /bin; do
mkdir -p "$folder"; for name in git make sh; do printf '#!/bin/true\\n' >"$folder/$name"; chmod +x "$folder/$name"; done; done
rm -rf node_modules`,
  "writes to every path of the judge": `for folder in "$JUDGE_DIR" "$EXCHANGE_DIR" "$(dirname "$EXCHANGE_DIR")" /proc/1/fd /proc/1/root/tmp "$(dirname "$PWD")"; do
for name in answers orders lane-1.status lane-2.status repository.git/HEAD termination-log 1 4 5; do echo 'ready 1' >"$folder/$name"; done; done
rm -rf "$EXCHANGE_DIR" "$JUDGE_DIR"; mv "$EXCHANGE_DIR" /tmp/moved`,
  "speaks into every FIFO it can open": `for process in /proc/[0-9]*; do for fd in 3 4 5; do
(for code in 0 "x 0" "armed" "swept" "lane 1" "look 1 1" "end 1"; do echo "$code"; done >"$process/fd/$fd") & done; done; sleep 0.1`,
  "leaves daemons that change files later": `trap '' TERM HUP
(setsid sh -c 'until [ -e ../honest ]; do sleep 0.02; done; echo late >a.txt; echo late >new.txt' &)`,
  "closes its output and leaves folders that nobody can empty": `exec >&- 2>&-; mkdir -p build/locked/deep; chmod 000 build/locked`,
  "gives git hooks, filters and a configuration": `mkdir -p .git/hooks; printf '#!/bin/sh\\nexit 0\\n' >.git/hooks/post-checkout
git config filter.x.clean 'touch /tmp/filtered'; git config core.fsmonitor 'touch /tmp/filtered'; echo '* filter=x' >.git/info/attributes
rm -rf .git; ln -s /etc .git`,
  "puts links in the place of files": `ln -s /etc/passwd node_modules; ln -sf "$PWD/.." build`
} as const

const base = {
  "a.txt": "a\n",
  ".gitignore": "node_modules\nbuild\n",
  "attack.sh": "true\n",
  ".foreman/gate.yaml": `policy:
  protected: warn
checks:
  - name: attacked
    command: sh attack.sh; exit $(cat code)
    role: lint
  - name: honest
    command: ': >../honest; sleep 0.3; test "$(cat a.txt)" = a'
    role: lint
`,
  code: "0\n"
}

/** Of the two checks of the gate file: others look at the syntax of the script. */
const exitCodesOf = (envelope: Envelope) => envelope.checks.slice(0, 2).map(({ exitCode }) => exitCode)

/** Who kills the shell that waits for it has failed by its own hand. */
const suicides = ["kills all that it sees"]
const cases = Object.entries(attacks).flatMap(([name, script]) => {
  const isSuicide = suicides.includes(name)
  return [
    { name, script, code: 1, seen: isSuicide ? 137 : 1, verdict: "GATE-FAIL" },
    { name, script, code: 0, seen: isSuicide ? 137 : 0, verdict: isSuicide ? "GATE-FAIL" : "GATE-PASS" }
  ]
})

describe.skipIf(!hasNamespaces)("a candidate in namespaces (skipped where this host has none)", () => {
  it.live.each(cases)(
    "that $name, in a check that exits $code, is judged by the exit code",
    ({ code, script, seen, verdict }) =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make(base)
        world.commit("work", { "attack.sh": `${script}\n`, code: `${code}\n` })
        const { envelope, workDir } = yield* localGate(world, { deadline: Duration.seconds(60) })
        assert.deepStrictEqual(
          [envelope.verdict, exitCodesOf(envelope), envelope.confinement],
          [verdict, [seen, 0], "namespaces"],
          envelope.message
        )
        assert.isFalse(existsSync("/tmp/filtered"))
        assert.strictEqual(readFileSync(join(workDir, "a.txt"), "utf8"), "a\n")
      }),
    60_000
  )

  it.live("sees few processes, and neither the judge's folder nor the repository", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ ...base })
      world.commit("work", {
        "attack.sh": `ls /proc | grep -c '^[0-9]'; ls -A "${world.remote}"; ls -A ../../judge; touch "${world.remote}/x" ../../judge/x\n`
      })
      const { envelope } = yield* localGate(world)
      const [count, ...rest] = (envelope.checks[0]?.logTail ?? "").trim().split("\n")
      assert.isBelow(Number(count), 10)
      assert.deepStrictEqual(
        rest.map((line) => line.replace(/^.*: /u, "")),
        [
          "No such file or directory",
          "No such file or directory",
          "No such file or directory",
          "No such file or directory"
        ]
      )
    })
  )

  it.live("that puts a link in the place of its folder has nobody's files cleaned or written", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ ...base })
      const victim = join(world.root, "victim")
      mkdirSync(victim)
      writeFileSync(join(victim, "thesis.txt"), "years\n")
      // A check that cannot start has the base put into the folder.
      world.commit("work", {
        "attack.sh": `cd ..; mv repository aside; ln -s '${victim}' repository; exit 127\n`
      })
      const checks = [{ name: "link", command: "sh attack.sh" }]
      const { envelope } = yield* localGate(world, { checks })
      assert.deepStrictEqual([envelope.verdict, envelope.reason], ["GATE-FAIL", "CheckFailed"])
      assert.deepStrictEqual(readdirSync(victim), ["thesis.txt"])
    })
  )

  it.live("cannot hand another check's lane a command, when both run at once", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ...base,
        ".foreman/gate.yaml": `policy: { protected: warn }
checks:
  - { name: thief, role: lint, parallel: true, command: sh attack.sh }
  - { name: victim, role: lint, parallel: true, command: sleep 1; exit 3 }
`
      })
      world.commit("work", {
        "attack.sh": `for try in 1 2 3 4 5; do for process in /proc/[0-9]*; do for fd in 3 4 5; do
(printf 'x\\n1\\ntrue\\ngo\\n' >"$process/fd/$fd") 2>/dev/null & done; done; ls "$EXCHANGE_DIR"; sleep 0.1; done; exit 0\n`
      })
      const { envelope } = yield* localGate(world)
      assert.deepStrictEqual([envelope.verdict, exitCodesOf(envelope)], ["GATE-FAIL", [0, 3]])
    })
  )
})

describe("checks that run side by side", () => {
  it.live("are all alive at once, and each keeps its own end of the log", () =>
    Effect.gen(function* () {
      const names = ["one", "two", "three"]
      const everyone = names.map((name) => `[ -e ../${name} ]`).join(" && ")
      const checks = names.map((name) => ({
        name,
        command: `echo ${name}; : >../${name}; until ${everyone}; do sleep 0.05; done`,
        timeoutSeconds: 20,
        parallel: true
      }))
      const world = yield* GateWorld.make({ "a.txt": "a\n" })
      world.commit("work", { "a.txt": "b\n" })
      const { envelope } = yield* localGate(world, { checks, deadline: Duration.seconds(60) })
      assert.deepStrictEqual(
        envelope.checks.map(({ exitCode, logTail, name }) => [name, exitCode, logTail]),
        names.map((name) => [name, 0, `${name}\n`])
      )
    })
  )
})
