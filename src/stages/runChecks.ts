/** Runs checks in their order, neighbours that may run together at once, and the red ones again on the base where that tells more. */
import { Duration, Effect } from "effect"

import type { GateCheck } from "../../schema/Result.ts"
import type { Change } from "../gate/change.ts"
import { banner, type Check } from "../gate/checks.ts"
import { covers, isUntouched } from "../gate/coverage.ts"
import { isSuspect, type Ran } from "../gate/judge.ts"
import { inRoom } from "../gate/room.ts"
import type { ToolCheck } from "../gate/toolChecks.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"
import type { Environment } from "./environment.ts"
import type { Log } from "./log.ts"
import { setUp } from "./setup.ts"
import type { CommandResult, GateToolchain } from "../services/GateToolchain.ts"

/** A check, what it did, and what it looked at. */
export interface Checked extends Ran {
  readonly asked: Check
  readonly looksAt: (path: string) => boolean
  /** Asked of single files of the change: red on the base too is nothing that the change brought. */
  readonly ofFiles?: ToolCheck | undefined
}

export interface CheckWorld {
  readonly checkout: Checkout
  readonly change: Change
  readonly toolchain: GateToolchain["Service"] & Environment
  readonly declared: ReadonlySet<string>
  readonly log: Log
  /** Checks whose output in the work folder goes with each commit placed there, and which run again then. */
  readonly builders: ReadonlyArray<Check>
  /** Set-up that runs again for the base and after it, because the change touches what decides about dependencies. */
  readonly setup: ReadonlyArray<Check>
  /** How long a check may take that does not say so itself: half of what is left, so that its base can be asked as well. */
  readonly allowance: Effect.Effect<Duration.Duration>
}

const utf8 = new TextEncoder()

/** As many at once; a machine is not a farm. */
const maxParallel = 4

const entry = (check: Check, change: Change, run: CommandResult): GateCheck => ({
  ...described(check, change),
  exitCode: run.exitCode,
  seconds: run.seconds,
  ...(run.limit !== undefined && { limit: run.limit }),
  ...(run.logTail !== "" && { logTail: run.logTail })
})

const described = (check: Check, change: Change) => ({
  name: check.name,
  ...(check.role !== undefined && { role: check.role }),
  command: check.command,
  ...(check.paths !== undefined && { paths: check.paths }),
  covered: change.files.filter(({ path, status }) => status !== "deleted" && covers(check)(path)).length
})

/** Neighbours that say `parallel` form one group. */
const groups = (checks: ReadonlyArray<Check>): ReadonlyArray<ReadonlyArray<Check>> => {
  const grouped: Array<Array<Check>> = []
  for (const check of checks) {
    const last = grouped.at(-1)
    if (check.parallel === true && last?.at(-1)?.parallel === true) last.push(check)
    else grouped.push([check])
  }
  return grouped
}

/** Returns the build checks that left something in the work folder which git ignores: later commits placed there need them again. */
export const runChecks = Effect.fn("runChecks")(function* (
  world: CheckWorld,
  checks: ReadonlyArray<Check>,
  onChecked: (checked: Checked) => void
): Effect.fn.Return<ReadonlyArray<Check>, GateError> {
  const { change, checkout, log } = world
  const builders: Array<Check> = []
  for (const group of groups(checks)) {
    const isShared = group.length > 1
    const isBuild = group.some(({ role }) => role === "build")
    const before = isBuild ? yield* checkout.ignored : []
    yield* Effect.forEach(
      group,
      Effect.fnUntraced(function* (check) {
        const looksAt = covers(check)
        // Without a base nothing is known of what the change touches.
        if (checkout.base !== undefined && isUntouched(check, change)) {
          const skipped = "the change touches none of its paths"
          log.line(banner(check))
          log.line(`--- ${check.name}: skipped, ${skipped}`)
          onChecked({
            asked: check,
            looksAt: () => false,
            check: { ...described(check, change), seconds: 0, skipped }
          })
          return
        }
        if (check.role === "setup") {
          onChecked({
            asked: check,
            looksAt: () => false,
            check: entry(check, change, yield* setUp(world, check))
          })
          return
        }
        if (!isShared) log.line(banner(check))
        const run = yield* runOne(world, check, !isShared)
        if (isShared) {
          log.line(banner(check))
          log.raw(utf8.encode(run.logTail))
        }
        onChecked({ asked: check, looksAt, check: entry(check, change, run) })
        if (run.exitCode === 0 && run.limit === undefined) return
        log.line(
          `--- ${check.name}: ${run.limit === undefined ? `exit ${run.exitCode}` : `stopped at its limit: ${run.limit}`}`
        )
        // What filled the volume goes: the next check is not to blame for it.
        if (run.limit === "disk") yield* checkout.place(checkout.commit)
        yield* world.toolchain.requireRoom
      }),
      { concurrency: maxParallel, discard: true }
    )
    if (isBuild && (yield* checkout.ignored).some((path) => !before.includes(path))) builders.push(...group)
    if (group.some(({ role }) => role === "setup")) yield* checkout.keepIgnored
  }
  return builders
})

const runOne = Effect.fnUntraced(function* (world: CheckWorld, check: Check, echo: boolean) {
  const declared = check.timeoutSeconds
  const timeout = declared === undefined ? yield* world.allowance : Duration.seconds(declared)
  return yield* world.toolchain.run(check.command, { timeout, echo })
})

/** Tools for what is no code: one that is absent did not run, and its files count as not examined. */
export const runToolChecks = Effect.fn("runToolChecks")(function* (
  world: CheckWorld,
  checks: ReadonlyArray<ToolCheck>,
  onChecked: (checked: Checked) => void
): Effect.fn.Return<void, GateError> {
  for (const ofFiles of checks) {
    const { name, command, files, tool } = ofFiles
    const asked: Check = { name, command, role: "lint" }
    const about = { name, role: "lint", command, covered: files.length }
    const run = yield* runOne(world, asked, false)
    if (run.exitCode === 127) {
      const skipped = `${tool} is not there`
      onChecked({ asked, looksAt: () => false, check: { ...about, seconds: 0, skipped } })
      continue
    }
    world.log.line(banner(asked))
    world.log.raw(utf8.encode(run.logTail))
    if (run.exitCode !== 0) world.log.line(`--- ${name}: exit ${run.exitCode}`)
    onChecked({
      asked,
      ofFiles,
      looksAt: (path) => files.includes(path),
      check: {
        ...about,
        exitCode: run.exitCode,
        seconds: run.seconds,
        ...(run.limit !== undefined && { limit: run.limit }),
        ...(run.logTail !== "" && { logTail: run.logTail })
      }
    })
  }
})

/** A failure that may be nobody's fault is held against the base: the same command, the same limits. */
export const retryOnBase = Effect.fn("retryOnBase")(function* (
  world: CheckWorld,
  checked: ReadonlyArray<Checked>
): Effect.fn.Return<ReadonlyArray<Checked>, GateError> {
  const { checkout, declared, log } = world
  const isDoubtful = ({ asked, check, ofFiles }: Checked) =>
    check.exitCode !== undefined &&
    (ofFiles === undefined
      ? isSuspect(check, asked.target !== undefined && !declared.has(asked.target))
      : check.exitCode !== 0)
  if (checkout.base === undefined || !checked.some(isDoubtful)) return checked
  // Asked while the folder still shows the commit: of which files a tool says no.
  const doubtful = yield* Effect.forEach(
    checked.filter(isDoubtful),
    Effect.fnUntraced(function* (each) {
      const isOfFiles = each.ofFiles !== undefined && each.check.limit === undefined
      return { each, red: isOfFiles ? yield* redOf(world, each.ofFiles, each.ofFiles.files) : [] }
    })
  )
  log.line(`=== the same on the base ${checkout.base} ===`)
  yield* checkout.place(checkout.base)
  for (const check of world.setup) yield* setUp(world, check)
  for (const builder of world.builders) {
    if (doubtful.every(({ each }) => each.asked !== builder)) yield* runOne(world, builder, false)
  }
  const again = yield* Effect.forEach(
    doubtful,
    Effect.fnUntraced(function* ({ each, red }) {
      log.line(banner(each.asked))
      if (each.ofFiles === undefined || each.check.limit !== undefined) {
        const run = yield* runOne(world, each.asked, true)
        return { ...each, base: run.exitCode, baseLimit: run.limit }
      }
      const isShared = red.length > 0 && (yield* areRedOnBase(world, each.ofFiles, red))
      log.line(`--- ${each.asked.name}: ${isShared ? "shared" : "not on the base"}: ${red.join(", ")}`)
      return isShared ? { ...each, rerun: "shared" as const } : each
    })
  )
  if (world.setup.length > 0) {
    yield* checkout.place(checkout.commit)
    for (const check of world.setup) yield* setUp(world, check)
  }
  return checked.map((each) => again.find(({ asked }) => asked === each.asked) ?? each)
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
  tool: ToolCheck,
  files: ReadonlyArray<string>
) {
  if ((yield* redOf(world, tool, files)).length < files.length) return false
  const room = yield* world.checkout.room(world.checkout.base ?? "")
  const inside = yield* redOf(world, tool, files, (command) => inRoom(room, command))
  return inside.length === files.length
}, Effect.scoped)
