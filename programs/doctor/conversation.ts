/** Whether the model calls tools as the loop needs it, how fast it is, and whether its server keeps what it has read. */
import { Clock, Duration, Effect, Result, Schema } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import { oneLine } from "../../src/decide/oneLine.ts"
import {
  type Endpoint,
  InferenceClient,
  InferenceError,
  ReplyStalled
} from "../../src/services/InferenceClient.ts"
import { pick, toolNames } from "../../src/tools/catalog.ts"
import { request } from "./http.ts"
import { fail, type Line, ok, skipped, warn } from "./Line.ts"

/** The coder's own list, so that speed and cache are those of a real first request. */
const tools = Result.getOrElse(
  pick(["bash", "grep", "list_files", "read_file", "str_replace", "submit_result", "write_file"]),
  () => []
)

const messages = [
  { role: "system", content: "You are a coder. You act by calling tools and by nothing else." },
  { role: "user", content: "Call read_file with the path README.md. Write nothing else." }
].map((message) => JSON.stringify(message))

/** For one reply, however it drips. */
const patience = Duration.minutes(5)

export interface Asked {
  readonly reply: ChatReply
  readonly seconds: number
}

const ask = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const client = yield* InferenceClient
  const startedAt = yield* Clock.currentTimeMillis
  const reply = yield* client
    .complete({
      endpoint,
      messages,
      tools,
      maxTokens: 1_024,
      temperature: 0,
      turnTimeout: Duration.minutes(2)
    })
    .pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => {
          const message = `no whole reply within ${Duration.format(patience)}`
          return Effect.fail(
            new InferenceError({
              endpoint: endpoint.baseURL,
              reason: new ReplyStalled({ message, party: "server" })
            })
          )
        }
      })
    )
  return { reply, seconds: ((yield* Clock.currentTimeMillis) - startedAt) / 1000 }
})

export const toolCallLine = (outcome: Result.Result<Asked, InferenceError>): Line => {
  const check = "tool call"
  if (Result.isFailure(outcome)) {
    const { message, reason } = outcome.failure
    return fail(
      check,
      `${oneLine(message, 300)} (party ${reason.party})`,
      "see docs/models.md for the party, and the server's log"
    )
  }
  const { content, hasTextCalls, reasoning, toolCalls } = outcome.success.reply
  const [first] = toolCalls
  if (first === undefined) {
    const said = oneLine(content === "" ? reasoning : content, 120)
    return fail(
      check,
      `the model wrote "${said}" in place of a call`,
      "take a model that was trained for tools, and start its server with the template that shows them (llama.cpp: --jinja)"
    )
  }
  const { name } = first.function
  if (!toolNames.has(name))
    return warn(
      check,
      `the model called ${oneLine(name, 60)}, which was not offered`,
      "a stronger model makes fewer such calls"
    )
  return hasTextCalls === true
    ? warn(
        check,
        `the model called ${name} as text: it is read, but the server's parser does not know this model's form`,
        "update the server, or start it with the parser of this model (vLLM: --tool-call-parser, llama.cpp: --jinja)"
      )
    : ok(check, `the model called ${name}, as a call`)
}

/** Below it a run of fifty turns takes hours. */
const slowTokensPerSecond = 5

export const speedLine = ({ reply: { usage }, seconds }: Asked): Line => {
  const check = "speed"
  if (usage === undefined || seconds <= 0) return skipped(check, "the server does not count tokens")
  const { inputTokens, outputTokens } = usage
  const perSecond = (inputTokens + outputTokens) / seconds
  const detail = `${seconds.toFixed(1)} s for ${inputTokens} tokens in and ${outputTokens} out`
  return perSecond < slowTokensPerSecond
    ? warn(
        check,
        detail,
        "take a smaller model or a faster machine: a run has fifty such turns, each longer than this one"
      )
    : ok(check, detail)
}

/** The second of two equal requests. */
export const cacheLine = (first: Asked, second: Asked): Line => {
  const check = "prefix cache"
  const { cachedTokens = 0, inputTokens = 0 } = second.reply.usage ?? {}
  if (inputTokens > 0 && cachedTokens >= inputTokens / 2) {
    return ok(check, `${cachedTokens} of ${inputTokens} tokens came from it`)
  }
  const detail = `the same request took ${first.seconds.toFixed(1)} s, then ${second.seconds.toFixed(1)} s`
  return second.seconds < first.seconds * 0.7
    ? ok(check, detail)
    : warn(
        check,
        `${detail}, and the server counts no cached tokens`,
        "each turn reads all again where there is none (llama.cpp: as many --parallel as tasks run at once, vLLM: --enable-prefix-caching)"
      )
}

const Rendered = Schema.Struct({ prompt: Schema.String })
const decodeRendered = Schema.decodeUnknownResult(Schema.fromJsonString(Rendered))

const call = { id: "callabc12", type: "function", function: { name: "read_file", arguments: '{"path":"a"}' } }
const result = { role: "tool", tool_call_id: call.id, name: "read_file", content: "DOCTORS-RESULT" }
const history = [
  { role: "system", content: "Fix it." },
  { role: "user", content: "Begin." },
  { role: "assistant", content: null, tool_calls: [call] },
  result
]

/** What a server that renders its template for us makes of a conversation with a call. */
export const templateLine = (
  outcome: { readonly status: number; readonly text: string } | undefined
): Line => {
  const check = "template"
  if (outcome === undefined || outcome.status === 404 || outcome.status === 501) {
    return skipped(check, "only llama.cpp shows what its template makes of a request")
  }
  const rendered = decodeRendered(outcome.text)
  if (Result.isFailure(rendered)) {
    return warn(
      check,
      `the template refuses a call and its result: ${oneLine(outcome.text, 160)}`,
      "such refusals are conceded by their words; a template made for tools needs none (--chat-template-file)"
    )
  }
  const { prompt } = rendered.success
  const hidden = [
    ...(prompt.includes("str_replace") ? [] : ["the tools"]),
    ...(prompt.includes("DOCTORS-RESULT") ? [] : ["results of calls"])
  ]
  return hidden.length === 0
    ? ok(check, "the model sees tools, calls and results")
    : warn(
        check,
        `the template shows the model no ${hidden.join(" and no ").replaceAll("the tools", "tools")}`,
        "they are told in words after the second reply without a call; a template made for tools saves that (--chat-template-file)"
      )
}

/** Three requests at most; none costs more than some thousand tokens. */
export const converse = Effect.fn("doctor.converse")(function* (endpoint: Endpoint) {
  const base = endpoint.baseURL.replace(/\/+$/u, "").replace(/\/v1$/u, "")
  const functions = tools.map(({ description, name, parameters }) => ({
    type: "function",
    function: { name, description, parameters }
  }))
  const rendered = yield* request(`${base}/apply-template`, endpoint, {
    messages: history,
    tools: functions
  }).pipe(Effect.orElseSucceed(() => undefined))
  const first = yield* Effect.result(ask(endpoint))
  const lines = [templateLine(rendered), toolCallLine(first)]
  if (Result.isFailure(first))
    return [...lines, skipped("speed", "there was no reply"), skipped("prefix cache", "there was no reply")]
  const second = yield* Effect.result(ask(endpoint))
  return [
    ...lines,
    speedLine(first.success),
    Result.isFailure(second)
      ? skipped("prefix cache", "there was no second reply")
      : cacheLine(first.success, second.success)
  ]
})
