/** `foreman gate hook`: a pre-push hook that judges what is pushed, while git waits. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { text } from "node:stream/consumers"

import { Effect } from "effect"
import { Argument, Command } from "effect/cli"

import { git } from "../../layers/git/runGit.ts"
import { isBranchPush, mark, type Push, readPushes, script } from "../../src/gate/prePush.ts"
import { find } from "./candidate.ts"
import { GateConfigError, GateNotPassed } from "./errors.ts"
import * as flags from "./flags.ts"
import { judgeFound } from "./judgeOnce.ts"
import type { Limits } from "./judgeCandidate.ts"
import { tell } from "./output.ts"

const run = (repo: string, ...args: ReadonlyArray<string>) =>
  git(["-C", repo, ...args]).pipe(Effect.map((output) => output.trim()))

/** Where git looks for hooks: our git runner reads no configuration but the repository's own, so a person's is read by its file. */
const hookPath = Effect.fn("gate.hookPath")(function* (repo: string) {
  const common = yield* run(repo, "rev-parse", "--path-format=absolute", "--git-common-dir").pipe(
    Effect.mapError(() => new GateConfigError({ message: `--repo ${repo} is not a git repository` }))
  )
  const configured = (...where: ReadonlyArray<string>) =>
    run(repo, "config", ...where, "--type=path", "--get", "core.hooksPath").pipe(
      Effect.catchTag("GitFailed", () => Effect.succeed(""))
    )
  const own = yield* configured("--local")
  const folder = own === "" ? yield* configured("--file", join(homedir(), ".gitconfig")) : own
  if (folder === "") return join(common, "hooks", "pre-push")
  const root = yield* run(repo, "rev-parse", "--show-toplevel").pipe(
    Effect.catchTag("GitFailed", () => Effect.succeed(common))
  )
  return join(resolve(root, folder), "pre-push")
})

const attempt = (what: string, work: () => void) =>
  Effect.try({ try: work, catch: (cause) => new GateConfigError({ message: `${what}: ${String(cause)}` }) })

const isOurs = (path: string): boolean => readFileSync(path, "utf8").includes(mark)

const install = Effect.fn("gate.hook.install")(function* (repo: string) {
  const path = yield* hookPath(repo)
  if (existsSync(path) && !isOurs(path)) {
    return yield* new GateConfigError({
      message: `${path} is there already: add the line  foreman gate hook run "$@"  to it, which reads what git writes to its stdin`
    })
  }
  const program = [process.execPath, process.argv[1] ?? ""]
  yield* attempt(`${path} cannot be written`, () => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, script(program))
    chmodSync(path, 0o755)
  })
  tell(`foreman gate hook: ${path} judges each push from now on; git push --no-verify goes past it\n`)
})

const uninstall = Effect.fn("gate.hook.uninstall")(function* (repo: string) {
  const path = yield* hookPath(repo)
  if (!existsSync(path)) return tell(`foreman gate hook: there is no ${path}\n`)
  if (!isOurs(path)) {
    return yield* new GateConfigError({
      message: `${path} is not written by foreman: remove its line yourself`
    })
  }
  yield* attempt(`${path} cannot be removed`, () => rmSync(path))
  tell(`foreman gate hook: removed ${path}\n`)
})

/** What can be judged of a push; a repository where nothing can be compared does not stop it. */
const candidateOf = (repo: string, remote: string, { localId, localRef, remoteId, remoteRef }: Push) =>
  Effect.gen(function* () {
    const isDefault = yield* run(repo, "rev-parse", "--symbolic-full-name", `${remote}/HEAD`).pipe(
      Effect.map((ref) => ref === `refs/remotes/${remote}/${remoteRef.slice("refs/heads/".length)}`),
      Effect.catchTag("GitFailed", () => Effect.succeed(false))
    )
    const isKnown = yield* run(repo, "cat-file", "-e", `${remoteId}^{commit}`).pipe(
      Effect.as(true),
      Effect.catchTag("GitFailed", () => Effect.succeed(false))
    )
    // What goes to the default branch is measured against what that is there now, all else against the default branch.
    const base = isDefault && isKnown ? remoteId : undefined
    const candidate = yield* find({ repo, base, head: localId, remote })
    // A push may name HEAD or a commit: the branch's name is for people.
    const name = localRef.startsWith("refs/heads/") ? localRef.slice("refs/heads/".length) : candidate.name
    return { ...candidate, name }
  })

const judgePushes = Effect.fn("gate.hook.run")(function* (repo: string, remote: string, limits: Limits) {
  const pushes = readPushes(yield* Effect.promise(() => text(process.stdin)))
  const failed: Array<string> = []
  const seen = new Set<string>()
  for (const push of pushes) {
    if (!isBranchPush(push) || seen.has(push.localId)) continue
    seen.add(push.localId)
    const judged = candidateOf(repo, remote, push).pipe(
      Effect.flatMap((candidate) =>
        candidate.base === candidate.commit
          ? Effect.sync(() => tell(`foreman gate: ${candidate.name} has nothing new to judge\n`))
          : judgeFound(candidate, { limits, format: "table", reports: [] })
      )
    )
    yield* judged.pipe(
      Effect.catchTag("GateNotPassed", (error) =>
        Effect.sync(() => {
          if (error.verdict === "GATE-FAIL") failed.push(error.message)
          else tell(`foreman gate: ${push.remoteRef} is pushed without a verdict: ${error.message}\n`)
        })
      ),
      Effect.catchTag("GateConfigError", ({ message }) =>
        Effect.sync(() => tell(`foreman gate: ${push.remoteRef} is pushed without a verdict: ${message}\n`))
      )
    )
  }
  if (failed.length > 0) {
    return yield* new GateNotPassed({ verdict: "GATE-FAIL", message: failed.join("; ") })
  }
})

export const command = Command.make("hook").pipe(
  Command.withDescription("Judge each push from this repository, by a pre-push hook"),
  Command.withSubcommands([
    Command.make("install", { repo: flags.repo }, ({ repo }) => install(repo)).pipe(
      Command.withDescription("Write the hook; one of somebody else's is left as it is")
    ),
    Command.make("uninstall", { repo: flags.repo }, ({ repo }) => uninstall(repo)).pipe(
      Command.withDescription("Remove the hook that install wrote")
    ),
    Command.make(
      "run",
      {
        repo: flags.repo,
        ...flags.limits,
        remote: Argument.String("remote").pipe(Argument.withDefault("origin")),
        url: Argument.String("url").pipe(Argument.withDefault(""))
      },
      Effect.fnUntraced(function* ({ remote, repo, ...limits }) {
        yield* judgePushes(repo, remote, yield* flags.limitsOf(limits))
      })
    ).pipe(
      Command.withDescription(
        "What the hook calls: reads git's lines from stdin and judges each branch.\n" +
          "Exit 1: a GATE-FAIL, and git pushes nothing. A branch that cannot be judged is named, and does not stop the push."
      )
    )
  ])
)
