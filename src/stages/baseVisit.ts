/** The work folder on the base, with the set-up and the builds that it needs there, for whatever is asked of it between checks and tests. */
import { Effect } from "effect"

import type { GateError } from "../services/GateError.ts"
import type { Checked, CheckWorld } from "./runChecks.ts"
import { setUp } from "./setup.ts"
import { stage } from "./TestStageContext.ts"

export interface BaseVisit {
  /** Does nothing when it is there already, whatever checks did to the folder meanwhile. */
  readonly toBase: Effect.Effect<void, GateError>
  /** Brings back the dependencies of the commit, where the base has others; the stages after this place the files themselves. */
  readonly back: Effect.Effect<void, GateError>
}

/** Red builds are asked for their own sake. */
export const baseVisit = Effect.fnUntraced(function* (
  world: CheckWorld,
  checked: ReadonlyArray<Checked>
): Effect.fn.Return<BaseVisit> {
  const { checkout, setup } = world
  const { commit, base = commit } = checkout
  let isAway = false
  const show = stage({
    checkout,
    commit,
    base,
    builders: world.builders.filter((builder) =>
      checked.some(({ asked, check }) => asked === builder && check.exitCode === 0)
    ),
    setUp: Effect.forEach(setup, (check) => setUp(world, check), { discard: true }),
    run: world.toolchain.run,
    patience: yield* world.allowance
  })
  return {
    toBase: Effect.suspend(() => {
      isAway = true
      return show("base")
    }),
    back: Effect.suspend(() => (isAway && setup.length > 0 ? show("commit") : Effect.void))
  }
})
