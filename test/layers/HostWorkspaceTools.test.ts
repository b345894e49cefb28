import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, type Scope } from "effect"

import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import { WorkspaceToolsHost } from "../../src/services/WorkspaceTools.ts"

const world = Effect.gen(function* () {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-tools-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const directory = join(root, "t1")
  mkdirSync(directory)
  writeFileSync(join(root, "secret"), "secret")
  const host = yield* WorkspaceToolsHost
  const tools = yield* host.open({ directory, identity: { name: "Bot", email: "bot@example.com" } })
  return { root, directory, tools }
})
const live = <A, E>(effect: Effect.Effect<A, E, WorkspaceToolsHost | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(HostWorkspaceTools.layerHost))
const limits = { timeout: Duration.seconds(10), maxBytes: 1_000 }

describe("HostWorkspaceTools", () => {
  it.live("writes with parents, reads back, lists without .git and links", () =>
    live(
      Effect.gen(function* () {
        const { root, directory, tools } = yield* world
        assert.strictEqual(yield* tools.writeFile("deep/er/é.txt", "é"), 2)
        assert.strictEqual(yield* tools.writeFile(join(directory, "b.txt"), "long"), 4)
        assert.strictEqual(yield* tools.writeFile("b.txt", "b"), 1)
        mkdirSync(join(directory, ".git"))
        writeFileSync(join(directory, ".git", "config"), "")
        symlinkSync(join(root, "secret"), join(directory, "link"))
        assert.deepStrictEqual(yield* tools.listFiles("."), ["b.txt", "deep/er/é.txt"])
        assert.strictEqual(Buffer.from(yield* tools.readFile("./b.txt")).toString(), "b")
      })
    )
  )

  it.live("refuses each way out: dots, absolute paths, links as file, as parent, and to nowhere", () =>
    live(
      Effect.gen(function* () {
        const { root, directory, tools } = yield* world
        symlinkSync(join(root, "secret"), join(directory, "link"))
        symlinkSync(root, join(directory, "up"))
        symlinkSync(join(root, "made-by-link"), join(directory, "nowhere"))
        for (const path of [
          "../secret",
          "a/../../secret",
          join(root, "secret"),
          "link",
          "up/secret",
          `${directory}x/y`
        ]) {
          const tag = (yield* Effect.flip(tools.readFile(path))).reason._tag
          assert.strictEqual(tag, "OutsideWorkspace", path)
          const write = (yield* Effect.flip(tools.writeFile(path, "owned"))).reason._tag
          assert.strictEqual(write, "OutsideWorkspace", path)
        }
        yield* Effect.flip(tools.writeFile("up/new/file", "owned"))
        yield* Effect.flip(tools.writeFile("nowhere", "owned"))
        assert.deepStrictEqual(readdirSync(root).sort(), [".home-t1", "secret", "t1"])
        assert.strictEqual(readFileSync(join(root, "secret"), "utf8"), "secret")
      })
    )
  )

  it.live("a pipe under a file's name does not hold us", () =>
    live(
      Effect.gen(function* () {
        const { directory, tools } = yield* world
        execFileSync("mkfifo", [join(directory, "pipe")])
        assert.strictEqual((yield* Effect.flip(tools.readFile("pipe"))).reason._tag, "FileUnavailable")
        assert.strictEqual((yield* Effect.flip(tools.writeFile("pipe", "x"))).reason._tag, "FileUnavailable")
      })
    )
  )

  it.live("a command sees no token and no home of the host", () =>
    live(
      Effect.gen(function* () {
        const { root, tools } = yield* world
        process.env["GITHUB_TOKEN"] = "s3cr3t"
        const { stdout, exitCode } = yield* tools.runCommand("env; exit 3", limits)
        delete process.env["GITHUB_TOKEN"]
        const names = stdout
          .split("\n")
          .map((line) => line.slice(0, line.indexOf("=")))
          .filter(
            (name) => !["", "PATH", "LANG", "LC_ALL", "TZ", "TERM", "_", "OLDPWD", "SHLVL"].includes(name)
          )
        assert.deepStrictEqual(names.sort(), [
          "GIT_AUTHOR_EMAIL",
          "GIT_AUTHOR_NAME",
          "GIT_COMMITTER_EMAIL",
          "GIT_COMMITTER_NAME",
          "HOME",
          "PWD",
          "TMPDIR"
        ])
        assert.include(stdout, `HOME=${join(root, ".home-t1", "home")}`)
        assert.strictEqual(exitCode, 3)
      })
    )
  )

  it.live("the timeout ends the whole group, and what was said before is kept", () =>
    live(
      Effect.gen(function* () {
        const { directory, tools } = yield* world
        const ended = yield* tools.runCommand("echo begun; (trap '' TERM; sleep 30; touch late) & sleep 30", {
          timeout: Duration.millis(300),
          maxBytes: 1_000
        })
        assert.deepStrictEqual(ended, {
          exitCode: -1,
          stdout: "begun\n",
          stderr: "",
          timedOut: true,
          truncated: false
        })
        assert.isFalse(existsSync(join(directory, "late")))
      })
    )
  )

  it.live("a grandchild that holds the pipe does not hold us, and does not outlive the command", () =>
    live(
      Effect.gen(function* () {
        const { tools } = yield* world
        const begin = performance.now()
        const ended = yield* tools.runCommand("sleep 30 & echo $!", limits)
        assert.isBelow(performance.now() - begin, 5_000)
        assert.strictEqual(ended.exitCode, 0)
        const state = yield* tools.runCommand(
          `ps -o stat= -p ${ended.stdout.trim()} | grep -v Z || true`,
          limits
        )
        assert.strictEqual(state.stdout, "")
      })
    )
  )

  it.live("each stream keeps its start up to the limit and says that it was cut", () =>
    live(
      Effect.gen(function* () {
        const { tools } = yield* world
        const ended = yield* tools.runCommand("echo start; yes x | head -c 5000; echo err >&2", limits)
        assert.strictEqual(ended.stdout.length, 1_000)
        assert.isTrue(ended.stdout.startsWith("start\nx\n"))
        assert.strictEqual(ended.stderr, "err\n")
        assert.isTrue(ended.truncated)
      })
    )
  )
})
