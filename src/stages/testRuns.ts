/** Runs that canary and bite check share. */
import { Effect } from "effect"

import { poisonFor } from "../gate/bite.ts"
import type { TestOutcome } from "../gate/runners/TestRunner.ts"
import type { GateError } from "../services/GateError.ts"
import { meter, type ProofContext } from "./TestStageContext.ts"

export const hasRun = ({ outcome }: TestOutcome): boolean => outcome !== "skipped"

/** Whether a whole command passes although a file of its tests is broken: then it does not run that file. */
export const passesBroken = Effect.fnUntraced(function* (
  world: ProofContext,
  { path }: { readonly path: string },
  command: string
): Effect.fn.Return<boolean, GateError> {
  yield* world.show({ paths: [], texts: [[path, poisonFor(path)]] })
  const { exitCode } = yield* meter(world).run(command)
  return exitCode === 0
})
