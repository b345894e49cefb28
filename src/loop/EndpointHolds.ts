/**
 * Endpoints that said "later", for all runs of this process: nobody asks one before its time, then one run does, and the others wait for
 * what it learns. One request that is answered ends the hold.
 */
import { Clock, Context, Deferred, Duration, Effect, Exit } from "effect"

import { formatMillis } from "../../schema/Time.ts"
import { type Endpoint, EndpointHeld, InferenceError } from "../services/InferenceClient.ts"

/** What is waited where an endpoint does not say how long: for each refusal in a row, in seconds. */
const waitSeconds = [0.5, 1, 2, 4, 8, 15, 30, 60]
/** The same for one that is out of credit, which a person must mend. */
const creditSeconds = [30, 60, 120, 300, 600]
/** The longest that an endpoint may ask for; one that asks for more is asked then. */
const longestMillis = 24 * 3600 * 1000

interface Hold {
  untilMillis: number
  readonly error: InferenceError
  readonly refusals: number
  /** Done when the run that asks knows more. */
  probe: Deferred.Deferred<void> | undefined
}

export interface EndpointHolds {
  /** Runs one request when the endpoint may be asked; fails with EndpointHeld when that would be after `giveUpMillis` of the epoch. */
  readonly ask: <A, R>(
    endpoint: Endpoint,
    giveUpMillis: number,
    request: Effect.Effect<A, InferenceError, R>
  ) => Effect.Effect<A, InferenceError, R>
}

const keyOf = ({ baseURL, model }: Endpoint): string => `${baseURL} ${model}`

export const make = (): EndpointHolds => {
  const holds = new Map<string, Hold>()

  const held = ({ baseURL }: Endpoint, { error, untilMillis }: Hold) =>
    new InferenceError({
      endpoint: baseURL,
      reason: new EndpointHeld({
        message: `is held until ${formatMillis(untilMillis)}: ${error.reason.message}`,
        party: error.reason.party,
        untilMillis,
        words: error.reason.message
      })
    })

  /** Waits for its time. The one that comes first is the probe, and is given what the others wait for. */
  const enter = (
    endpoint: Endpoint,
    giveUpMillis: number
  ): Effect.Effect<Deferred.Deferred<void> | undefined, InferenceError> =>
    Effect.gen(function* () {
      for (;;) {
        const hold = holds.get(keyOf(endpoint))
        if (hold === undefined) return undefined
        const now = yield* Clock.currentTimeMillis
        if (hold.untilMillis > giveUpMillis) return yield* held(endpoint, hold)
        if (now < hold.untilMillis) yield* Effect.sleep(Duration.millis(hold.untilMillis - now))
        else if (hold.probe === undefined) return (hold.probe = yield* Deferred.make<void>())
        // Who may not wait asks elsewhere while another run finds out.
        else if (giveUpMillis <= now) return yield* held(endpoint, hold)
        else yield* Deferred.await(hold.probe)
      }
    })

  /** `asked` is the hold that the refused request was made under: one that is new since then tells the same, and is no refusal more. */
  const refuse = Effect.fnUntraced(function* (
    endpoint: Endpoint,
    error: InferenceError,
    asked: Hold | undefined
  ) {
    const before = holds.get(keyOf(endpoint))
    const isSameRound = before !== undefined && before !== asked
    const refusals = isSameRound ? before.refusals : (before?.refusals ?? 0) + 1
    const { reason } = error
    const schedule = reason.party === "quota" && /\b402\b/u.test(reason.message) ? creditSeconds : waitSeconds
    const own = (schedule[Math.min(refusals, schedule.length) - 1] ?? 60) * 1000
    const told = reason._tag === "EndpointBusy" ? reason.retryAfterMillis : undefined
    // A word of the server that was no help is not taken twice for the whole truth.
    const wait = Math.min(told === undefined ? own : Math.max(told, refusals > 3 ? own : 0), longestMillis)
    const untilMillis = (yield* Clock.currentTimeMillis) + wait
    if (isSameRound) {
      before.untilMillis = Math.max(before.untilMillis, untilMillis)
      return
    }
    holds.set(keyOf(endpoint), { untilMillis, error, refusals, probe: undefined })
    yield* Effect.logWarning("the model's endpoint is held").pipe(
      Effect.annotateLogs({
        endpoint: endpoint.baseURL,
        until: formatMillis(untilMillis),
        party: reason.party,
        reason: reason.message
      })
    )
  })

  return {
    ask: (endpoint, giveUpMillis, request) => {
      const once = Effect.flatMap(enter(endpoint, giveUpMillis), (probe) => {
        const asked = holds.get(keyOf(endpoint))
        return request.pipe(
          Effect.onExit((exit) =>
            Effect.gen(function* () {
              const error = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
              const failure = error?._tag === "Some" ? error.value : undefined
              if (failure?.retry === "later") yield* refuse(endpoint, failure, asked)
              // Any answer shows that it is there again; a run that was cut short shows nothing.
              else if (Exit.isSuccess(exit) || failure !== undefined) holds.delete(keyOf(endpoint))
              if (probe === undefined) return
              const hold = holds.get(keyOf(endpoint))
              if (hold?.probe === probe) hold.probe = undefined
              yield* Deferred.succeed(probe, undefined)
            })
          )
        )
      })
      return Effect.retry(once, { while: ({ retry }) => retry === "later" })
    }
  }
}

/** One for the process, unless a test brings its own. */
export const EndpointHolds = Context.Reference<EndpointHolds>("loop/EndpointHolds", { defaultValue: make })
