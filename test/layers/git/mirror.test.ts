import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, type Scope } from "effect"

import { isConfining, PrivateFolders } from "../../../layers/confinedShell.ts"
import * as GitCliWorkspace from "../../../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../../../layers/HostWorkspaceTools.ts"
import { GitWorkspace, type OpenOptions } from "../../../src/services/GitWorkspace.ts"
import { WorkspaceToolsHost } from "../../../src/services/WorkspaceTools.ts"

/** A container may forbid them. */
const hasNamespaces =
  spawnSync("unshare", ["--user", "--map-current-user", "--pid", "--fork", "--mount-proc", "true"]).status ===
  0

const bot = { name: "Foreman Bot", email: "bot@example.com" }
const env = {
  PATH: process.env["PATH"] ?? "",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com"
}
const git = (directory: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, {
    cwd: directory,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"]
  }).trim()

/** A remote, a clone of it to write from, a folder for mirrors and one for workspaces. */
const world = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "foreman-mirror-test-"))
    const seed = join(root, "seed")
    const mirrors = join(root, "mirrors")
    mkdirSync(mirrors)
    const makeRemote = (name: string) => {
      const remote = join(root, name)
      git(root, "init", "-q", "--bare", "-b", "main", remote)
      return remote
    }
    const remote = makeRemote("remote.git")
    git(root, "clone", "-q", remote, seed)
    git(seed, "checkout", "-q", "-b", "main")
    const write = (text: string, branch = "main") => {
      writeFileSync(join(seed, "a.txt"), text)
      git(seed, "add", "-A")
      git(seed, "commit", "-q", "-m", text)
      git(seed, "push", "-q", "-f", "origin", `HEAD:${branch}`)
      return git(seed, "rev-parse", "HEAD")
    }
    const first = write("one")
    /** Bare repositories of all remotes and generations. */
    const generations = () =>
      readdirSync(mirrors).flatMap((home) =>
        readdirSync(join(mirrors, home))
          .filter((name) => name.endsWith(".git"))
          .map((name) => join(mirrors, home, name))
      )
    const directory = (name: string) => join(root, "work", "default", name)
    return { root, remote, makeRemote, seed, mirrors, write, first, generations, directory }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)
type World = Effect.Success<typeof world>

const open = (options: OpenOptions) => Effect.flatMap(GitWorkspace, (service) => service.open(options))

const withMirrors = <A, E>(
  body: (world: World) => Effect.Effect<A, E, GitWorkspace | Scope.Scope>,
  options: { readonly maxBytes?: number; readonly isReadOnly?: boolean } = {}
) =>
  Effect.gen(function* () {
    const made = yield* world
    const layer = GitCliWorkspace.layerWith({
      folder: made.mirrors,
      maxBytes: options.maxBytes ?? 1e9,
      isReadOnlyForCommands: Effect.succeed(options.isReadOnly ?? true)
    })
    return yield* Effect.provide(body(made), layer)
  }).pipe(Effect.scoped)

/** Remotes by ssh: `last` is the command that the other side would run. */
const fakeSsh = (root: string, script: string) => {
  const bin = join(root, "bin")
  mkdirSync(bin)
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nfor last; do :; done\n${script}\n`, { mode: 0o755 })
  const path = process.env["PATH"] ?? ""
  return Effect.acquireRelease(
    Effect.sync(() => void (process.env["PATH"] = `${bin}:${path}`)),
    () => Effect.sync(() => void (process.env["PATH"] = path))
  )
}

const packCount = (repository: string): number =>
  existsSync(join(repository, "objects", "pack"))
    ? readdirSync(join(repository, "objects", "pack")).length
    : 0

const damage = (mirror: string) => {
  const folder = join(mirror, "objects", "pack")
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".pack")) continue
    chmodSync(join(folder, name), 0o600)
    truncateSync(join(folder, name), 40)
  }
}

describe("workspaces by way of a mirror", () => {
  it.live("see what the remote has now, borrow its objects, and push to the remote", () =>
    withMirrors(({ directory, first, generations, remote, write }) =>
      Effect.gen(function* () {
        const one = yield* open({ directory: directory("t1"), remoteURL: remote, branch: "foreman/t1" })
        assert.strictEqual(one.baseCommit, first)
        const second = write("two")
        const two = yield* open({ directory: directory("t2"), remoteURL: remote, branch: "foreman/t2" })
        assert.strictEqual(two.baseCommit, second)
        assert.strictEqual(readFileSync(join(two.directory, "a.txt"), "utf8"), "two")
        assert.strictEqual(packCount(join(two.directory, ".git")), 0)

        writeFileSync(join(two.directory, "a.txt"), "three")
        const made = yield* two.commit({ message: "Fix", author: bot, committer: bot })
        yield* two.push({ allowOverwrite: false })
        assert.strictEqual(git(remote, "rev-parse", "foreman/t2"), made?.commitSHA)
        const [mirror = "", ...others] = generations()
        assert.deepStrictEqual(others, [])
        // The mirror knows what was fetched, and nothing of what a run made of it.
        assert.throws(() => git(mirror, "cat-file", "-e", made?.commitSHA ?? ""))
      })
    )
  )

  it.live("follow the remote's default branch, and branches that are gone or were forced", () =>
    withMirrors(({ directory, first, remote, seed, write }) =>
      Effect.gen(function* () {
        write("side", "topic")
        yield* Effect.scoped(open({ directory: directory("t1"), remoteURL: remote }))
        git(seed, "reset", "-q", "--hard", first)
        const forced = write("forced", "topic")
        git(remote, "update-ref", "refs/heads/trunk", forced)
        git(remote, "symbolic-ref", "HEAD", "refs/heads/trunk")
        git(remote, "update-ref", "-d", "refs/heads/main")
        const work = yield* open({ directory: directory("t2"), remoteURL: remote })
        assert.strictEqual(work.baseCommit, forced)
        assert.strictEqual(
          git(work.directory, "branch", "-r", "--format=%(refname:lstrip=2)"),
          "origin/HEAD\norigin/topic\norigin/trunk"
        )
      })
    )
  )

  it.live("a password in the remote's URL is in no file of the mirror", () =>
    withMirrors(({ directory, mirrors, remote, root, first }) =>
      Effect.gen(function* () {
        yield* fakeSsh(root, 'exec sh -c "$last"')
        const remoteURL = `ssh://bot:s3cr3t@git.example.com${remote}`
        assert.strictEqual((yield* open({ directory: directory("t1"), remoteURL })).baseCommit, first)
        assert.strictEqual(spawnSync("grep", ["-r", "s3cr3t", mirrors]).status, 1)
        assert.strictEqual(spawnSync("grep", ["-rq", first, mirrors]).status, 0)
      })
    )
  )

  it.live("where commands could write to it, a workspace has its own objects", () =>
    withMirrors(
      ({ directory, first, generations, remote }) =>
        Effect.gen(function* () {
          const work = yield* open({ directory: directory("t1"), remoteURL: remote })
          for (const mirror of generations()) rmSync(mirror, { recursive: true, force: true })
          assert.strictEqual(git(work.directory, "log", "--format=%H"), first)
          assert.strictEqual(git(work.directory, "fsck", "--full"), "")
        }),
      { isReadOnly: false }
    )
  )

  it.live("a workspace that is kept outlives the mirror", () =>
    withMirrors(({ directory, generations, first, remote }) =>
      Effect.gen(function* () {
        yield* Effect.scoped(open({ directory: directory("t1"), remoteURL: remote, keep: true }))
        for (const mirror of generations()) rmSync(mirror, { recursive: true, force: true })
        assert.strictEqual(git(directory("t1"), "log", "--format=%H"), first)
      })
    )
  )

  it.live("runs that begin at once get one mirror and the same commit", () =>
    withMirrors(({ directory, first, generations, remote }) =>
      Effect.gen(function* () {
        const all = yield* Effect.forEach(
          ["a", "b", "c", "d"],
          (name) => open({ directory: directory(name), remoteURL: remote, branch: `foreman/${name}` }),
          { concurrency: 4 }
        )
        assert.deepStrictEqual(
          all.map(({ baseCommit, directory: at }) => [
            baseCommit,
            git(at, "rev-parse", "--abbrev-ref", "HEAD")
          ]),
          ["a", "b", "c", "d"].map((name) => [first, `foreman/${name}`])
        )
        assert.lengthOf(generations(), 1)
      })
    )
  )
})

describe.runIf(hasNamespaces)("a model's commands", () => {
  it.live("read the mirror's history, and cannot change a byte of it", () =>
    Effect.gen(function* () {
      const { directory, mirrors, remote, root } = yield* world
      const services = Layer.mergeAll(
        GitCliWorkspace.layerWith({ folder: mirrors, maxBytes: 1e9, isReadOnlyForCommands: isConfining }),
        HostWorkspaceTools.layerHost
      )
      yield* Effect.gen(function* () {
        const work = yield* open({ directory: directory("t1"), remoteURL: remote })
        const host = yield* WorkspaceToolsHost
        const tools = yield* host.open({ directory: work.directory, identity: bot })
        const sums = () =>
          execFileSync(
            "sh",
            ["-c", `find '${mirrors}' -type f ! -path '*.users/*' | sort | xargs sha256sum`],
            {
              cwd: root,
              encoding: "utf8"
            }
          )
        const before = sums()
        const run = (command: string) =>
          tools.runCommand(command, { timeout: Duration.seconds(20), maxBytes: 10_000 })
        assert.strictEqual((yield* run("git log --format=%s")).stdout.trim(), "one")
        for (const attack of [
          "git gc --prune=now && git repack -a -d -f && git prune",
          `find '${mirrors}' -type f -exec chmod u+w {} + ; find '${mirrors}' -type f -exec sh -c ': > "$1"' sh {} \\;`,
          `rm -rf '${mirrors}'`,
          `mount -o remount,bind,rw '${mirrors}' && rm -rf '${mirrors}'`,
          `umount '${mirrors}' && rm -rf '${mirrors}'`,
          `unshare -Ur -m sh -c "umount '${mirrors}'; mount -o remount,bind,rw '${mirrors}'; rm -rf '${mirrors}'"`,
          `git --git-dir="$(find '${mirrors}' -name 1.git)" update-ref -d refs/heads/main`
        ]) {
          yield* run(attack)
          assert.strictEqual(sums(), before, attack)
        }
        assert.strictEqual((yield* run("git status --porcelain && git fsck --full")).stdout.trim(), "")
      }).pipe(Effect.provide(services), Effect.provideService(PrivateFolders, [mirrors]))
    }).pipe(Effect.scoped)
  )
})

describe("a mirror", () => {
  const refused = (mirror: string) => {
    rmSync(join(mirror, "HEAD"))
  }
  const leftLock = (mirror: string) => {
    // What a git that was killed in the middle of its fetch leaves behind.
    writeFileSync(join(mirror, "packed-refs.lock"), "")
    writeFileSync(join(mirror, "refs", "heads", "main.lock"), "")
    writeFileSync(join(mirror, "objects", "pack", "tmp_pack_x"), "half a pack")
  }
  it.live.each([
    ["is no repository any more", refused],
    ["was left in the middle of a fetch", leftLock],
    ["has a pack that is cut off", damage],
    ["has lost its objects", (mirror: string) => rmSync(join(mirror, "objects"), { recursive: true })]
  ] as const)("that %s is not used again", ([, spoil]) =>
    withMirrors(({ directory, generations, remote, write }) =>
      Effect.gen(function* () {
        yield* Effect.scoped(open({ directory: directory("t1"), remoteURL: remote }))
        const second = write("two")
        for (const mirror of generations()) spoil(mirror)
        const work = yield* open({ directory: directory("t2"), remoteURL: remote })
        assert.strictEqual(work.baseCommit, second)
        assert.strictEqual(git(work.directory, "fsck", "--full"), "")
        yield* open({ directory: directory("t3"), remoteURL: remote })
        assert.strictEqual(git(generations().at(-1) ?? "", "fsck", "--full"), "")
      })
    )
  )

  it.live("whose fetch was killed in the middle is as good as before", () =>
    withMirrors(({ directory, generations, remote, root, seed }) =>
      Effect.gen(function* () {
        const slow = join(root, "slow")
        yield* fakeSsh(
          root,
          `if [ -e '${slow}' ]; then sh -c "$last" | { dd bs=4096 count=500 2>/dev/null; sleep 60; }; else exec sh -c "$last"; fi`
        )
        const remoteURL = `ssh://git.example.com${remote}`
        yield* Effect.scoped(open({ directory: directory("t1"), remoteURL }))
        writeFileSync(join(seed, "big"), randomBytes(8_000_000))
        git(seed, "add", "-A")
        git(seed, "commit", "-q", "-m", "big")
        git(seed, "push", "-q", "origin", "HEAD:main")
        writeFileSync(slow, "")
        const killed = yield* Effect.forkScoped(
          Effect.scoped(open({ directory: directory("t2"), remoteURL }))
        )
        const begun = () =>
          generations().some((mirror) =>
            readdirSync(join(mirror, "objects", "pack")).some((name) => name.startsWith("tmp_pack"))
          )
        yield* Effect.repeat(Effect.sleep("20 millis"), { until: begun })
        yield* Fiber.interrupt(killed)
        rmSync(slow)
        const work = yield* open({ directory: directory("t3"), remoteURL })
        assert.strictEqual(work.baseCommit, git(seed, "rev-parse", "HEAD"))
        assert.strictEqual(git(work.directory, "fsck", "--full"), "")
        assert.lengthOf(generations(), 1)
      })
    )
  )

  it.live("that is damaged under a live workspace stays for it until it ends", () =>
    withMirrors(({ directory, generations, remote }) =>
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const one = yield* open({ directory: directory("t1"), remoteURL: remote })
            for (const mirror of generations()) rmSync(join(mirror, "HEAD"))
            yield* open({ directory: directory("t2"), remoteURL: remote })
            assert.lengthOf(generations(), 2)
            assert.strictEqual(git(one.directory, "fsck", "--full"), "")
          })
        )
        yield* open({ directory: directory("t3"), remoteURL: remote })
        assert.lengthOf(generations(), 1)
      })
    )
  )

  it.live("of a remote that is away stays as it is, and the run says so", () =>
    withMirrors(({ directory, generations, remote, root, first }) =>
      Effect.gen(function* () {
        yield* Effect.scoped(open({ directory: directory("t1"), remoteURL: remote }))
        execFileSync("mv", [remote, join(root, "away")])
        const error = yield* Effect.flip(open({ directory: directory("t2"), remoteURL: remote }))
        assert.strictEqual(error.reason._tag, "CloneFailed")
        assert.deepStrictEqual(
          generations().map((mirror) => git(mirror, "rev-parse", "main")),
          [first]
        )
      })
    )
  )

  it.live("is removed when nobody used it for a month, or to make room, and never while it is in use", () =>
    withMirrors(
      ({ directory, makeRemote, mirrors, remote, seed }) =>
        Effect.gen(function* () {
          const names = () =>
            readdirSync(mirrors).filter((home) => readdirSync(join(mirrors, home)).includes("1.git"))
          const others = ["old", "new"].map((name) => {
            const url = makeRemote(`${name}.git`)
            git(seed, "push", "-q", url, "HEAD:main")
            return url
          })
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* open({ directory: directory("t1"), remoteURL: others[0] })
              for (const home of readdirSync(mirrors)) utimesSync(join(mirrors, home, "used"), 1, 1)
              yield* open({ directory: directory("t2"), remoteURL: others[1] })
              assert.lengthOf(names(), 2)
            })
          )
          yield* open({ directory: directory("t3"), remoteURL: remote })
          assert.deepStrictEqual(
            names().map((home) => home.split("-")[0]),
            ["remote"]
          )
        }),
      { maxBytes: 0 }
    )
  )

  it.live("with many packs is packed anew, and only while nobody uses it", () =>
    withMirrors(({ directory, generations, remote, write }) =>
      Effect.gen(function* () {
        const packs = () =>
          generations()
            .flatMap((mirror) => readdirSync(join(mirror, "objects", "pack")))
            .filter((name) => name.endsWith(".pack")).length
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* open({ directory: directory("user"), remoteURL: remote })
            for (let index = 0; index < 34; index += 1) {
              write(`text ${index}`)
              for (const mirror of generations()) {
                git(mirror, "-c", "fetch.unpackLimit=1", "fetch", "-q", remote, "+refs/heads/*:refs/heads/*")
              }
            }
            yield* Effect.scoped(open({ directory: directory("t"), remoteURL: remote }))
            assert.isAbove(packs(), 32)
          })
        )
        const work = yield* open({ directory: directory("t"), remoteURL: remote })
        assert.isAtMost(packs(), 2)
        assert.strictEqual(git(work.directory, "rev-list", "--count", "HEAD"), "35")
      })
    )
  )
})
