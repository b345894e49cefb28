/** What tests say beyond their exit codes: whose failure a red check is, whether the tests of the change come and go, whether they bite. */
import { Clock, Duration, Effect } from "effect"

import type { CanaryEvidence } from "../gate/canary/canary.ts"
import { canaryFindings } from "../gate/canary/judgeCanary.ts"
import { biteCheck, type Bitten } from "./biteCheck.ts"
import { canary } from "./canary.ts"
import { rerun } from "./rerun.ts"
import type { Checked, CheckWorld } from "./runChecks.ts"
import { isTestCheck } from "../gate/testRunner.ts"
import type { CleanEnvironment } from "./cleanEnvironment.ts"
import { setUp } from "./setup.ts"
import { openProof, type TestStageContext } from "./TestStageContext.ts"

/** Labels failures that reruns saw otherwise. The bite check waits for green: a test that is red at the commit says nothing without it. */
export const testStage = Effect.fn("testStage")(function* (
  world: CheckWorld,
  checked: ReadonlyArray<Checked>,
  clean: CleanEnvironment
) {
  const { base, commit } = world.checkout
  if (base === undefined) return { checked, findings: [], evidence: {}, said: undefined }
  const tests: TestStageContext = {
    commit,
    base,
    change: world.change,
    ran: checked.flatMap(
      ({ asked, base: onBase, check: { exitCode, limit, logTail }, output, rerun: label }) =>
        // A linter that the base fails as well says nothing of the tests.
        exitCode === undefined || (label === "preexisting" && !isTestCheck(asked))
          ? []
          : [
              {
                check: asked,
                exitCode,
                output: output ?? logTail ?? "",
                isSettled: limit !== undefined || onBase !== undefined
              }
            ]
    ),
    builders: world.builders,
    setUp: Effect.forEach(world.setup, (check) => setUp(world, check), { discard: true }),
    checkout: world.checkout,
    run: world.toolchain.run,
    clean,
    print: world.log.line,
    patience: yield* world.allowance
  }
  const isRed = tests.ran.some(({ exitCode }) => exitCode !== 0)
  const beforeReruns = yield* Clock.monotonicTimeNanos
  const again = yield* rerun(
    isRed ? tests : { ...tests, patience: Duration.min(tests.patience, maxRerunTime) }
  )
  // Whose failure a red check is takes what it takes.
  const started = isRed ? yield* Clock.monotonicTimeNanos : beforeReruns
  const labelled = checked.map((each): Checked => {
    const verdict = again.verdicts.get(each.asked)
    if (verdict === undefined) return each
    return verdict === "introduced"
      ? { ...each, added: again.added.get(each.asked) }
      : { ...each, rerun: verdict }
  })
  const isGreen = labelled.every(
    ({ check, rerun: label }) => (check.exitCode ?? 0) === 0 || label === "preexisting" || label === "flaky"
  )
  const proof = isGreen
    ? yield* prove({ ...tests, patience: yield* proofTime(world.allowance, started) })
    : unasked
  const { bitten, canaries } = proof
  const biting = bitten.evidence.filter(({ result }) => result === "bites").length
  const evidence = {
    ...(bitten.evidence.length > 0 && { bite: bitten.evidence }),
    ...(canaries.length > 0 && { canary: canaries }),
    ...(again.evidence.length > 0 && { reruns: again.evidence })
  }
  const said = [
    ...(biting === 0 ? [] : [`${biting} changed test file(s) fail without the change`]),
    ...(canaries.some(({ result }) => result === "failed") ? ["the runner failed a negated assertion"] : [])
  ]
  return {
    checked: labelled,
    findings: [...again.findings, ...canaryFindings(canaries), ...bitten.findings],
    evidence: Object.keys(evidence).length === 0 ? {} : { evidence },
    said: said.length === 0 ? undefined : said.join("; ")
  }
})

/** Of the time for proofs, what reruns of green tests may begin in. */
const maxRerunTime = Duration.seconds(20)

const unasked = {
  bitten: { findings: [], evidence: [] } satisfies Bitten as Bitten,
  canaries: [] as ReadonlyArray<CanaryEvidence>
}

/** Canary first: what a forged exit says of the base is nothing. */
const prove = Effect.fnUntraced(function* (tests: TestStageContext) {
  const world = yield* openProof(tests)
  if (world.tests.length === 0) return unasked
  const { asked, evidence } = yield* canary(world)
  if (evidence.length > 0) world.print("=== canary ===")
  for (const { check, file, result, test } of evidence)
    world.print(`${check}: ${file}${test === undefined ? "" : ` ${test}`}: ${result}`)
  const isForged = evidence.some(({ result }) => result === "forged")
  return { canaries: evidence, bitten: isForged ? unasked.bitten : yield* biteCheck(world, asked) }
})

/** Reruns, canary and bite check begin no run after this time together, and never use up the gate's. */
const maxProofTime = Duration.seconds(60)

const proofTime = Effect.fnUntraced(function* (
  allowance: Effect.Effect<Duration.Duration>,
  startedAt: bigint
) {
  const spent = Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt)
  return Duration.min(yield* allowance, Duration.max(Duration.zero, Duration.subtract(maxProofTime, spent)))
})
