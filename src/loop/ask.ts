/** One model call: the wait for an endpoint that says "later", and the schedule for its stumbles. */
import { Duration, Effect, Schedule } from "effect"

import { type ChatRequest, InferenceClient, type InferenceError } from "../services/InferenceClient.ts"
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
}

export const ask = Effect.fnUntraced(function* (
  request: ChatRequest,
  { giveUpMillis, maxRetries }: AskOptions
) {
  const inference = yield* InferenceClient
  const holds = yield* EndpointHolds
  return yield* holds
    .ask(request.endpoint, giveUpMillis, inference.complete(request))
    .pipe(Effect.retry(modelStumble(maxRetries)))
})
