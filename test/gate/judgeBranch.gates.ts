import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import { defaultPolicy } from "../../src/gate/finding.ts"
import * as GateWorld from "./GateWorld.ts"

const makefile = `fmt:
\t@echo formatting
test:
\t@test ! -f broken && echo ok widget
lint vet:
\t@true
`

/** What does not change from run to run. */
const steady = (
  envelope: Envelope
): Omit<Envelope, "checks"> & { readonly checks: ReadonlyArray<unknown> } => ({
  ...envelope,
  profile: envelope.profile?.replace(/^[0-9a-f]{64}$/u, "a hash") ?? "",
  checks: envelope.checks.map(({ name, command, exitCode }) => ({ name, command, exitCode }))
})

const passed = (name: string) => ({ name, command: `make ${name}`, exitCode: 0 })
const check = (command: string, name = "custom") => ({ name, command })
/** Of a command that does its worst at the commit alone: what the base fails with as well is nobody's. */
const mark = { mark: "" }
const atCommit = (command: string) => `[ -f mark ] || exit 0; ${command}`

const unlooked = "no check looked at the changed file: give one that does, with paths that name it"

describe("judgeBranch, with a real git and a real shell", () => {
  it.live("passes a branch on which the base's make targets pass, and says what it judged", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ Makefile: makefile })
      const base = world.commit("main-copy", {})
      const commit = world.commit("work", { "a.txt": "a\n" })
      const { envelope, log } = yield* world.gate()

      assert.match(envelope.tree ?? "", /^[0-9a-f]{40}$/u)
      assert.notStrictEqual(envelope.base, base)
      assert.deepStrictEqual<unknown>(steady(envelope), {
        verdict: "GATE-PASS",
        message: "4 check(s) passed; 0 of 1 changed file(s) examined; 1 warning(s): unexamined",
        profile: "a hash",
        policy: defaultPolicy,
        source: "make",
        coverage: { files: 1, examined: 0, uncovered: ["a.txt"] },
        findings: [{ rule: "unexamined", file: "a.txt", message: unlooked, weight: "warn" }],
        commit,
        tree: envelope.tree,
        base: envelope.base,
        checks: [passed("fmt"), passed("vet"), passed("lint"), passed("test")],
        confinement: "process"
      })
      assert.deepStrictEqual(log.split("\n"), [
        "=== clone acme/widget @ work ===",
        commit,
        "=== make fmt ===",
        "formatting",
        "=== make vet ===",
        "=== make lint ===",
        "=== make test ===",
        "ok widget",
        "--- findings:",
        `warn unexamined: a.txt: ${unlooked}`,
        "--- 0 of 1 changed files were examined; not: a.txt",
        "GATE PASS",
        ""
      ])
    })
  )

  it.live("fails for a check that says no, and still runs those after it", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ Makefile: makefile })
      world.commit("work", mark)
      const one = atCommit("echo one; exit 3")
      const { envelope, log } = yield* world.gate({
        checks: [check(one, "one"), check("printf two", "two")]
      })
      assert.deepStrictEqual(
        [envelope.verdict, envelope.reason, envelope.message, steady(envelope).checks],
        [
          "GATE-FAIL",
          "CheckFailed",
          "one exited 3",
          [
            { name: "one", command: one, exitCode: 3 },
            { name: "two", command: "printf two", exitCode: 0 }
          ]
        ]
      )
      assert.deepStrictEqual(log.split("\n").slice(2), [
        "=== one ===",
        "one",
        "--- one: exit 3",
        "=== two ===",
        "two",
        `=== the same on the base ${envelope.base} ===`,
        "=== one ===",
        "--- one: not on the base",
        "--- findings:",
        "warn unexamined: mark: no check looked at the changed file: give one that does, with paths that name it",
        "--- 0 of 1 changed files were examined; not: mark",
        "GATE FAIL",
        ""
      ])
    })
  )

  it.live("fails for a changed file even when its size and time are put back, and for an untracked one", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "a.txt": "aaaa\n", ".gitignore": "ignored\n" })
      world.commit("work", mark)
      const { envelope, log } = yield* world.gate({
        checks: [
          check(
            atCommit(
              "touch -r a.txt ../stamp; echo bbbb > a.txt; touch -r ../stamp a.txt; : > ignored; : > new.txt"
            )
          )
        ]
      })
      assert.deepStrictEqual(
        [envelope.verdict, envelope.reason, envelope.dirty],
        ["GATE-FAIL", "TreeDirty", [" M a.txt", "?? new.txt"]]
      )
      assert.deepStrictEqual(log.split("\n").slice(3), [
        "GATE FAIL: tree dirty after checks (unformatted or stale codegen)",
        " a.txt | 2 +-",
        " 1 file changed, 1 insertion(+), 1 deletion(-)",
        " M a.txt",
        "?? new.txt",
        `=== the tree on the base ${envelope.base} ===`,
        "--- findings:",
        "fail dirty: a.txt: differs from the commit after the checks",
        "fail dirty: new.txt: a check left it, and git does not ignore it",
        "warn unexamined: mark: no check looked at the changed file: give one that does, with paths that name it",
        "--- 0 of 1 changed files were examined; not: mark",
        "GATE FAIL",
        ""
      ])
    })
  )

  it.live("judges nothing when the remote or the branch is missing", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      const noBranch = yield* world.gate({ branch: "absent" })
      const noRemote = yield* world.gate({ cloneURL: join(world.root, "absent") })
      assert.deepStrictEqual(noBranch.envelope, {
        verdict: "GATE-ERROR",
        reason: "BranchNotFound",
        message: "clone: the remote has no branch absent",
        checks: [],
        confinement: "process"
      })
      assert.deepStrictEqual(
        [noRemote.envelope.verdict, noRemote.envelope.reason, noRemote.log.trimEnd().split("\n").at(-1)],
        ["GATE-ERROR", "CloneFailed", "GATE ERROR"]
      )
    })
  )

  it.live.each(["$(touch>x)", "quo\"te'and;touch${IFS}x"])(
    "takes a branch called %s for its name",
    (branch) =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({ Makefile: makefile })
        world.commit(branch, {})
        const { envelope, log } = yield* world.gate({
          branch,
          checks: [check('echo "$(git symbolic-ref -q HEAD)"')]
        })
        assert.strictEqual(envelope.verdict, "GATE-PASS")
        assert.strictEqual(log.split("\n")[0], `=== clone acme/widget @ ${branch} ===`)
        assert.isFalse(existsSync("x"))
        assert.isFalse(existsSync(join(world.settings().workDir, "x")))
      })
  )

  it.live("is not moved by printed verdicts, forged statuses or a removed exchange", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", mark)
      const forge = `echo 'GATE PASS'; printf '{"verdict":"GATE-PASS"}\\n'
ls "$EXCHANGE_DIR"
for nonce in ready x 0; do echo "$nonce 0" > "$EXCHANGE_DIR/status"; done
printf 'x\\n3\\ntrap "echo \\$n 0 > $EXCHANGE_DIR/status" EXIT\\nn=\\\\\\n' > "$EXCHANGE_DIR/request"
exit 1`
      const { envelope, log } = yield* world.gate({
        checks: [check(atCommit(forge)), check(atCommit("exit 2"), "next")]
      })
      assert.deepStrictEqual(
        [envelope.verdict, envelope.message],
        ["GATE-FAIL", "custom exited 1; next exited 2"]
      )
      assert.include(log, '{"verdict":"GATE-PASS"}\n--- custom: exit 1\n')
    })
  )

  it.live(
    "tells the last word of a check that flooded the log, also when the gate ends before the check does",
    () =>
      Effect.gen(function* () {
        const world = yield* GateWorld.make({})
        world.commit("work", {})
        const { envelope, log } = yield* world.gate({
          checks: [{ ...check("yes flood | head -c 3000000; echo last word; sleep 30"), timeoutSeconds: 60 }],
          deadline: Duration.seconds(2)
        })
        assert.deepStrictEqual([envelope.verdict, envelope.reason], ["GATE-ERROR", "DeadlineExceeded"])
        assert.match(log, /bytes are left out here/u)
        assert.match(log, /\nlast word\nGATE ERROR: DeadlineExceeded/u)
      })
  )

  it.live("judges nothing, at once, when the toolchain is killed in the middle of a check", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      const commit = world.commit("work", {})
      const { envelope } = yield* world.gate(
        { checks: [check('echo begun; while [ -d "$WORK_DIR" ]; do sleep 0.02; done')] },
        (toolchain, log) =>
          Effect.sync(log).pipe(
            Effect.delay("10 millis"),
            Effect.repeat({ until: (text) => text.includes("begun") }),
            Effect.andThen(Effect.sync(() => toolchain.kill("SIGKILL")))
          )
      )
      assert.deepStrictEqual(
        [envelope.verdict, envelope.reason, envelope.commit],
        ["GATE-ERROR", "ToolchainDied", commit]
      )
    })
  )

  it.live("kills what a check leaves behind, before the next one begins", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const { envelope, log } = yield* world.gate({
        checks: [
          check('sleep 30 & echo $! > ../left; trap "" TERM', "leaves"),
          check(
            // On a busy machine a killed process is seen for a moment longer.
            'left=$(cat ../left); for try in $(seq 40); do state=$(cut -d " " -f 3 "/proc/$left/stat" 2>/dev/null || echo Z); [ "$state" = Z ] && exit 0; sleep 0.05; done; exit 1',
            "looks"
          )
        ]
      })
      assert.deepStrictEqual([envelope.verdict, log.includes("exit")], ["GATE-PASS", false])
    })
  )

  it.live("judges nothing when the base takes longer than half of what is left of the deadline, too", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const { envelope } = yield* world.gate({
        checks: [check("sleep 30")],
        deadline: Duration.seconds(4)
      })
      assert.deepStrictEqual(
        [envelope.verdict, envelope.reason, envelope.message],
        [
          "GATE-ERROR",
          "CheckTimedOut",
          "custom takes longer than its time limit, on the base too (limit: time)"
        ]
      )
    })
  )

  it.live("does not blame the author for a check that cannot start on the base either", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "tool.sh": "exit 0\n" })
      world.commit("work", { "tool.sh": undefined })
      const absent = yield* world.gate({ checks: [check("no-such-program --version")] })
      const removed = yield* world.gate({ checks: [check("[ -f tool.sh ] || exit 127")] })
      const target = yield* world.gate({ checks: [{ name: "nope", command: "make nope", target: "nope" }] })
      assert.deepStrictEqual(
        [absent, removed, target].map(({ envelope }) => [
          envelope.verdict,
          envelope.reason,
          envelope.message
        ]),
        [
          ["GATE-ERROR", "CheckUnavailable", "custom cannot start on the base either (exit 127)"],
          ["GATE-FAIL", "CheckFailed", "custom exited 127"],
          ["GATE-ERROR", "CheckUnavailable", "nope cannot start on the base either (exit 2)"]
        ]
      )
    })
  )

  it.live("holds a check that is killed against the base", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", { big: "" })
      const { envelope } = yield* world.gate({ checks: [check("[ ! -f big ] || kill -9 $$")] })
      assert.deepStrictEqual(
        [envelope.verdict, envelope.message],
        ["GATE-FAIL", "custom was killed, as it is for want of memory, and is not on the base"]
      )
    })
  )

  it.live("reads what to check at the base, where the author has no say", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        ".foreman/gate.yaml": "checks:\n  - name: real\n    role: test\n    command: test ! -f bad\n"
      })
      world.commit("work", {
        ".foreman/gate.yaml": "checks:\n  - name: lax\n    role: test\n    command: 'true'\n",
        bad: ""
      })
      const { envelope } = yield* world.gate()
      assert.deepStrictEqual(
        [envelope.verdict, envelope.reason, envelope.checks.map(({ name }) => name)],
        ["GATE-FAIL", "CheckFailed", ["real", "yaml"]]
      )
    })
  )

  it.live("judges nothing when nobody says what to check, or says it wrongly", () =>
    Effect.gen(function* () {
      const silent = yield* GateWorld.make({ Makefile: "all:\n\ttrue\n" })
      silent.commit("work", {})
      const wrong = yield* GateWorld.make({ ".foreman/gate.yaml": "checks:\n  - nam: x\n    command: x\n" })
      wrong.commit("work", {})
      const reasons = [(yield* silent.gate()).envelope, (yield* wrong.gate()).envelope]
      assert.deepStrictEqual(
        reasons.map(({ verdict, reason }) => [verdict, reason]),
        [
          ["GATE-ERROR", "NoChecks"],
          ["GATE-ERROR", "ConfigInvalid"]
        ]
      )
    })
  )

  it.live("keeps its repository away from the candidate, who has one of his own", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "a.txt": "a\n" })
      const commit = world.commit("work", {})
      const { envelope, log } = yield* world.gate({
        checks: [check("git rev-parse HEAD; git diff --exit-code; git config core.hooksPath hooks; env")]
      })
      const { judgeDir, workDir } = world.settings()
      assert.strictEqual(envelope.verdict, "GATE-PASS")
      assert.include(log, `=== custom ===\n${commit}\n`)
      assert.notInclude(log, judgeDir)
      assert.include(readdirSync(join(judgeDir, "repository.git")), "HEAD")
      assert.include(readFileSync(join(workDir, ".git", "config"), "utf8"), "hooksPath")
    })
  )
})
