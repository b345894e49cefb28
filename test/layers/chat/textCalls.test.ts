/** Calls that stand in the text, in the forms that models were trained on. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { toolName } from "../../../layers/chat/calls.ts"
import { textCalls } from "../../../layers/chat/textCalls.ts"
import { forms } from "../../../layers/chat/textForms.ts"

const offered = new Set(["read_file", "write_file"])
const found = (text: string) =>
  textCalls({ text }, offered)?.drafts.map(({ arguments: given, name }) => [name, JSON.parse(given)])

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
    [
      "Harmony with the recipient first",
      '<|start|>assistant to=functions.read_file<|channel|>commentary json<|message|>{"path": "a"}<|call|>'
    ],
    ["Mistral's name and object", '[TOOL_CALLS]read_file{"path": "a"}</s>'],
    ["GLM", "<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n</tool_call>"],
    [
      "Kimi K2",
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a"}<|tool_call_end|><|tool_calls_section_end|>'
    ],
    ["Llama's program", '<|python_tag|>read_file.call(path="a")<|eom_id|>'],
    ["Llama 4's program", '[read_file(path="a")]'],
    ["a program of one call", "read_file(path='a')"],
    ["Gemma 3", 'I look:\n```tool_code\nprint(read_file(path="a"))\n```'],
    ["Gemma 4", '<|tool_call>call:read_file{path:<|"|>a<|"|>}<tool_call|>'],
    ["FunctionGemma", "<start_function_call>call:read_file{path:<escape>a<escape>}<end_function_call>"],
    ["LFM2", '<|tool_call_start|>[read_file(path="a")]<|tool_call_end|>'],
    [
      "MiniMax",
      '<minimax:tool_call>\n<invoke name="read_file">\n<parameter name="path">a</parameter>\n</invoke>\n</minimax:tool_call>'
    ],
    [
      "DeepSeek V3.2",
      '<｜DSML｜function_calls>\n<｜DSML｜invoke name="read_file">\n<｜DSML｜parameter name="path" string="true">a</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>'
    ],
    [
      "Hunyuan",
      '<tool_calls>\n<tool_call>read_file\n```json\n{"path": "a"}\n```\n</tool_call>\n</tool_calls>'
    ],
    ["Seed", "<seed:tool_call><function=read_file><parameter=path>a</parameter></function></seed:tool_call>"],
    ["Granite", '<|tool_call|>[{"name": "read_file", "arguments": {"path": "a"}}]'],
    ["Nemotron", '<TOOLCALL>[{"name": "read_file", "arguments": {"path": "a"}}]</TOOLCALL>'],
    ["Firefunction", ' functools[{"name": "read_file", "arguments": {"path": "a"}}]'],
    ["Command R", 'Action: ```json\n[\n  {"tool_name": "read_file", "parameters": {"path": "a"}}\n]\n```'],
    [
      "Command R7B",
      '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "read_file", "parameters": {"path": "a"}}]<|END_ACTION|>'
    ],
    [
      "Command R Plus",
      'Action:\n```json\n[\n    {\n        "tool_name": "read_file",\n        "parameters": {"path": "a"}\n    }\n]```'
    ],
    ["Apertus", '<|tools_prefix|>[{"read_file": {"path": "a"}}]<|tools_suffix|>'],
    [
      "GigaChat",
      'function call<|role_sep|>\n{"name": "read_file", "arguments": {"path": "a"}}<|message_sep|>'
    ],
    [
      "Kimi K3",
      '<|open|>call tool="read_file" index="1"<|sep|><|open|>argument key="path" type="string"<|sep|>a<|close|>argument<|sep|><|close|>call<|sep|>'
    ],
    ["MiniMax M1", '<tool_calls>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_calls>'],
    ["Functionary", '>>>read_file\n{"path": "a"}'],
    ["MiniCPM", '<function name="read_file"><param name="path"><![CDATA[a]]></param></function>'],
    [
      "Hunyuan's tags",
      "<tool_calls:opensource>\n<tool_call:opensource>read_file<tool_sep:opensource>\n<arg_key:opensource>path</arg_key:opensource>\n<arg_value:opensource>a</arg_value:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>"
    ],
    [
      "Solar",
      '<|tool_calls|><|tool_call:begin|>x1<|tool_call:name|>read_file<|tool_call:args|>{"path": "a"}<|tool_call:end|><|calls|>'
    ],
    [
      "a name with its place",
      '<tool_call>{"name": "functions.read_file", "arguments": {"path": "a"}}</tool_call>'
    ],
    [
      "arguments as text",
      '<tool_call>{"name": "read_file", "arguments": "{\\"path\\": \\"a\\"}"}</tool_call>'
    ],
    ["a brace too few", '<tool_call>{"name": "read_file", "arguments": {"path": "a"}</tool_call>'],
    [
      "after thoughts",
      '<think>Do I use <tool_call>?</think>\n<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>'
    ],
    [
      "after the name of its own mark",
      'With `<tool_call>`:\n<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>'
    ],
    [
      "after a fence",
      '```\nold\n```\n<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>'
    ],
    [
      "a marked call in a fence, and nothing else",
      '```xml\n<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>\n```'
    ],
    ["bare JSON", '{"name": "read_file", "arguments": {"path": "a"}}'],
    ["fenced JSON", '```json\n{"name": "read_file", "parameters": {"path": "a"}}\n```']
  ])("%s", (_, text) => assert.deepStrictEqual(found(text), [["read_file", { path: "a" }]]))

  it("keeps what stands beside it, and all calls in their order", () => {
    const call = (name: string) => `<tool_call>{"name": "${name}", "arguments": {}}</tool_call>`
    const both = textCalls({ text: `I do. ${call("read_file")}${call("write_file")} Then more.` }, offered)
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
    const [draft] = textCalls({ text }, offered)?.drafts ?? []
    assert.strictEqual(draft?.name, "write_file")
    assert.throws(() => JSON.parse(draft?.arguments ?? ""))
  })

  it.each([
    ["Llama", '{"name": "read_file", "parameters": {}}; {"name": "write_file", "parameters": {}}'],
    [
      "Llama in lines",
      '<|python_tag|>{"name": "read_file", "parameters": {}}\n{"name": "write_file", "parameters": {}}'
    ],
    ["Mistral", "[TOOL_CALLS]read_file[ARGS]{}[TOOL_CALLS]write_file[ARGS]{}"],
    ["a program", "[read_file(), write_file()]"],
    ["a program in lines", "```tool_code\nread_file()\nwrite_file()\n```"],
    ["GLM", "<tool_call>read_file\n</tool_call><tool_call>write_file</tool_call>"],
    [
      "Kimi",
      "<|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_call_begin|>functions.write_file:1<|tool_call_argument_begin|>{}<|tool_call_end|>"
    ]
  ])("two calls of %s are two", (_, text) =>
    assert.deepStrictEqual(found(text), [
      ["read_file", {}],
      ["write_file", {}]
    ])
  )

  it("keeps the line end of a value that stands right between its tags", () => {
    const pairs = (open: (key: string) => string, close: string) =>
      `${open("path")}a${close}${open("content")}one\ntwo\n${close}`
    const given = [["write_file", { path: "a", content: "one\ntwo\n" }]]
    for (const text of [
      `<tool_call>write_file\n${pairs((key) => `<arg_key>${key}</arg_key><arg_value>`, "</arg_value>")}</tool_call>`,
      `<invoke name="write_file">${pairs((key) => `<parameter name="${key}">`, "</parameter>")}</invoke>`,
      `<function=write_file>${pairs((key) => `<parameter=${key}>`, "</parameter>")}</function>`,
      `<function=write_file>${pairs((key) => `<parameter=${key}>\n`, "\n</parameter>\n")}</function>`
    ]) {
      assert.deepStrictEqual(found(text), given)
    }
  })

  it("has the values of a program as they are meant", () =>
    assert.deepStrictEqual(
      found(`read_file(a='it\\'s\\n', b="""x "y" z""", c=[1, -2.5, {'k': None}], d=True, e="\\u00e9")`),
      [["read_file", { a: "it's\n", b: 'x "y" z', c: [1, -2.5, { k: null }], d: true, e: "é" }]]
    ))

  it("a call that is begun in the thoughts and ends them is one where the reply has no text", () => {
    const call = '<tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>'
    const of = (reasoning: string, text = "") => textCalls({ text, reasoning }, offered)?.drafts.length ?? 0
    assert.deepStrictEqual(
      [
        of(`I read it. ${call}`),
        of(`I could say ${call}, or not.`),
        of('{"name": "read_file", "arguments": {"path": "a"}}'),
        of(`I read it. ${call}`, "Done."),
        of("", `<think>I read it. ${call}</think>`),
        of("", `<think>I could say ${call}, or not.</think> Done.`)
      ],
      [1, 0, 0, 0, 1, 0]
    )
  })

  const call = '{"name": "read_file", "arguments": {"path": "a"}}'
  const markedCall = `<tool_call>${call}</tool_call>`
  it.each([
    ["prose about a call", 'I would call read_file with {"path": "a"}.'],
    ["JSON after prose", `I call:\n${call}`],
    ["JSON before prose", `${call}\nis what I would call.`],
    ["fenced JSON after prose", `For example:\n\`\`\`json\n${call}\n\`\`\``],
    ["a program after prose", 'I call read_file(path="a")'],
    ["a program that is more than calls", 'for x in y: read_file(path="a")'],
    ["a program with a value that is computed", 'read_file(path=name + "a")'],
    ["a program with places", 'read_file("a")'],
    ["a fenced example", `A call is\n\`\`\`\n${markedCall}\n\`\`\`\nI think.`],
    ["a fence of another kind", `A call is\n~~~~xml\n${markedCall}\n~~~~`],
    ["a fence that holds shorter ones", `Say\n\`\`\`\`\n\`\`\`\nx\n\`\`\`\n${markedCall}\n\`\`\`\``],
    ["two fences with prose between", `\`\`\`\n${markedCall}\n\`\`\`\nor\n\`\`\`\n${markedCall}\n\`\`\``],
    ["backticks", `A call is \`${markedCall}\`.`],
    ["quotes", `A call is "${markedCall}".`],
    ["quotes around tags in tags", 'It says "<tool_call><function=read_file></function></tool_call>".'],
    ["a quoted line", `They wrote:\n> ${markedCall}`],
    ["a tool that was not offered", '<tool_call>{"name": "rm", "arguments": {}}</tool_call>'],
    [
      "a call in a call of another tool",
      `<tool_call>{"name": "rm", "arguments": {"x": "${markedCall.replaceAll('"', "'")}"}}</tool_call>`
    ],
    ["a prompt of Python", '>>> read_file\\n{"path": "a"}'],
    ["words that only begin a mark", "I send it to=functions.read_file and so on."],
    ["JSON that is no call", '{"name": "read_file"}'],
    ["no text", ""]
  ])("is not seen in %s", (_, text) => assert.isUndefined(textCalls({ text }, offered)))

  it("of which only the name can be read is one that cannot be read", () => {
    const [draft] =
      textCalls(
        { text: '<tool_call>{"name": "read_file", "arguments": {"path": "a" "b"}}</tool_call>' },
        offered
      )?.drafts ?? []
    assert.strictEqual(draft?.name, "read_file")
    assert.throws(() => JSON.parse(draft?.arguments ?? ""))
  })

  const marks = forms.flatMap(({ close, open }) => [open, ...close])
  const Words = Schema.Array(
    Schema.Union([
      Schema.Literals([
        ...marks,
        call,
        "read_file",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        '"',
        "=",
        "\n",
        "```",
        "<arg_key>",
        "path"
      ]),
      Schema.String
    ])
  )
  it.prop("any words are read without an error, and what is found is an offered tool", { Words }, (given) => {
    const text = given.Words.join("")
    for (const { name } of textCalls({ text, reasoning: text }, offered)?.drafts ?? []) {
      assert.isTrue(offered.has(toolName(name, offered)))
    }
  })

  it("a text made to be slow is read at once", () => {
    const startedAt = performance.now()
    const odd = [
      "<function=a>",
      "[TOOL_CALLS]a",
      "{",
      "}",
      " ",
      "\n```",
      "`",
      "f(a=[",
      '"""',
      "</think>",
      "<|channel|>commentary to=a"
    ]
    for (const text of [...forms.map(({ open }) => open), ...odd]) {
      textCalls({ text: text.repeat(Math.floor(100_000 / text.length)) }, offered)
    }
    assert.isBelow(performance.now() - startedAt, 3_000)
  })
})
