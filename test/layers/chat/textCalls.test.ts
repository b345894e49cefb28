/** Calls that stand in the text, in the forms that models were trained on. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { textCalls } from "../../../layers/chat/textCalls.ts"

const offered = new Set(["read_file", "write_file"])
const found = (text: string) =>
  textCalls(text, offered)?.drafts.map(({ arguments: given, name }) => [name, JSON.parse(given)])

describe("a call in the text", () => {
  it.each([
    ["Hermes", '<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>'],
    ["Hermes without an end", 'Now:\n<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}'],
    [
      "Qwen's XML",
      "<tool_call>\n<function=read_file>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>"
    ],
    ["Qwen's XML without a frame", "<function=read_file>\n<parameter=path>\na\n</parameter>\n</function>"],
    ["Llama 3.1", '<function=read_file>{"path": "a"}</function>'],
    ["Llama 3.2", '<|python_tag|>{"name": "read_file", "parameters": {"path": "a"}}<|eom_id|>'],
    [
      "DeepSeek V3",
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n{"path": "a"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    ],
    ["DeepSeek V3.1", '<｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "a"}<｜tool▁call▁end｜>'],
    ["Mistral", '[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "a"}}]'],
    ["Mistral's newer form", '[TOOL_CALLS]read_file[ARGS]{"path": "a"}'],
    [
      "Harmony",
      '<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "a"}<|call|>'
    ],
    ["bare JSON", '{"name": "read_file", "arguments": {"path": "a"}}'],
    ["fenced JSON", '```json\n{"name": "read_file", "parameters": {"path": "a"}}\n```']
  ])("%s", (_, text) => assert.deepStrictEqual(found(text), [["read_file", { path: "a" }]]))

  it("keeps what stands beside it, and all calls in their order", () => {
    const call = (name: string) => `<tool_call>{"name": "${name}", "arguments": {}}</tool_call>`
    const both = textCalls(`I do. ${call("read_file")}${call("write_file")} Then more.`, offered)
    assert.deepStrictEqual(
      both?.drafts.map(({ name }) => name),
      ["read_file", "write_file"]
    )
    assert.strictEqual(both?.content, "I do.  Then more.")
  })

  it("keeps the lines of a value of Qwen's form, tags of HTML among them", () => {
    const text =
      "<function=write_file>\n<parameter=path>\na.html\n</parameter>\n<parameter=content>\n<p>\n  one\n</p>\n\n</parameter>\n</function>"
    assert.deepStrictEqual(found(text), [["write_file", { path: "a.html", content: "<p>\n  one\n</p>\n" }]])
  })

  it("a value that holds the words by which a call ends is whole", () => {
    const hermes = `<tool_call>${JSON.stringify({ name: "write_file", arguments: { content: "a </tool_call> b" } })}</tool_call>`
    assert.deepStrictEqual(found(hermes), [["write_file", { content: "a </tool_call> b" }]])
    const qwen =
      "<tool_call><function=write_file><parameter=content>\nf </function> g\n</parameter></function></tool_call>"
    assert.deepStrictEqual(found(qwen), [["write_file", { content: "f </function> g" }]])
  })

  it("a value that cannot be told from the next one is not cut: its call cannot be read", () => {
    const text =
      "<function=write_file><parameter=content>\nsay <parameter=path> there\n</parameter></function>"
    const [draft] = textCalls(text, offered)?.drafts ?? []
    assert.strictEqual(draft?.name, "write_file")
    assert.throws(() => JSON.parse(draft?.arguments ?? ""))
  })

  it.each([
    ["prose about a call", 'I would call read_file with {"path": "a"}.'],
    ["a tool that was not offered", '<tool_call>{"name": "rm", "arguments": {}}</tool_call>'],
    ["JSON that is no call", '{"name": "read_file"}'],
    ["no text", ""]
  ])("is not seen in %s", (_, text) => assert.isUndefined(textCalls(text, offered)))

  it.prop("any text is read without an error, and fast", { text: Schema.String }, ({ text }) => {
    for (const open of ["<tool_call>", "<function=", "[TOOL_CALLS]", "<|channel|>commentary to="]) {
      textCalls(`${open}${text}`.repeat(20), offered)
    }
  })

  it("a text made to be slow is read at once", () => {
    const startedAt = performance.now()
    for (const text of [
      "<tool_call>",
      "<function=",
      "<function=a>",
      "[TOOL_CALLS]a",
      "{",
      "}",
      " ",
      "<|channel|>commentary to=a"
    ]) {
      textCalls(text.repeat(Math.floor(250_000 / text.length)), offered)
    }
    assert.isBelow(performance.now() - startedAt, 1_000)
  })
})
