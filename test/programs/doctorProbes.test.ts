/** What the doctor says of a cluster, a remote and a repository, each as it really is. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"

import { probeCluster } from "../../programs/doctor/cluster.ts"
import { gateLine, remoteLine, workspaceLine } from "../../programs/doctor/host.ts"
import { ok, probe } from "../../programs/doctor/Line.ts"
import { agents } from "../../schema/Agent.ts"
import { Unavailable } from "../../src/services/KubeClient.ts"
import { agent } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"

const said = (lines: ReadonlyArray<{ readonly check: string; readonly status: string }>) =>
  lines.map(({ check, status }) => `${check} ${status}`)

describe("a check of the doctor", () => {
  it.effect("that breaks, or takes too long, is a line of its own", () =>
    Effect.gen(function* () {
      const broken = yield* probe("one", Effect.die(new Error("a defect")))
      assert.include(broken[0]?.detail, "a defect")
      const late = yield* Effect.forkChild(probe("two", Effect.never))
      yield* TestClock.adjust("21 seconds")
      assert.include((yield* Fiber.join(late))[0]?.detail, "no answer within")
      assert.deepStrictEqual(yield* probe("three", Effect.succeed([ok("three", "fine")])), [
        ok("three", "fine")
      ])
    })
  )
})

describe("the doctor's lines about a cluster", () => {
  it.effect("name the Agents that there are, where the one that was asked for is not there", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      yield* seed(agents, agent("coder"))
      const { agent: found, lines } = yield* probeCluster("code", "default")
      assert.isUndefined(found)
      assert.deepStrictEqual(said(lines), ["cluster ok", "permissions skipped", "agent fail"])
      assert.include(lines.at(-1)?.fix, "coder")
    }).pipe(Effect.provide(layer))
  )

  it.effect("name the fields of an Agent that are set without effect", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      yield* seed(agents, agent("coder", { spec: { contextStrategy: "session" } }))
      const { agent: found, lines } = yield* probeCluster("coder", "default")
      assert.strictEqual(found?.metadata.name, "coder")
      assert.strictEqual(lines.at(-1)?.status, "warn")
      assert.include(lines.at(-1)?.detail, "spec.contextStrategy")
    }).pipe(Effect.provide(layer))
  )

  it.effect("say that it is away, and no more", () =>
    Effect.gen(function* () {
      const { failNext } = yield* FakeCluster
      yield* failNext(new Unavailable({ message: "connection refused" }), { times: 100 })
      const { lines } = yield* probeCluster("coder", "default")
      assert.deepStrictEqual(said(lines), ["cluster fail"])
      assert.include(lines[0]?.fix, "API server")
    }).pipe(Effect.provide(layer))
  )
})

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-doctor-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
const git = (cwd: string, ...args: ReadonlyArray<string>): string => {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
  return execFileSync("git", [...identity, ...args], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  })
}
/** A checkout with one commit of these files, and a bare remote that has it. */
const repository = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const root = yield* folder
  const checkout = join(root, "checkout")
  mkdirSync(join(checkout, ".foreman"), { recursive: true })
  git(checkout, "init", "-q", "-b", "main")
  for (const [name, text] of Object.entries(files)) writeFileSync(join(checkout, name), text)
  git(checkout, "add", "-A")
  git(checkout, "commit", "-q", "-m", "first")
  git(root, "clone", "-q", "--bare", checkout, "remote.git")
  return { checkout, remote: join(root, "remote.git") }
})

describe("the doctor's lines about a remote", () => {
  it.live("a remote that takes pushes is right, and nothing is left on it", () =>
    Effect.gen(function* () {
      const { remote } = yield* repository({ "README.md": "hi\n" })
      const line = yield* remoteLine(`file://${remote}`, Redacted.make("a-token"))
      assert.strictEqual(line.status, "ok", line.detail)
      assert.strictEqual(git(remote, "for-each-ref", "--format=%(refname)").trim(), "refs/heads/main")
    })
  )

  it.live("one without a branch, and one that is not there, say what to do", () =>
    Effect.gen(function* () {
      const root = yield* folder
      git(root, "init", "-q", "--bare", "empty.git")
      const empty = yield* remoteLine(`file://${join(root, "empty.git")}`, undefined)
      assert.strictEqual(empty.status, "warn")
      const absent = yield* remoteLine(`file://${join(root, "absent.git")}`, undefined)
      assert.deepStrictEqual([absent.status, absent.fix !== undefined], ["fail", true])
    })
  )
})

describe("the doctor's line about a gate", () => {
  const gateFile = "checks:\n  - {role: test, command: make test}\n"

  it.live("is about the commit, not about files that are not committed", () =>
    Effect.gen(function* () {
      const { checkout } = yield* repository({ ".foreman/gate.yaml": gateFile })
      writeFileSync(join(checkout, ".foreman/gate.yaml"), "checks: nothing\n")
      const line = yield* gateLine(checkout)
      assert.strictEqual(line.status, "ok", line.detail)
    })
  )

  it.live.each([
    [{ ".foreman/gate.yaml": "checks: nothing\n" }, "fail"],
    [{ "README.md": "hi\n" }, "fail"],
    [{ "go.mod": "module example.com/a\n\ngo 1.22\n", "a.go": "package a\n" }, "warn"]
  ] as const)("%#", ([files, status]) =>
    Effect.gen(function* () {
      const { checkout } = yield* repository(files)
      assert.strictEqual((yield* gateLine(checkout)).status, status)
    })
  )

  it.live("is skipped where there is no commit", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* gateLine(yield* folder)).status, "skipped")
      assert.strictEqual((yield* workspaceLine(join(yield* folder, "a", "b"))).status, "ok")
    })
  )
})
