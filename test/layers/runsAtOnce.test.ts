/** What runs of one daemon have of the host: each its own. Real git, real commands, real files. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"

import { isConfining, ReadOnlyPaths } from "../../layers/confinedShell.ts"
import * as FileRunRecord from "../../layers/FileRunRecord.ts"
import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import { GitWorkspace } from "../../src/services/GitWorkspace.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { WorkspaceToolsHost } from "../../src/services/WorkspaceTools.ts"

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
    return { root, remote, git, workspaces: join(root, "work") }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

describe("four runs at once", () => {
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
        Effect.provideService(ReadOnlyPaths, [mirrors])
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
