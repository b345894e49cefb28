/** `foreman gate init`: finds out what a repository runs, proves it on the default branch, and writes `.foreman/gate.yaml`. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { createInterface } from "node:readline/promises"

import { Effect, Result, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"

import * as commitReader from "../../layers/gate/commitReader.ts"
import { git } from "../../layers/git/runGit.ts"
import type { Check } from "../../src/gate/checks.ts"
import { gateFilePath, readGateFile } from "../../src/gate/gateFile.ts"
import { firstTest, nothingFound } from "../../src/gate/init/advice.ts"
import { gateFileText } from "../../src/gate/init/gateFileText.ts"
import { type Ground, isSetup, propose, revise, type Tried } from "../../src/gate/init/propose.ts"
import { type Proof, prove } from "../../src/gate/init/prove.ts"
import { asJson, table } from "../../src/gate/init/report.ts"
import { makefileNames } from "../../src/gate/make.ts"
import { isTestCheck } from "../../src/gate/testRunner.ts"
import { baseFiles, declaredTargets } from "../../src/stages/planChecks.ts"
import { baseBranch, type Candidate, defaultBranch } from "./candidate.ts"
import { GateConfigError, GateNotPassed } from "./errors.ts"
import * as flags from "./flags.ts"
import { judgeCandidate, type Limits } from "./judgeCandidate.ts"
import { say, tell } from "./output.ts"

/** Everything that could be found fails on the base: there is nothing to put into the file. */
class NothingProved extends Schema.TaggedError<NothingProved>()("NothingProved", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

interface Options {
  readonly repo: string
  readonly yes: boolean
  readonly force: boolean
  readonly output: "table" | "json"
  readonly limits: Limits
}

const parameters = {
  repo: flags.repo,
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDefault(false),
    Flag.withDescription("Writes the file without asking")
  ),
  force: Flag.Boolean("force").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Writes over a file that is there")
  ),
  ...flags.limits,
  output: Flag.Literals("output", ["table", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDefault("table"),
    Flag.withDescription("table: for people; json: what was proved and what was left out, on one line")
  )
}

/** Whether PATH leads to a program. */
const hasProgram = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return statSync(path).isFile()
    } catch {
      return false
    }
  })

/** The work tree, and the commit of its default branch; HEAD where there is none. */
const find = Effect.fnUntraced(function* (repo: string) {
  const run = (...args: ReadonlyArray<string>) =>
    git(["-C", repo, ...args]).pipe(Effect.map((text) => text.trimEnd()))
  const root = yield* run("rev-parse", "--show-toplevel").pipe(
    Effect.mapError(() => new GateConfigError({ message: `--repo ${repo} is not a git work tree` }))
  )
  const branch = yield* defaultBranch(run, "origin")
  const commit =
    branch ??
    (yield* run("rev-parse", "--verify", "-q", "HEAD^{commit}").pipe(
      Effect.mapError(() => new GateConfigError({ message: `${root} has no commit yet: make one first` }))
    ))
  return { root, commit }
})

const groundOf = Effect.fnUntraced(function* (
  root: string,
  commit: string
): Effect.fn.Return<Ground, GateNotPassed> {
  const reading = commitReader.make(root)(commit, commit)
  const read = Effect.gen(function* () {
    const files = yield* baseFiles(reading)
    let makefile: string | undefined
    for (const name of makefileNames) makefile ??= yield* reading.readBase(name)
    return {
      ...files,
      hasProgram,
      declared: yield* declaredTargets(reading),
      recipes: { makefile, packageJson: files.texts.get("package.json"), packages: packagesOf(files.texts) }
    }
  })
  return yield* Effect.catchTag(read, "GateError", ({ message, reason }) =>
    Effect.fail(
      new GateNotPassed({ verdict: "GATE-ERROR", message: `GATE-ERROR: ${reason._tag}: ${message}` })
    )
  )
})

const packagesOf = (texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map(
    [...texts].flatMap(([path, text]) =>
      path.endsWith("/package.json") ? [[dirname(path), text] as const] : []
    )
  )

/** No further round than these: each is a clean clone with its set-up. */
const maxRounds = 4

/** Runs what is proposed on the commit, and what that leads to, until nothing is left to try. */
const proveAll = Effect.fnUntraced(function* (
  { commit, root }: { readonly commit: string; readonly root: string },
  ground: Ground,
  proposed: ReadonlyArray<Check>,
  limits: Limits
) {
  const tried: Array<Tried> = []
  let dirty: ReadonlyArray<string> = []
  let next: ReadonlyArray<Check> | undefined = proposed
  for (let round = 0; next !== undefined && round < maxRounds; round++) {
    const checks: ReadonlyArray<Check> = next
    const { envelope } = yield* judgeCandidate(candidateOf(root, commit), limits, bannersOnly(), checks)
    if (envelope.checks.length === 0) {
      return yield* new GateNotPassed({ verdict: "GATE-ERROR", message: `GATE-ERROR: ${envelope.message}` })
    }
    for (const check of checks) {
      const result = envelope.checks.find(({ name }) => name === check.name)
      if (result?.exitCode !== undefined) tried.push({ check, result })
    }
    dirty = envelope.dirty ?? []
    next = revise(ground, tried)
  }
  return prove(commit, tried, ground.recipes, dirty)
})

/** A commit by itself: its name is no branch's, and nothing is its base. */
const candidateOf = (root: string, commit: string): Candidate => ({
  root,
  commit,
  base: commit,
  name: `${baseBranch}-init`,
  ref: undefined,
  uncommitted: []
})

/** Which check runs, and how long the last one took; what they print stays out. */
const bannersOnly = () => {
  let rest = ""
  const decoder = new TextDecoder()
  return (chunk: Uint8Array | string): void => {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines)
      if (/^(?:=== |--- .*: (?:exit|stopped))/u.test(line)) tell(`foreman gate init: ${line}\n`)
  }
}

const confirm = (question: string): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    const asked = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await asked.question(question)
    asked.close()
    return /^(?:y|yes|)$/iu.test(answer.trim())
  })

const write = (path: string, text: string) =>
  Effect.try({
    try: () => {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    },
    catch: (cause) => new GateConfigError({ message: `${path} cannot be written: ${String(cause)}` })
  })

/** A file that is there stays as it is; whether it can be read is said. */
const keep = Effect.fnUntraced(function* (path: string, output: Options["output"]) {
  const read = readGateFile(readFileSync(path, "utf8"))
  if (Result.isFailure(read)) {
    return yield* new GateConfigError({
      message: `${path} is there and is not valid: ${read.failure}. Mend it, or write it anew with --force`
    })
  }
  const checks = read.success.checks ?? []
  yield* say(
    output === "json"
      ? `${JSON.stringify({ file: path, isWritten: false, checks })}\n`
      : `${path} is there already, with ${checks.length} check(s): nothing to do. --force proves and writes it anew.\n`
  )
})

const init = Effect.fn("gate.init")(function* (options: Options) {
  const at = yield* find(options.repo)
  const path = join(at.root, gateFilePath)
  if (existsSync(path) && !options.force) return yield* keep(path, options.output)
  const ground = yield* groundOf(at.root, at.commit)
  const proposed = propose(ground)
  if (proposed.every(isSetup)) {
    return yield* new GateConfigError({ message: nothingFound(ground.paths) })
  }
  tell(
    `foreman gate init: proving on ${at.commit.slice(0, 12)}: ${proposed.map(({ name }) => name).join(", ")}\n`
  )
  const proof = yield* proveAll(at, ground, proposed, options.limits)
  yield* finish(options, path, proof, ground)
})

const finish = Effect.fnUntraced(function* (options: Options, path: string, proof: Proof, ground: Ground) {
  const isProved = proof.kept.some(({ check }) => !isSetup(check))
  const advice = [
    ...(proof.kept.some(({ check }) => isTestCheck(check))
      ? []
      : [`No check runs a test: ${firstTest(ground.paths)}.`]),
    ...(proof.dirty.length === 0
      ? []
      : [
          `The checks leave ${proof.dirty
            .slice(0, 3)
            .map((line) => line.slice(3))
            .join(", ")} in the tree: let .gitignore name what they make.`
        ])
  ]
  const text = gateFileText(proof)
  const isWanted =
    isProved &&
    (options.yes ||
      process.stdin.isTTY !== true ||
      (yield* Effect.andThen(
        Effect.sync(() => tell(`\n${text}\n`)),
        confirm(`Write ${path}? [Y/n] `)
      )))
  if (isWanted) yield* write(path, text)
  yield* say(
    options.output === "json"
      ? `${JSON.stringify(asJson(proof, { file: path, isWritten: isWanted, advice }))}\n`
      : `${table(proof, { file: path, isWritten: isWanted, advice })}\n`
  )
  if (!isProved) {
    return yield* new NothingProved({
      message: `nothing passes on ${proof.commit.slice(0, 12)}, so ${gateFilePath} is not written: mend the default branch, or write the file by hand`
    })
  }
})

export const command = Command.make(
  "init",
  parameters,
  Effect.fnUntraced(function* (given) {
    const { force, output, repo, yes } = given
    yield* init({ repo, yes, force, output, limits: yield* flags.limitsOf(given) })
  })
).pipe(
  Command.withDescription(
    "Find out how this repository is set up, built, linted and tested, prove each on the default branch, and write .foreman/gate.yaml.\n" +
      "What does not pass there is left out and said. Exit 0: written, or there already; 1: nothing passes; 69: nothing could be run; 78: nothing to run was found."
  ),
  Command.withExamples([
    { command: "foreman gate init", description: "Prove and write, after a question" },
    { command: "foreman gate init --yes -o json", description: "As a step of a script" }
  ])
)
