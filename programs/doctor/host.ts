/** Checks this host, the git remote and the repository in the current folder. */
import { accessSync, constants, existsSync, statfsSync } from "node:fs"
import { dirname } from "node:path"

import { Effect, type Redacted, Result } from "effect"

import { isConfining } from "../../layers/confinedShell.ts"
import { nobody } from "../../layers/git/checkout.ts"
import { mustPass } from "../../layers/git/git.ts"
import { runGit } from "../../layers/git/runGit.ts"
import { temporaryPlace } from "../../layers/git/temporaryPlace.ts"
import { oneLine } from "../../src/decide/oneLine.ts"
import { gateFilePath } from "../../src/gate/gateFile.ts"
import { gateError } from "../../src/services/GateError.ts"
import { planChecks } from "../../src/stages/planChecks.ts"
import { fail, type Line, ok, skipped, warn } from "./Line.ts"

const leastFreeBytes = 5_000_000_000

const nearest = (path: string): string =>
  existsSync(path) || dirname(path) === path ? path : nearest(dirname(path))

export const workspaceLine = (folder: string): Effect.Effect<Line> =>
  Effect.sync(() => {
    const check = "workspace"
    const there = nearest(folder)
    try {
      accessSync(there, constants.W_OK)
    } catch {
      return fail(
        check,
        `${folder} cannot be written`,
        "name another folder with --workspace-dir, or give this one to the daemon's user"
      )
    }
    const { bavail, bsize } = statfsSync(there)
    const free = bavail * bsize
    const shown = `${(free / 1_000_000_000).toFixed(0)} GB are free for ${folder}`
    return free < leastFreeBytes
      ? warn(check, shown, "make room: clones, mirrors and journals live there")
      : ok(check, shown)
  })

export const confinedLine: Effect.Effect<Line> = Effect.map(isConfining, (isConfined) =>
  isConfined
    ? ok("confinement", "commands of models see no process and no credential of this host")
    : warn(
        "confinement",
        "commands of models run as you: this host has no user namespaces for them",
        "run the daemon on Linux, outside a container that forbids them, or coders in Jobs"
      )
)

/** Never created: the push is a dry run. */
const probe = "refs/foreman/doctor"

export const remoteLine = Effect.fn("doctor.remote")(function* (
  url: string,
  token: Redacted.Redacted<string> | undefined
) {
  const check = "git remote"
  if (url === "") return skipped(check, "no --git-remote-url; tasks name their repository themselves")
  const place = yield* temporaryPlace(token).pipe(Effect.orDie)
  const run = (args: ReadonlyArray<string>, isRemote: boolean) =>
    mustPass(place, args, (message) => message, { isRemote, env: nobody }).pipe(
      Effect.map((text) => text.trim())
    )
  const mend = !/^https?:/u.test(url)
    ? "see whether the address is right and this host may use it"
    : token === undefined
      ? "there is no token: GITHUB_TOKEN, or ~/.config/foreman/github-token"
      : "see whether the token is valid and for this repository"
  const heads = yield* Effect.result(run(["ls-remote", "--heads", url], true))
  if (Result.isFailure(heads)) return fail(check, `cannot be read: ${oneLine(heads.failure, 300)}`, mend)
  if (heads.success === "")
    return warn(check, "has no branch", "push a first commit: a task starts from a branch")
  const pushed = yield* run(["init", "--quiet", "--bare", place.repository], false).pipe(
    Effect.andThen(run(["mktree"], false)),
    Effect.flatMap((tree) => run(["commit-tree", "-m", "probe", tree], false)),
    Effect.flatMap((commit) => run(["push", "--dry-run", "--quiet", url, `${commit}:${probe}`], true)),
    Effect.result
  )
  return Result.isFailure(pushed)
    ? fail(
        check,
        `can be read, not pushed to: ${oneLine(pushed.failure, 300)}`,
        `${mend}; it needs the right to write`
      )
    : ok(check, "can be read and pushed to")
}, Effect.scoped)

const output = (folder: string, args: ReadonlyArray<string>) =>
  runGit({ args, directory: folder, timeoutMillis: 20_000, maxBytes: 16 * 1024 * 1024 }).pipe(
    Effect.mapError(({ message }) => gateError("CloneFailed", message)),
    Effect.map((ended) => (ended.exitCode === 0 ? ended.stdout.toString("utf8") : undefined))
  )

/** What a gate would run for the commit that is checked out there. */
export const gateLine = Effect.fn("doctor.gate")(function* (folder: string) {
  const check = "gate"
  const listed = yield* Effect.result(output(folder, ["ls-tree", "-r", "--name-only", "HEAD"]))
  if (Result.isFailure(listed) || listed.success === undefined) {
    return skipped(check, `${folder} is not a checkout with a commit; --repo names another`)
  }
  const paths = listed.success.split("\n").filter((path) => path !== "")
  const known = new Set(paths)
  const planned = yield* Effect.result(
    planChecks(
      {
        baseFiles: Effect.succeed(paths),
        readBase: (path) => (known.has(path) ? output(folder, ["show", `HEAD:${path}`]) : Effect.undefined)
      },
      undefined
    )
  )
  if (Result.isFailure(planned)) {
    return fail(
      check,
      oneLine(planned.failure.message, 300),
      `foreman gate init writes ${gateFilePath} and proves it`
    )
  }
  const { checks, source } = planned.success
  const names = checks.map(({ name }) => name).join(", ")
  return source === "gate.yaml"
    ? ok(check, `${gateFilePath} names ${names}`)
    : warn(
        check,
        `found by the repository's files: ${names}`,
        `foreman gate init proves them and writes ${gateFilePath}`
      )
})
