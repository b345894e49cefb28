import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import { attacks, awkward, base } from "./attacks.ts"
import * as GateWorld from "./GateWorld.ts"
import { hasNamespaces, localGate } from "./localGate.ts"

/** Of the two checks of the gate file: others look at the syntax of the script. */
const exitCodesOf = (envelope: Envelope) => envelope.checks.slice(0, 2).map(({ exitCode }) => exitCode)

const suicide = "kills all that it sees"
const { [suicide]: killing, ...others } = attacks
/** One gate for all that go together: each attack is a check, and the last check looks at what they left. */
const batches: ReadonlyArray<{
  readonly what: string
  readonly scripts: Readonly<Record<string, string>>
  readonly code: number
  readonly seen: number
  readonly verdict: string
}> = [
  { what: "in checks that pass", scripts: others, code: 0, seen: 0, verdict: "GATE-PASS" },
  { what: "in checks that fail", scripts: others, code: 1, seen: 1, verdict: "GATE-FAIL" },
  {
    what: "on the shell that waits for it, and so it fails by its own hand",
    scripts: { [suicide]: killing, "stops all that it sees": "kill -STOP -1; sleep 60" },
    code: 0,
    seen: 137,
    verdict: "GATE-FAIL"
  }
]

describe.skipIf(!hasNamespaces)("a candidate in namespaces (skipped where this host has none)", () => {
  it.live.each(batches)(
    "is judged by exit codes, whatever else it tries: $what",
    ({ code, scripts, seen, verdict }) =>
      Effect.gen(function* () {
        const names = Object.keys(scripts)
        const files = (text: (name: string) => string) =>
          Object.fromEntries(names.map((name) => [`attacks/${name}.sh`, text(name)]))
        const world = yield* GateWorld.make({ ...base, ...files(() => "true\n") })
        symlinkSync("/etc", join(world.remote, "out"))
        world.commit("work", { ...awkward, ...files((name) => `${scripts[name]}\n`), code: `${code}\n` })
        const checks = [
          ...names.map((name) => ({
            name,
            command: `sh 'attacks/${name}.sh'; exit $(cat code)`,
            timeoutSeconds: 3
          })),
          { name: "honest", command: ': >../honest; sleep 0.3; test "$(cat a.txt)" = a' }
        ]
        const { envelope, workDir } = yield* localGate(world, { checks, deadline: Duration.seconds(100) })
        assert.deepStrictEqual(
          envelope.checks.slice(0, checks.length).map(({ exitCode, name }) => [name, exitCode]),
          [...names.map((name) => [name, seen]), ["honest", 0]],
          envelope.message
        )
        assert.deepStrictEqual(
          [envelope.verdict, envelope.confinement],
          [verdict, "namespaces"],
          envelope.message
        )
        assert.isFalse(existsSync("/tmp/filtered"))
        assert.strictEqual(readFileSync(join(workDir, "a.txt"), "utf8"), "a\n")
      }),
    120_000
  )

  it.live(
    "sees few processes, not the FIFOs of the first, and neither the judge's folder nor the repository",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({ ...base })
        world.commit("work", {
          "attack.sh": `ls /proc | grep -c '^[0-9]'; true </proc/1/fd/3; ls -A "${world.remote}"; ls -A ../../judge; touch "${world.remote}/x" ../../judge/x\n`
        })
        const { envelope } = yield* localGate(world)
        const [count, ...rest] = (envelope.checks[0]?.logTail ?? "").trim().split("\n")
        assert.isBelow(Number(count), 10)
        assert.deepStrictEqual(
          rest.map((line) => line.replace(/^.*: /u, "")),
          [
            "Permission denied",
            "No such file or directory",
            "No such file or directory",
            "No such file or directory",
            "No such file or directory"
          ]
        )
      })
  )

  it.live("that locks its folder and files has failed all the same", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ ...base })
      const checks = [{ name: "locks", command: "sh attack.sh" }]
      world.commit("work", {
        "attack.sh": `mkdir -p build/locked; chmod 000 build/locked a.txt
for n in $(seq 40); do mkdir -p "../repository.$n/x"; done; chmod 000 .. .; exit 127\n`
      })
      // 127 has the base put into the folder.
      const { envelope } = yield* localGate(world, { checks })
      assert.deepStrictEqual(
        [envelope.verdict, envelope.reason],
        ["GATE-FAIL", "CheckFailed"],
        envelope.message
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
  - { name: victim, role: lint, parallel: true, command: sleep 1; ! grep -q EXCHANGE attack.sh || exit 3 }
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
