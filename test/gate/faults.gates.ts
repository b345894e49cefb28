import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, symlinkSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import { isTransient } from "../../src/gate/gateReason.ts"
import * as GateWorld from "./GateWorld.ts"
import { hasNamespaces, localGate } from "./localGate.ts"

/** Only root may mount a volume that is small enough to be full. */
const isRoot = process.getuid?.() === 0 && process.platform === "linux"

/** A git remote over HTTP that sends so much of the objects and then breaks the connection. */
const dyingRemote = (repository: string, bytes: number) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        const isAdvertised = request.method === "GET"
        response.setHeader(
          "content-type",
          `application/x-git-upload-pack-${isAdvertised ? "advertisement" : "result"}`
        )
        if (isAdvertised) response.write("001e# service=git-upload-pack\n0000")
        const more = isAdvertised ? ["--advertise-refs"] : []
        const git = spawn("git", ["upload-pack", "--stateless-rpc", ...more, repository])
        request.pipe(git.stdin)
        if (isAdvertised) git.stdout.pipe(response)
        else
          git.stdout.once("data", (chunk: Buffer) =>
            response.write(chunk.subarray(0, bytes), () => response.destroy())
          )
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme/widget.git`))

const brief = ({ reason, verdict }: Envelope) => [verdict, reason]
const fails = [{ name: "fails", command: "exit 1" }]

describe("a fault on the way to the checks", () => {
  it.live("of a remote that dies in the middle of the clone is CloneFailed, which is tried again", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", { "a.txt": "a\n" })
      const { envelope } = yield* world.gate({
        cloneURL: yield* dyingRemote(world.remote, 60),
        checks: fails
      })
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "CloneFailed"], envelope.message)
      assert.isTrue(isTransient("CloneFailed"))
    })
  )

  it.live("of an image without git is JudgeFailed, which is not", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const path = process.env["PATH"]
      const bare = join(world.root, "bin")
      mkdirSync(bare)
      symlinkSync(execFileSync("which", ["mkfifo"], { encoding: "utf8" }).trim(), join(bare, "mkfifo"))
      const takeGit = () => void (process.env["PATH"] = bare)
      const { envelope } = yield* localGate(world, { checks: fails }, takeGit).pipe(
        Effect.ensuring(Effect.sync(() => void (process.env["PATH"] = path)))
      )
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "JudgeFailed"])
      assert.include(envelope.message, "there is no git")
      assert.isFalse(isTransient("JudgeFailed"))
    })
  )

  it.live.skipIf(!isRoot)("of a shared cache that cannot be written is none: checks write beside it", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const cache = join(world.root, "cache")
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          mkdirSync(cache)
          execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "none", cache])
        }),
        () => Effect.sync(() => execFileSync("umount", ["-l", cache]))
      )
      const writes = [{ name: "writes", command: 'mkdir -p "$GOCACHE" && touch "$GOCACHE/one"' }]
      // Without namespaces there is nothing to write beside, and the gate says which folder it needs.
      const wanted = hasNamespaces ? ["GATE-PASS", undefined] : ["GATE-ERROR", "FolderReadOnly"]
      const { envelope } = yield* localGate(world, { checks: writes })
      assert.deepStrictEqual(brief(envelope), wanted, envelope.message)
    })
  )
})

describe("a fault of the machine", () => {
  it.live.each([
    [3_600_000, "begun"],
    [-3_600_000, "begun"],
    // Time is not up for the bite check either, which alone sees a hollow test.
    [3_600_000, "=== bite check ==="]
  ] as const)("that sets the clock by %i ms at %s changes no verdict and no duration", ([jump, moment]) =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({ "one.mjs": "export const one = 1\n" })
      world.commit("work", {
        "one.mjs": "export const one = 1.0\n",
        "one.test.mjs": `import assert from "node:assert"
import { test } from "node:test"
import { one } from "./one.mjs"
test("one", () => assert.equal(one, 1))
`
      })
      const checks = [
        { name: "slow", command: "echo begun; sleep 0.5", timeoutSeconds: 30 },
        { name: "test", command: "node --test", role: "test" as const }
      ]
      const now = Date.now
      const { envelope } = yield* world
        .gate({ checks }, (_, printed) =>
          Effect.sync(printed).pipe(
            Effect.delay("10 millis"),
            Effect.repeat({ until: (text) => text.includes(moment) }),
            Effect.andThen(Effect.sync(() => void (Date.now = () => now() + jump)))
          )
        )
        .pipe(Effect.ensuring(Effect.sync(() => void (Date.now = now))))
      const seconds = envelope.checks[0]?.seconds ?? 0
      assert.deepStrictEqual(brief(envelope), ["GATE-FAIL", "TestsHollow"], envelope.message)
      assert.isAtLeast(seconds, 0.4)
      assert.isBelow(seconds, 30)
    })
  )

  it.live.skipIf(!isRoot)("that leaves no room for the checks is DiskFull, and no check is blamed", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({})
      world.commit("work", {})
      const volume = join(world.root, "volume")
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          mkdirSync(volume)
          execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m", "none", volume])
        }),
        () => Effect.sync(() => execFileSync("umount", ["-l", volume]))
      )
      const { envelope } = yield* localGate(world, {
        workDir: join(volume, "work", "repository"),
        checks: fails
      })
      assert.deepStrictEqual(brief(envelope), ["GATE-ERROR", "DiskFull"])
    })
  )
})
