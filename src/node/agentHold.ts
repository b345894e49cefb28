/** Says of an Agent until when its model's endpoint is away, so that the operator places nothing new there. Design §3.15. */
import { Clock, Effect } from "effect"

import { agents } from "../../schema/Agent.ts"
import { type ObjectRef, refKey } from "../../schema/Meta.ts"
import { endpointStatus } from "../decide/endpointHold.ts"
import { KubeClient } from "../services/KubeClient.ts"

/** A hold that is over before anybody could act on it is not worth a write. */
const leastMillis = 4_000
/** Two holds that end so close to each other are one. */
const sameMillis = 2_000
/** The run that waits goes on without it: a daemon that lacks the right, or an API server that is away, costs the others a try. */
const writeTimeout = "5 seconds"

export interface Hold {
  readonly untilMillis: number
  /** Whose doing it is. */
  readonly party: string
  readonly message: string
}

export interface AgentHold {
  readonly held: (agent: ObjectRef, hold: Hold) => Effect.Effect<void>
  /** It answered. Costs nothing where nobody said that it is held. */
  readonly answered: (agent: ObjectRef, isShown: boolean) => Effect.Effect<void>
}

export const make = Effect.gen(function* () {
  const kube = yield* KubeClient
  /** What this daemon said, by Agent. */
  const said = new Map<string, number>()

  const write = (agent: ObjectRef, endpoint: ReturnType<typeof endpointStatus> | null) =>
    kube
      .patch(agents, agent, { type: "merge", body: { status: { endpoint } } }, { subresource: "status" })
      .pipe(
        Effect.timeout(writeTimeout),
        Effect.asVoid,
        Effect.catch((error) =>
          Effect.logWarning("the Agent does not say whether its endpoint is held", error).pipe(
            Effect.annotateLogs({ agent: refKey(agent) })
          )
        )
      )

  return {
    held: Effect.fnUntraced(function* (agent, hold) {
      const key = refKey(agent)
      const known = said.get(key) ?? Number.NEGATIVE_INFINITY
      const isNear = hold.untilMillis - (yield* Clock.currentTimeMillis) < leastMillis
      if (isNear || Math.abs(hold.untilMillis - known) < sameMillis) return
      said.set(key, hold.untilMillis)
      yield* write(agent, endpointStatus({ ...hold, reason: hold.party }))
    }),
    answered: Effect.fnUntraced(function* (agent, isShown) {
      // Whoever is the first of many to hear an answer says it.
      if (!said.delete(refKey(agent)) && !isShown) return
      yield* write(agent, null)
    })
  } satisfies AgentHold
})
