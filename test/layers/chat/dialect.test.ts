/** What an endpoint refuses is left out, or said otherwise, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"

import { conceded, everything } from "../../../layers/chat/Dialect.ts"
import { refused } from "../../../layers/chat/refusal.ts"
import { RequestBody } from "../../../layers/chat/RequestBody.ts"

const request = (messages: ReadonlyArray<object>) => ({
  endpoint: { baseURL: "e", model: "m" },
  messages: messages.map((message) => JSON.stringify(message)),
  tools: [],
  temperature: 1,
  maxTokens: 9,
  turnTimeout: Duration.seconds(1)
})
const bodyOf = (messages: ReadonlyArray<object>, dialect = everything) =>
  JSON.parse(Buffer.from(new RequestBody(dialect).render(request(messages), dialect)).toString())

const changed = (message: string, status = 400) => {
  const body = JSON.stringify({ error: { message } })
  const next = conceded(everything, refused({ status, body, nowMillis: 0 }))
  return (
    next &&
    Object.entries(next).filter(([key, value]) => everything[key as keyof typeof everything] !== value)
  )
}

describe("a refusal that is about an option", () => {
  it.each<[string, number, ReadonlyArray<unknown>]>([
    [
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      400,
      ["limitField", "max_completion_tokens"]
    ],
    ["'temperature' does not support 0.2 with this model", 400, ["hasTemperature", false]],
    ["Unrecognized request argument supplied: stream_options", 400, ["asksForUsage", false]],
    ["streaming with tools is not supported", 400, ["isStreamed", false]],
    ["chat_template_kwargs: Extra inputs are not permitted", 422, ["hasTemplateArguments", false]],
    ["messages.2.reasoning_content: Extra inputs are not permitted", 422, ["hasReasoning", false]],
    ["This model only supports single tool-calls at once!", 500, ["hasParallelCalls", false]]
  ])("%s", (message, status, change) => assert.deepStrictEqual(changed(message, status), [change] as never))

  it.each([
    "The `reasoning_content` in the thinking mode must be passed back to the API.",
    "messages: field required",
    "invalid model"
  ])("is none: %s", (message) => assert.isUndefined(changed(message)))

  it("is conceded once: said again it is final", () => {
    const reason = refused({ status: 400, body: "temperature is not supported", nowMillis: 0 })
    assert.isUndefined(conceded({ ...everything, hasTemperature: false }, reason))
  })
})

describe("the body of a request", () => {
  const call = (id: string) => ({ id, type: "function", function: { name: "a", arguments: "{}" } })
  const result = (id: string) => ({ role: "tool", tool_call_id: id, name: "a", content: id })
  const both = {
    role: "assistant",
    content: "two",
    reasoning_content: "hm",
    tool_calls: [call("1"), call("2")]
  }
  const messages = [{ role: "user", content: "do" }, both, result("1"), result("2")]

  it("has each call with its result where a template takes one at a time", () => {
    const said = bodyOf(messages, { ...everything, hasParallelCalls: false }).messages
    assert.deepStrictEqual(said, [
      messages[0],
      { ...both, tool_calls: [call("1")] },
      result("1"),
      { role: "assistant", content: null, tool_calls: [call("2")] },
      result("2")
    ])
    assert.deepStrictEqual(bodyOf(messages).messages, messages)
  })

  it("has no thoughts where they are refused", () => {
    const { reasoning_content: _, ...plain } = both
    assert.deepStrictEqual(bodyOf(messages, { ...everything, hasReasoning: false }).messages[1], plain)
  })

  it("goes on with what it had when messages are added, in each form", () => {
    for (const dialect of [everything, { ...everything, hasParallelCalls: false }]) {
      const growing = request(messages.slice(0, 3))
      const body = new RequestBody(dialect)
      body.render(growing, dialect)
      growing.messages.push(JSON.stringify(messages[3]))
      const text = Buffer.from(body.render(growing, dialect)).toString()
      assert.deepStrictEqual(JSON.parse(text), bodyOf(messages, dialect))
    }
  })
})
