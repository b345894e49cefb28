/** What runs of one daemon have of the host: each its own. Real git, real commands, real files. */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"

import { isConfining, PrivateFolders } from "../../layers/confinedShell.ts"
import * as FileRunRecord from "../../layers/FileRunRecord.ts"
import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import { GitWorkspace } from "../../src/services/GitWorkspace.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { WorkspaceToolsHost } from "../../src/services/WorkspaceTools.ts"

/** A container may forbid them. */
const hasNamespaces =
  spawnSync("unshare", ["--user", "--map-current-user", "--pid", "--fork", "--mount-proc", "true"]).status ===
  0

const bot = { name: "Bot", email: "bot@example.com" }
const limits = { timeout: Duration.seconds(20), maxBytes: 10_000 }
const names = ["a", "b", "c", "d"]

const world = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "foreman-runs-"))
    const remote = join(root, "remote.git")
    const git = (...args: ReadonlyArray<string>) =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim()
    const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    git("init", "-q", "--bare", "-b", "main", remote)
    git("init", "-q", "-b", "main", "seed")
    git(...identity, "-C", "seed", "commit", "-q", "--allow-empty", "-m", "first")
    git("-C", "seed", "push", "-q", remote, "main")
    const workspaces = join(root, "work")
    mkdirSync(workspaces)
    return { root, remote, git, workspaces }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

describe("four runs at once", () => {
  it.live.runIf(hasNamespaces)("find nothing of one another, whatever way their commands look", () =>
    Effect.gen(function* () {
      const { remote, workspaces } = yield* world
      const services = Layer.mergeAll(GitCliWorkspace.layer, HostWorkspaceTools.layerHost)
      yield* Effect.gen(function* () {
        const host = yield* WorkspaceToolsHost
        const { open } = yield* GitWorkspace
        const toolsOf = (name: string) =>
          open({ directory: join(workspaces, "default", name), remoteURL: remote }).pipe(
            Effect.flatMap(({ directory }) => host.open({ directory, identity: bot }))
          )
        const tools = yield* toolsOf("a")
        yield* toolsOf("b")
        const seen = ".home-a\na\n"
        const ways = [
          "..",
          join(workspaces, "default"),
          '"$HOME/../.."',
          "/proc/1/cwd/..",
          "/proc/self/cwd/.."
        ]
        for (const way of ways) {
          const { stdout } = yield* tools.runCommand(`ls -A ${way}`, limits)
          // Nothing where the way itself is closed.
          assert.include(way.startsWith("/proc/1") ? [seen, ""] : [seen], stdout, way)
        }
        const written = yield* tools.runCommand("touch ../b/x ../x; git status --porcelain; echo $?", limits)
        assert.strictEqual(written.stdout, "0\n")
        assert.deepStrictEqual(readdirSync(join(workspaces, "default", "b")), [".git"])
        assert.isFalse(existsSync(join(workspaces, "default", "x")))
      }).pipe(Effect.provide(services), Effect.provideService(PrivateFolders, [workspaces]))
    }).pipe(Effect.scoped)
  )

  it.live("share no workspace, repository, home, temporary folder or record, and leave nothing", () =>
    Effect.gen(function* () {
      const { git, remote, workspaces } = yield* world
      const mirrors = join(workspaces, ".mirrors")
      const services = Layer.mergeAll(
        GitCliWorkspace.layerWith({ folder: mirrors, maxBytes: 1e9, isReadOnlyForCommands: isConfining }),
        HostWorkspaceTools.layerHost,
        FileRunRecord.layer(workspaces)
      )
      const run = Effect.fnUntraced(function* (name: string) {
        const { open } = yield* GitWorkspace
        const host = yield* WorkspaceToolsHost
        const records = yield* RunRecord
        const branch = `foreman/${name}`
        const work = yield* open({ directory: join(workspaces, "default", name), remoteURL: remote, branch })
        const tools = yield* host.open({ directory: work.directory, identity: bot })
        const say = `echo ${name} > mine-${name} && echo ${name} > "$HOME/mine-${name}" && echo ${name} > "$TMPDIR/mine-${name}"`
        assert.strictEqual((yield* tools.runCommand(say, limits)).exitCode, 0)
        yield* tools.runCommand(`git branch of-${name} && git config user.nick ${name}`, limits)
        yield* records.update(`uid-${name}`, { branch })
        // Until each of them came as far.
        yield* together
        const look = `ls; ls "$HOME" "$TMPDIR"; git branch --list 'of-*'; git config user.nick`
        const { stdout } = yield* tools.runCommand(look, limits)
        assert.deepStrictEqual(
          names.filter((other) => new RegExp(`(mine|of)-${other}|^${other}$`, "mu").test(stdout)),
          [name]
        )
        const made = yield* work.commit({ message: name, author: bot, committer: bot })
        yield* work.push({ allowOverwrite: false })
        yield* records.update(`uid-${name}`, { commitSHA: made?.commitSHA ?? "" })
        return { record: yield* records.read(`uid-${name}`), commitSHA: made?.commitSHA }
      }, Effect.scoped)

      let arrived = 0
      const together = Effect.suspend(() => {
        arrived += 1
        return Effect.repeat(Effect.sleep("20 millis"), { until: () => arrived === names.length })
      })
      const ended = yield* Effect.forEach(names, run, { concurrency: 4 }).pipe(
        Effect.provide(services),
        Effect.provideService(PrivateFolders, [workspaces, mirrors])
      )
      names.forEach((name, index) => {
        const branch = `foreman/${name}`
        assert.strictEqual(git("-C", remote, "rev-parse", branch), ended[index]?.commitSHA)
        assert.strictEqual(git("-C", remote, "diff", "--name-only", "main", branch), `mine-${name}`)
        assert.deepStrictEqual(ended[index]?.record, { branch, commitSHA: ended[index]?.commitSHA ?? "" })
      })
      assert.deepStrictEqual(readdirSync(join(workspaces, "default")), [])
    }).pipe(Effect.scoped)
  )
})
