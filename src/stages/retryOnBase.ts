/**
 * Asks the base about checks that are red at the commit: the same command under the same limits, once in the work folder and, where that
 * would excuse the change, once more where nothing of the candidate has run. Failed tests have a stage of their own (`rerun.ts`).
 */
import { Effect } from "effect"

import { banner } from "../gate/checks.ts"
import type { RerunEvidence } from "../gate/flaky.ts"
import { isSuspect, neverRan } from "../gate/judgeRed.ts"
import { isWhole } from "../gate/lastBytes.ts"
import { type Compared, compareRed } from "../gate/redOnBase.ts"
import { inRoom } from "../gate/room.ts"
import { isTestCheck } from "../gate/testRunner.ts"
import type { ToolCheck } from "../gate/toolChecks.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult } from "../services/GateToolchain.ts"
import type { BaseVisit } from "./baseVisit.ts"
import type { CleanEnvironment } from "./cleanEnvironment.ts"
import { type Checked, type CheckWorld, keepBytes, runOne } from "./runChecks.ts"

export interface AskedOfBase {
  readonly checked: ReadonlyArray<Checked>
  readonly evidence: ReadonlyArray<RerunEvidence>
}

/** Labels what is not the change's, and names what the change adds to a red base. */
export const retryOnBase = Effect.fn("retryOnBase")(function* (
  world: CheckWorld,
  checked: ReadonlyArray<Checked>,
  clean: CleanEnvironment,
  visit: BaseVisit
): Effect.fn.Return<AskedOfBase, GateError> {
  const { checkout, log } = world
  const { base } = checkout
  const red = checked.filter((each) => isAsked(world, each))
  if (base === undefined || red.length === 0) return { checked, evidence: [] }
  // Asked while the folder still shows the commit: of which files a tool says no.
  const asked = yield* Effect.forEach(
    red,
    Effect.fnUntraced(function* (each) {
      const isOfFiles = each.ofFiles !== undefined && each.check.limit === undefined
      return { each, files: isOfFiles ? yield* redOf(world, each.ofFiles, each.ofFiles.files) : [] }
    })
  )
  log.line(`=== the same on the base ${base} ===`)
  yield* visit.toBase
  const files = [...new Set([...(yield* checkout.files), ...(yield* checkout.baseFiles)])]
  const again: Array<Answer> = []
  for (const { each, files: redFiles } of asked) {
    log.line(banner(each.asked))
    again.push(
      each.ofFiles === undefined || each.check.limit !== undefined
        ? yield* askBase({ ...world, clean, files }, each)
        : yield* askOfFiles(world, clean, each, each.ofFiles, redFiles)
    )
  }
  return {
    checked: checked.map((each) => again.find(({ now }) => now.asked === each.asked)?.now ?? each),
    evidence: again.flatMap(({ evidence }) => evidence ?? [])
  }
})

interface Answer {
  readonly now: Checked
  readonly evidence?: RerunEvidence | undefined
}

interface World extends CheckWorld {
  readonly clean: CleanEnvironment
  readonly files: ReadonlyArray<string>
}

const isUndeclared = ({ declared }: CheckWorld, { asked }: Checked): boolean =>
  asked.target !== undefined && !declared.has(asked.target)

const isAsked = (world: CheckWorld, each: Checked): boolean => {
  const { asked, check, isBuiltIn, ofFiles } = each
  if (isBuiltIn === true || check.exitCode === undefined) return false
  if (ofFiles !== undefined) return check.exitCode !== 0
  if (isSuspect(check, isUndeclared(world, each))) return true
  return check.exitCode !== 0 && !isTestCheck(asked)
}

const askBase = Effect.fnUntraced(function* (
  world: World,
  each: Checked
): Effect.fn.Return<Answer, GateError> {
  const run = yield* runOne(world, each.asked, true)
  const onBase = { ...each, base: run.exitCode, baseLimit: run.limit }
  // What could not start, was killed or ran into a limit printed nothing to compare: it is held against how the base ends.
  if (isSuspect(each.check, false)) return { now: onBase }
  const isRed = run.exitCode !== 0 || run.limit !== undefined
  const compared: Compared = !isRed
    ? { verdict: "introduced", added: [] }
    : hasSaidNo(run)
      ? yield* believed(world, each, compare(world, each, run))
      : { verdict: "inconclusive" }
  world.log.line(`--- ${each.asked.name}: ${isRed ? compared.verdict : "not on the base"}`)
  const evidence: RerunEvidence = {
    check: each.asked.name,
    verdict: compared.verdict,
    runs: 0,
    failed: 0,
    baseRuns: 1,
    baseFailed: isRed ? 1 : 0,
    seconds: run.seconds
  }
  if (compared.verdict === "introduced") {
    return { now: isRed ? { ...each, added: compared.added } : each, evidence }
  }
  // A target that neither declares.
  const isAbsent = compared.verdict === "inconclusive" && isUndeclared(world, each)
  return isAbsent ? { now: onBase } : { now: { ...each, rerun: compared.verdict }, evidence }
})

const hasSaidNo = ({ exitCode, limit }: CommandResult): boolean =>
  limit === undefined && exitCode !== 0 && !neverRan(exitCode)

/** What set-up says is about the machine it runs on. */
const compare = (world: World, each: Checked, run: CommandResult): Compared =>
  each.asked.role === "setup"
    ? { verdict: "inconclusive" }
    : compareRed({
        command: each.asked.command,
        commit: whole(each.output),
        base: whole(run.logTail),
        files: world.files,
        change: world.change
      })

const whole = (output = ""): string | undefined => (isWhole(output, keepBytes) ? output : undefined)

/** What the candidate left for the base to trip over excuses nothing: the base must say the same where nothing of it has run. */
const believed = Effect.fnUntraced(function* (
  world: World,
  each: Checked,
  compared: Compared
): Effect.fn.Return<Compared, GateError> {
  if (compared.verdict !== "preexisting") return compared
  world.log.line(`--- ${each.asked.name}: the base in a room of its own`)
  const room = yield* world.clean.before(each.asked)
  const run = yield* runOne(world, { ...each.asked, command: inRoom(room, each.asked.command) }, false)
  const there = hasSaidNo(run) ? compare(world, each, run) : undefined
  return there?.verdict === "preexisting" ? compared : { verdict: "inconclusive" }
})

/** A tool that is asked of single files: each of them must be red on the base as well. */
const askOfFiles = Effect.fnUntraced(function* (
  world: CheckWorld,
  clean: CleanEnvironment,
  each: Checked,
  tool: ToolCheck,
  red: ReadonlyArray<string>
): Effect.fn.Return<Answer, GateError> {
  const isShared = red.length > 0 && (yield* areRedOnBase(world, clean, tool, red))
  world.log.line(`--- ${each.asked.name}: ${isShared ? "preexisting" : "not on the base"}: ${red.join(", ")}`)
  return { now: isShared ? { ...each, rerun: "preexisting" } : each }
})

/** Files that a tool says no to, each asked by itself. */
const redOf = (
  world: CheckWorld,
  { commandFor }: ToolCheck,
  files: ReadonlyArray<string>,
  place: (command: string) => string = (command) => command
) =>
  Effect.filter(
    files,
    Effect.fnUntraced(function* (path) {
      const timeout = yield* world.allowance
      const { exitCode } = yield* world.toolchain.run(place(commandFor(path)), { timeout, echo: false })
      return exitCode !== 0
    })
  )

/** Whether the base fails with each of them, also where settings that the candidate left beside its files excuse nothing. */
const areRedOnBase = Effect.fnUntraced(function* (
  world: CheckWorld,
  clean: CleanEnvironment,
  tool: ToolCheck,
  files: ReadonlyArray<string>
) {
  if ((yield* redOf(world, tool, files)).length < files.length) return false
  const room = yield* clean.before()
  const inside = yield* redOf(world, tool, files, (command) => inRoom(room, command))
  return inside.length === files.length
})
