import { execFileSync, spawnSync } from "node:child_process"
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

import { HiddenPaths } from "../../layers/confinedShell.ts"
import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import { WorkspaceToolsHost } from "../../src/services/WorkspaceTools.ts"

/** A container may forbid them. */
const hasNamespaces =
  spawnSync("unshare", ["--user", "--map-current-user", "--pid", "--fork", "--mount-proc", "true"]).status ===
  0

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-tools-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)
const world = Effect.gen(function* () {
  const root = yield* folder
  const directory = join(root, "t1")
  mkdirSync(directory)
  writeFileSync(join(root, "secret"), "secret")
  const host = yield* WorkspaceToolsHost
  const tools = yield* host.open({ directory, identity: { name: "Bot", email: "bot@example.com" } })
  return { root, directory, tools }
})
const live = <A, E>(effect: Effect.Effect<A, E, WorkspaceToolsHost | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(HostWorkspaceTools.layerHost))
const bytes = (text: string) => new TextEncoder().encode(text)
const limits = { timeout: Duration.seconds(10), maxBytes: 1_000 }

describe("HostWorkspaceTools", () => {
  it.live("writes with parents, reads back, lists without .git and links", () =>
    live(
      Effect.gen(function* () {
        const { root, directory, tools } = yield* world
        assert.strictEqual(yield* tools.writeFile("deep/er/é.txt", bytes("é")), 2)
        assert.strictEqual(yield* tools.writeFile(join(directory, "b.txt"), bytes("long")), 4)
        assert.strictEqual(yield* tools.writeFile("b.txt", bytes("b")), 1)
        mkdirSync(join(directory, ".git"))
        writeFileSync(join(directory, ".git", "config"), "")
        symlinkSync(join(root, "secret"), join(directory, "link"))
        const { files, links } = yield* tools.listFiles(".")
        assert.deepStrictEqual(files, ["b.txt", "deep/er/é.txt"])
        assert.deepStrictEqual(links, [`link -> ${join(root, "secret")}`])
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
          const write = (yield* Effect.flip(tools.writeFile(path, bytes("owned")))).reason._tag
          assert.strictEqual(write, "OutsideWorkspace", path)
        }
        yield* Effect.flip(tools.writeFile("up/new/file", bytes("owned")))
        yield* Effect.flip(tools.writeFile("nowhere", bytes("owned")))
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
        assert.strictEqual(
          (yield* Effect.flip(tools.writeFile("pipe", bytes("x")))).reason._tag,
          "FileUnavailable"
        )
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

  it.live.runIf(hasNamespaces)(
    "a command neither sees nor ends us, finds what is hidden empty, and leaves no process behind",
    () =>
      Effect.gen(function* () {
        const hidden = yield* folder
        writeFileSync(join(hidden, "secret"), "secret")
        const { stdout, exitCode, late } = yield* Effect.gen(function* () {
          const { directory, tools } = yield* world
          const late = join(directory, "late")
          const lines = [
            `cat ${hidden}/secret; umount ${hidden}; cat ${hidden}/secret`,
            `[ -e /proc/${process.pid} ] && echo "we are seen"`,
            `kill -9 ${process.pid} $PPID`,
            `setsid env -i sh -c "sleep 0.5; touch ${late}" >/dev/null 2>&1 &`,
            "sleep 0.1; kill -9 $$"
          ]
          const ended = yield* tools.runCommand(lines.join("\n"), limits)
          yield* Effect.sleep("700 millis")
          return { ...ended, late: existsSync(late) }
        }).pipe(Effect.provide(HostWorkspaceTools.layerHost), Effect.provideService(HiddenPaths, [hidden]))
        assert.deepStrictEqual({ stdout, exitCode, late }, { stdout: "", exitCode: 137, late: false })
      }).pipe(Effect.scoped)
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
        const grandchild = `sleep 30.${process.pid}`
        const ended = yield* tools.runCommand(`${grandchild} & echo begun`, limits)
        assert.isBelow(performance.now() - begin, 5_000)
        assert.deepStrictEqual([ended.exitCode, ended.stdout], [0, "begun\n"])
        const alive = execFileSync("ps", ["-A", "-o", "stat=,args="], { encoding: "utf8" })
          .split("\n")
          .filter((line) => !line.startsWith("Z") && line.endsWith(` ${grandchild}`))
        assert.deepStrictEqual(alive, [])
      })
    )
  )

  it.live("each stream keeps its start and its end up to the limit, and says what was left out", () =>
    live(
      Effect.gen(function* () {
        const { tools } = yield* world
        const command = "echo start; yes é | head -c 6000; echo end; echo err >&2"
        const ended = yield* tools.runCommand(command, limits)
        assert.match(ended.stdout, /^start\n(?:é\n)+é?\n\[\d+ bytes left out\]\n\n?(?:é\n)+end\n$/u)
        const [, left] = /\[(\d+) bytes/u.exec(ended.stdout) ?? []
        const note = `\n[${left} bytes left out]\n`
        assert.strictEqual(Buffer.byteLength(ended.stdout) - note.length + Number(left), 6_010)
        assert.strictEqual(ended.stderr, "err\n")
        assert.isTrue(ended.truncated)
      })
    )
  )
})
