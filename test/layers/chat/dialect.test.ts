/** What an endpoint refuses is left out, or said otherwise, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"

import { conceded, everything } from "../../../layers/chat/Dialect.ts"
import { refused } from "../../../layers/chat/refusal.ts"
import { RequestBody } from "../../../layers/chat/RequestBody.ts"
import { textCalls } from "../../../layers/chat/textCalls.ts"

const request = (messages: ReadonlyArray<object>) => ({
  endpoint: { baseURL: "e", model: "m" },
  messages: messages.map((message) => JSON.stringify(message)),
  tools: [],
  temperature: 1,
  maxTokens: 9,
  turnTimeout: Duration.seconds(1)
})
const bodyOf = (messages: ReadonlyArray<object>, dialect = everything) =>
  JSON.parse(Buffer.from(new RequestBody(dialect, []).render(request(messages), dialect)).toString())

const changed = (message: string, status = 400) => {
  const body = JSON.stringify({ error: { message, type: "invalid_request_error" } })
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
    ["This model only supports single tool-calls at once!", 500, ["hasParallelCalls", false]],
    ["Extra inputs are not permitted: tool_calls.0.extra_content", 400, ["hasReasoning", false]],
    [
      "Cannot pass both content and thinking in an assistant message with tool calls!",
      500,
      ["hasReasoning", false]
    ],
    ["Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 400, ["maxReply", 8192]],
    ["max_tokens is too large: 32768. This model supports at most 16384", 400, ["maxReply", 16384]],
    ["max_tokens: 100000 > 64000, which is the maximum allowed number", 400, ["maxReply", 64000]],
    [
      "Tool call id was call_0 but must be a-z, A-Z, 0-9, with a length of 9.",
      400,
      ["callIds", { prefix: "", length: 9 }]
    ],
    [
      "Tool call IDs should be alphanumeric strings with length 9!",
      500,
      ["callIds", { prefix: "", length: 9 }]
    ],
    [
      "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
      400,
      ["callIds", { prefix: "", length: 9 }]
    ],
    [
      "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40",
      400,
      ["callIds", { prefix: "", length: 9 }]
    ],
    [
      "Invalid tool_call_id: expected an ID that begins with 'fc_'",
      400,
      ["callIds", { prefix: "fc_", length: 12 }]
    ],
    ["Invalid tool_call_id: must match ^[a-zA-Z0-9]{9}$", 400, ["callIds", { prefix: "", length: 9 }]],
    [
      "messages.5.tool_call_id: String should have at most 40 characters",
      422,
      ["callIds", { prefix: "", length: 9 }]
    ],
    ["Only user, assistant and tool roles are supported, got system.", 400, ["hasSystemRole", false]],
    ["messages.2.content: Input should be a valid string", 422, ["hasNullContent", false]],
    [
      "Assistant message must have either content or tool_calls, but not both.",
      400,
      ["hasTextBesideCalls", false]
    ],
    ["messages.3.name: Extra inputs are not permitted", 422, ["hasToolNames", false]],
    ["Can only get item pairs from a mapping.", 400, ["hasTextArguments", false]],
    ["System role not supported", 400, ["hasSystemRole", false]],
    [
      "After the optional system message, conversation roles must alternate user/assistant",
      500,
      ["hasFreeRoles", false]
    ],
    ["Unexpected role 'user' after role 'tool'", 400, ["hasFreeRoles", false]],
    ["registry.ollama.ai/library/gemma:2b does not support tools", 400, ["hasTools", false]],
    [
      '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      400,
      ["hasTools", false]
    ],
    ["No endpoints found that support tool use.", 404, ["hasTools", false]],
    ["tools param requires --jinja flag", 500, ["hasTools", false]],
    ["Unable to generate parser for this template.", 400, ["hasTools", false]],
    ["While executing x\nError: Jinja Exception: No such thing", 500, ["hasTools", false]]
  ])("%s", (message, status, change) => assert.deepStrictEqual(changed(message, status), [change] as never))

  it.each([
    "The `reasoning_content` in the thinking mode must be passed back to the API.",
    "messages: field required",
    "invalid model",
    "tool_call_id x is duplicated",
    "An assistant message with 'tool_calls' must be followed by tool messages: tool_call_id x did not have a response",
    "unexpected tool_use_id x: each tool_result must have a corresponding tool_use in the previous message",
    "an alternative model is recommended"
  ])("is none: %s", (message) => assert.isUndefined(changed(message)))

  it("reads what a template says, and not its source around it", () =>
    assert.deepStrictEqual(
      changed(
        "While executing: ...{%- if message.reasoning_content %} {{ raise_exception('no stream') }}\nError: Jinja Exception: Conversation roles must alternate user/assistant",
        500
      ),
      [["hasFreeRoles", false]] as never
    ))

  it("goes on to words alone when roles put together are refused, too", () => {
    const body = "Conversation roles must alternate user/assistant/user/assistant/..."
    const reason = refused({ status: 500, body, nowMillis: 0 })
    const first = conceded(everything, reason)
    const second = first && conceded(first, reason)
    assert.deepStrictEqual([first?.hasFreeRoles, first?.hasTools], [false, true])
    assert.deepStrictEqual([second?.hasTools, second && conceded(second, reason)], [false, undefined])
  })

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

  const told = (dialect: Partial<typeof everything>, given: ReadonlyArray<object> = messages) =>
    bodyOf(given, { ...everything, ...dialect }).messages

  it("has ids of the form that is demanded, also in place of the server's own, each its own", () => {
    const ids = ["call_0", "call_1", "AbCdEf123", "functions.read_file:0", "x".repeat(80)]
    const given = ids.flatMap((id) => [
      { role: "assistant", content: null, tool_calls: [call(id)] },
      result(id)
    ])
    for (const callIds of [
      { prefix: "", length: 9 },
      { prefix: "fc_", length: 12 }
    ]) {
      const said = told({ callIds }, given)
      const made = said.flatMap((message: { tool_calls?: ReadonlyArray<{ id: string }> }) =>
        (message.tool_calls ?? []).map(({ id }) => id)
      )
      const answered = said.flatMap((message: { tool_call_id?: string }) => message.tool_call_id ?? [])
      assert.deepStrictEqual(made, answered)
      assert.strictEqual(new Set(made).size, ids.length)
      for (const id of made) {
        assert.strictEqual(id.length, callIds.length)
        assert.match(id.slice(callIds.prefix.length), /^[A-Za-z0-9]+$/u)
        assert.isTrue(id.startsWith(callIds.prefix))
      }
      assert.strictEqual(made.includes("AbCdEf123"), callIds.prefix === "")
    }
  })

  it("has the same ids in every request, whatever stood before", () => {
    const callIds = { prefix: "", length: 9 }
    const later = [
      messages[0] ?? {},
      { role: "assistant", content: null, tool_calls: [call("2")] },
      result("2")
    ]
    const idsIn = (given: ReadonlyArray<object>) =>
      JSON.stringify(told({ callIds }, given))
        .match(/"tool_call_id":"\w+"/gu)
        ?.at(-1)
    assert.strictEqual(idsIn(later), idsIn(messages))
  })

  it("has an object, an empty text, no text or no name where that is what is taken", () => {
    assert.deepStrictEqual(told({ hasTextArguments: false })[1].tool_calls[0].function.arguments, {})
    const bare = { role: "assistant", content: null, tool_calls: [call("1")] }
    assert.strictEqual(told({ hasNullContent: false }, [bare])[0].content, "")
    assert.strictEqual(told({ hasTextBesideCalls: false })[1].content, null)
    assert.isUndefined(told({ hasToolNames: false })[2].name)
  })

  it("puts the system's words into the user's where there is no such role", () => {
    const given = [{ role: "system", content: "be brief" }, ...messages]
    const said = told({ hasSystemRole: false }, given)
    assert.deepStrictEqual(said, [{ role: "user", content: "be brief\n\ndo" }, ...messages.slice(1)])
  })

  const user = (content: string) => ({ role: "user", content })

  it("puts what a user says after a result, or a user, together with it where roles must alternate", () => {
    const given = [messages[0] ?? {}, user("now"), ...messages.slice(1), user("go on")]
    const said = told({ hasFreeRoles: false }, given)
    assert.deepStrictEqual(said, [
      user("do\n\nnow"),
      ...messages.slice(1, 3),
      { ...messages[3], content: "2\n\ngo on" }
    ])
  })

  it("has tools, calls and results in words, a user and a model in turn, where there are no tools", () => {
    const given = [{ role: "system", content: "be brief" }, ...messages, user("go on")]
    const asked = { ...request(given), tools: [{ name: "a", description: "does a", parameters: {} }] }
    const dialect = { ...everything, hasTools: false }
    const text = Buffer.from(new RequestBody(dialect, asked.tools).render(asked, dialect)).toString()
    const body = JSON.parse(text)
    assert.isUndefined(body.tools)
    assert.deepStrictEqual(
      body.messages.map((message: { role: string }) => message.role),
      ["system", "user", "assistant", "user"]
    )
    const [system, , model, results] = body.messages.map((message: { content: string }) => message.content)
    assert.include(system, '{"name":"a","description":"does a","parameters":{}}')
    assert.strictEqual(textCalls({ text: model }, new Set(["a"]))?.drafts.length, 2)
    assert.strictEqual(results, "The result of a:\n1\n\nThe result of a:\n2\n\ngo on")
  })

  it("has no thoughts where they are refused", () => {
    const { reasoning_content: _, ...plain } = both
    assert.deepStrictEqual(bodyOf(messages, { ...everything, hasReasoning: false }).messages[1], plain)
  })

  it("goes on with what it had when messages are added, in each form", () => {
    const all = [{ role: "system", content: "be brief" }, ...messages, user("go on"), user("now")]
    for (const change of [
      {},
      { hasParallelCalls: false },
      { hasFreeRoles: false },
      { hasSystemRole: false },
      { hasTools: false },
      { hasTools: false, hasSystemRole: false },
      { callIds: { prefix: "", length: 9 }, hasFreeRoles: false, hasParallelCalls: false }
    ]) {
      const dialect = { ...everything, ...change }
      const growing = request([])
      const body = new RequestBody(dialect, [])
      for (const [index, message] of all.entries()) {
        growing.messages.push(JSON.stringify(message))
        const text = Buffer.from(body.render(growing, dialect)).toString()
        assert.deepStrictEqual(JSON.parse(text), bodyOf(all.slice(0, index + 1), dialect))
      }
    }
  })
})
