/** What the checks left of the tree, and whether they leave it so on the base as well: then nobody did it. */
import { Duration, Effect } from "effect"

import type { CheckRole } from "../gate/checks.ts"
import type { Finding } from "../gate/finding.ts"
import type { GateError } from "../services/GateError.ts"
import type { BaseVisit } from "./baseVisit.ts"
import { type Checked, type CheckWorld, runOne } from "./runChecks.ts"

/** Those first that are there to write. */
const order: ReadonlyArray<CheckRole | undefined> = ["codegen", "format", "build", undefined, "lint", "test"]

/**
 * The findings of paths that differ from the commit after the checks. The base is asked only where there are some: the checks run there one
 * after another until each of these paths differs there, too, at most once each.
 */
export const dirtyOnBase = Effect.fn("dirtyOnBase")(function* (
  world: CheckWorld,
  checked: ReadonlyArray<Checked>,
  dirty: ReadonlyArray<string>,
  visit: BaseVisit
): Effect.fn.Return<ReadonlyArray<Finding>, GateError> {
  const { checkout, log } = world
  const { base } = checkout
  if (dirty.length === 0 || base === undefined) return dirty.map((line) => finding(line, false))
  log.line(`=== the tree on the base ${base} ===`)
  const ran = checked.filter(
    ({ asked, check, isBuiltIn, ofFiles }) =>
      check.exitCode !== undefined && isBuiltIn !== true && ofFiles === undefined && asked.role !== "setup"
  )
  yield* visit.toBase
  const look = checkout.dirtyAgainst(base).pipe(Effect.map((lines) => new Set(lines.map(pathOf))))
  let there = yield* look
  for (const { asked } of ran.toSorted((a, b) => order.indexOf(a.asked.role) - order.indexOf(b.asked.role))) {
    if (dirty.every((line) => there.has(pathOf(line)))) break
    if (Duration.toMillis(yield* world.allowance) <= 1) break
    yield* runOne(world, asked, false)
    there = yield* look
  }
  return dirty.map((line) => finding(line, there.has(pathOf(line))))
})

const pathOf = (line: string): string => line.slice(3)

const finding = (line: string, isOnBase: boolean): Finding => ({
  rule: "dirty",
  file: pathOf(line),
  message: `${
    line.startsWith("??")
      ? "a check left it, and git does not ignore it"
      : "differs from the commit after the checks"
  }${isOnBase ? ", on the base too" : ""}`,
  ...(isOnBase && { isNote: true as const })
})
