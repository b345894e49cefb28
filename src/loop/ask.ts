/** One model call: the wait for an endpoint that says "later", and the schedule for its stumbles. */
import { Clock, Duration, Effect, Result, Schedule } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import {
  type ChatRequest,
  type Endpoint,
  type EndpointHeld,
  InferenceClient,
  type InferenceError
} from "../services/InferenceClient.ts"
import { EndpointHolds } from "./EndpointHolds.ts"

const delays = [50, 250, 1000] as const

/** Of a call that cannot be read: the next try often has it whole; one that fails again is told to the model. */
const callTries = 1

/**
 * Models sometimes cut a tool call short (llama.cpp #22072), streams break, servers stumble: all pass on a second try, after 50 ms,
 * 250 ms, then 1 s each, give or take a fifth.
 */
export const modelStumble = (maxRetries: number) =>
  Schedule.recurs(maxRetries).pipe(
    Schedule.addDelay(({ output }) =>
      Effect.succeed(Duration.millis(delays[Math.min(output, delays.length - 1)] ?? 1000))
    ),
    Schedule.jittered,
    Schedule.setInputType<InferenceError>(),
    Schedule.while(
      ({ attempt, input }) =>
        input.retry === "again" && (input.reason._tag !== "MalformedToolCall" || attempt <= callTries)
    )
  )

export interface AskOptions {
  readonly maxRetries: number
  /** Milliseconds of the epoch past which nobody waits for the endpoint. */
  readonly giveUpMillis: number
  /** Runs before each wait, with until when and why; also before the run gives up. */
  readonly onHeld?: ((held: EndpointHeld) => Effect.Effect<void>) | undefined
}

/** A request that may be made of any endpoint. */
type Request<A, R> = (endpoint: Endpoint) => Effect.Effect<A, InferenceError, R>

const askOne = Effect.fnUntraced(function* <A, R>(
  endpoint: Endpoint,
  request: Request<A, R>,
  { giveUpMillis, maxRetries }: AskOptions
) {
  const holds = yield* EndpointHolds
  return yield* holds
    .ask(endpoint, giveUpMillis, request(endpoint))
    .pipe(Effect.retry(modelStumble(maxRetries)))
})

export const ask = Effect.fnUntraced(function* (request: ChatRequest, options: AskOptions) {
  const inference = yield* InferenceClient
  return yield* askOne(request.endpoint, () => inference.complete(request), options)
})

/** Between two looks at endpoints that other runs are asking. */
const probePauseMillis = 1000

/**
 * The same of all endpoints that the Agent names: the first that does not say "later" is asked. When all do, the one whose time comes
 * first is waited for, within the run's patience.
 */
export const inOrder = Effect.fnUntraced(function* <A, R>(
  endpoints: readonly [Endpoint, ...Array<Endpoint>],
  request: Request<A, R>,
  options: AskOptions
): Effect.fn.Return<A, InferenceError, R> {
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    let soonest: { readonly error: InferenceError; readonly held: EndpointHeld } | undefined
    for (const endpoint of endpoints) {
      const answer = yield* Effect.result(askOne(endpoint, request, { ...options, giveUpMillis: now }))
      if (Result.isSuccess(answer)) return answer.success
      const { failure } = answer
      if (failure.reason._tag !== "EndpointHeld") return yield* failure
      const held = failure.reason
      if (soonest === undefined || held.untilMillis < soonest.held.untilMillis) {
        soonest = { error: failure, held }
      }
    }
    if (soonest === undefined) continue
    const asOf = yield* Clock.currentTimeMillis
    const { untilMillis } = soonest.held
    yield* options.onHeld?.(soonest.held) ?? Effect.void
    // One whose time has come is being asked by another run.
    const again = untilMillis > asOf ? untilMillis : asOf + probePauseMillis
    if (again > options.giveUpMillis) return yield* soonest.error
    yield* Effect.sleep(Duration.millis(again - asOf))
  }
})

export const askInOrder = Effect.fnUntraced(function* (
  endpoints: readonly [Endpoint, ...Array<Endpoint>],
  request: Omit<ChatRequest, "endpoint">,
  options: AskOptions
): Effect.fn.Return<ChatReply, InferenceError, InferenceClient> {
  const inference = yield* InferenceClient
  return yield* inOrder(endpoints, (endpoint) => inference.complete({ ...request, endpoint }), options)
})
