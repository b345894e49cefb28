/** What tests say beyond their exit codes: whose failure a red check is, whether the tests of the change come and go, whether they bite. */
import { Effect } from "effect"

import { biteCheck } from "./biteCheck.ts"
import { rerun } from "./rerun.ts"
import type { Checked, CheckWorld } from "./runChecks.ts"
import { isTestCheck } from "../gate/testRunner.ts"
import type { CleanEnvironment } from "./cleanEnvironment.ts"
import { setUp } from "./setup.ts"
import type { TestStageContext } from "./TestStageContext.ts"

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
  const again = yield* rerun(tests)
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
  const bitten = isGreen
    ? yield* biteCheck({ ...tests, patience: yield* world.allowance })
    : { findings: [], evidence: [] }
  const biting = bitten.evidence.filter(({ result }) => result === "bites").length
  const evidence = {
    ...(bitten.evidence.length > 0 && { bite: bitten.evidence }),
    ...(again.evidence.length > 0 && { reruns: again.evidence })
  }
  return {
    checked: labelled,
    findings: [...again.findings, ...bitten.findings],
    evidence: Object.keys(evidence).length === 0 ? {} : { evidence },
    said: biting === 0 ? undefined : `${biting} changed test file(s) fail without the change`
  }
})
