/** One model call and the schedule for its stumbles. */
import { Duration, Effect, Schedule } from "effect"

import { type ChatRequest, InferenceClient, type InferenceError } from "../services/InferenceClient.ts"

const delays = [50, 250, 1000] as const

/**
 * Models sometimes cut a tool call short (llama.cpp #22072), and endpoints blink while they load. Both pass on a second try: 50 ms,
 * 250 ms, then 1 s each, give or take a fifth. What the endpoint refused with a status stays refused.
 */
export const modelStumble = (maxRetries: number) =>
  Schedule.recurs(maxRetries).pipe(
    Schedule.addDelay(({ output }) =>
      Effect.succeed(Duration.millis(delays[Math.min(output, delays.length - 1)] ?? 1000))
    ),
    Schedule.jittered,
    Schedule.setInputType<InferenceError>(),
    Schedule.while(({ input }) => input.isTransient)
  )

export const ask = Effect.fnUntraced(function* (request: ChatRequest, maxRetries: number) {
  const inference = yield* InferenceClient
  return yield* inference.complete(request).pipe(Effect.retry(modelStumble(maxRetries)))
})
