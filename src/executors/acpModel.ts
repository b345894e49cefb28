/** The requests of another coding agent to its model: each is counted, held while the endpoint says later, and the last that there may be. */
import { Clock, Deferred, Duration, Effect } from "effect"

import { refOf } from "../../schema/Meta.ts"
import type { Usage } from "../../schema/Usage.ts"
import { costWords } from "../decide/spend.ts"
import { inOrder } from "../loop/ask.ts"
import * as Budget from "../loop/budget.ts"
import type { LoopEnd } from "../loop/Progress.ts"
import type { GatewayOptions } from "../services/CodingAgent.ts"
import type { InferenceError } from "../services/InferenceClient.ts"
import { type Run, RunEvents, RunnerConfig } from "./Executor.ts"
import type { Prepared } from "./prepare.ts"

/** For an endpoint that says "later": a model that is loaded anew, a rate that is used up for some minutes. */
export const defaultMaxWait = Duration.minutes(15)

/** Characters of a token, where nobody counted. */
const charsOfToken = 4
const tokens = (chars: number): number => Math.ceil(chars / charsOfToken)

export interface AcpModel {
  /** Replies so far, those of earlier processes of the run included. */
  turns: number
  /** What the last request failed with; undefined once one succeeded. */
  failure: InferenceError | undefined
  /** Requests that have no reply yet. */
  asking: number
  readonly ask: GatewayOptions["ask"]
}

export const make = Effect.fnUntraced(function* (
  run: Run,
  { agent, endpoints, history }: Prepared,
  spending: Budget.Spending,
  options: {
    readonly startedAtMillis: number
    readonly budgetMillis: number
    readonly onUsed: (usage: Usage, modelMillis: number) => Effect.Effect<void>
    readonly takeTools: () => ReadonlyArray<string>
    /** The run is over: whoever asked waits until it is ended. */
    readonly end: Deferred.Deferred<LoopEnd>
  }
) {
  const publishEvent = yield* RunEvents
  const { firstWait, maxWait = defaultMaxWait } = yield* RunnerConfig
  const { spec } = agent
  const { end, startedAtMillis } = options
  let isHeld = false
  let isAnswered = false

  const over = (how: LoopEnd) => Effect.andThen(Deferred.succeed(end, how), Effect.never)

  const answered = Effect.fnUntraced(function* (askedAtMillis: number) {
    const { last } = spending
    const turn = ++model.turns
    model.failure = undefined
    const { cachedTokens, inputTokens, outputTokens, reasoningTokens } = last
    const seconds = ((yield* Clock.currentTimeMillis) - askedAtMillis) / 1000
    const tools = options.takeTools()
    yield* Effect.logInfo("turn ended").pipe(
      Effect.annotateLogs({
        turn,
        tools: tools.join(" "),
        seconds,
        inputTokens,
        outputTokens,
        modelSeconds: last.modelSeconds ?? 0,
        ...costWords(last)
      })
    )
    yield* options.onUsed({ inputTokens, outputTokens, cachedTokens, reasoningTokens }, seconds * 1000)
    const ended = { turn, maxTurns: spec.maxTurns, tools, action: tools.at(-1) ?? "", seconds }
    yield* publishEvent({ type: "TurnEnded", task: refOf(run.task), ...ended })
    if (isAnswered && !isHeld) return
    isAnswered = true
    isHeld = false
    const isShown = agent.status?.endpoint !== undefined
    yield* publishEvent({ type: "EndpointAnswered", agent: refOf(agent), isShown })
  })

  const ask: GatewayOptions["ask"] = Effect.fnUntraced(function* ({ chars, maxTokens }, send) {
    if (model.turns >= spec.maxTurns) return yield* over({ _tag: "MaxTurnsExhausted" })
    model.asking++
    const now = yield* Clock.currentTimeMillis
    const patience = isAnswered ? maxWait : (firstWait ?? maxWait)
    return yield* inOrder(
      endpoints,
      (endpoint) =>
        Budget.counted(
          spending,
          { endpoint, ownInput: tokens(chars), maxTokens },
          (most) => send(endpoint, most),
          (answer) => ({ usage: answer.usage, ownOutput: tokens(answer.chars) })
        ),
      {
        maxRetries: spec.maxRetries,
        giveUpMillis: Math.min(now + Duration.toMillis(patience), startedAtMillis + options.budgetMillis),
        onHeld: ({ party, untilMillis, words }) => {
          isHeld = true
          return publishEvent({
            type: "EndpointHeld",
            agent: refOf(agent),
            untilMillis,
            party,
            message: words
          })
        }
      }
    ).pipe(
      Effect.tap(() => answered(now)),
      Effect.catch((error) => {
        model.failure = error
        return error.reason._tag === "EndpointHeld"
          ? over({ _tag: "EndpointFailed", error })
          : Effect.fail(error)
      }),
      Effect.ensuring(Effect.sync(() => model.asking--))
    )
  })

  const model: AcpModel = {
    turns: history.continuation?.journal.agent.requests ?? 0,
    failure: undefined,
    asking: 0,
    ask
  }
  return model
})
