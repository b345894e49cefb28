/** What a canary costs that nobody noticed, and what all canaries are made of. */
import { Effect, Random } from "effect"

import type { Subject } from "../gate/bite.ts"
import { type Canary, canariesOf, type CanaryEvidence, marked } from "../gate/canary/canary.ts"
import { evidenceOf, type Reaction } from "../gate/canary/judgeCanary.ts"
import type { GateError } from "../services/GateError.ts"
import { standInFor } from "./standIn.ts"
import { meter, type ProofContext, type State, type TestCheck } from "./TestStageContext.ts"

/** A file with what can be made of it. */
export interface Candidate {
  readonly subject: Subject
  readonly canaries: ReadonlyArray<Canary>
}

export const candidateIn =
  ({ parse }: ProofContext) =>
  (subject: Subject): Candidate => ({
    subject,
    canaries: canariesOf(
      subject,
      subject.changed.map(({ name }) => name),
      parse
    )
  })

const word = Effect.map(Random.nextIntBetween(0, 2 ** 31), (drawn) => drawn.toString(36))

/** A state with these texts, each with the same drawn comment. */
export const withTexts = Effect.fnUntraced(function* (
  texts: ReadonlyArray<readonly [path: string, text: string]>,
  of?: "base"
) {
  const drawn = yield* word
  const state: State = {
    ...(of !== undefined && { of }),
    paths: [],
    texts: texts.map(([path, text]) => [path, marked(path, text, drawn)])
  }
  return state
})

/**
 * A canary that nobody noticed: the test is made to fail in its first statement, then so on the base. Where the base's runner tells it and
 * that of the commit does not, the change did that.
 */
export const confirmed = Effect.fnUntraced(function* (
  world: ProofContext,
  { check, runner }: TestCheck,
  tried: Canary,
  failing: Effect.Effect<Reaction, GateError> | undefined
): Effect.fn.Return<CanaryEvidence, GateError> {
  if (failing === undefined) return evidenceOf(check.name, tried, "none")
  const again = tried.text === tried.failing ? "unnoticed" : yield* failing
  if (again === "skipped") return evidenceOf(check.name, tried, "none")
  if (again !== "unnoticed") return evidenceOf(check.name, tried, tried.isSure ? "ignored" : "failed")
  const own = world.change.files.find(({ path }) => path === tried.path)
  const before = own === undefined ? yield* world.checkout.readBase(tried.path) : own.before
  const there =
    before === undefined || own?.oldPath !== undefined
      ? yield* standInFor(world, { check, runner }, "base")
      : { path: tried.path, text: before, tests: [] }
  const [onBase] =
    there === undefined ? [] : canariesOf(there, [], world.parse).filter((one) => one.failing !== undefined)
  if (there === undefined || onBase?.failing === undefined) return evidenceOf(check.name, tried, "unproved")
  yield* world.show(yield* withTexts([[there.path, onBase.failing]], "base"))
  const command =
    runner?.narrow([{ path: there.path, tests: onBase.test === "" ? there.tests : [onBase.test] }]) ??
    check.command
  const { exitCode } = yield* meter(world).run(command)
  const isTold = exitCode !== 0 && runner?.isNothing?.(exitCode) !== true
  return evidenceOf(check.name, tried, isTold ? "forged" : "unproved")
})
