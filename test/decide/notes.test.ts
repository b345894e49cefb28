import { assert, describe, it } from "@effect/vitest"

import { none, noteTurn, render } from "../../src/decide/notes.ts"

const turn = (name: string, args: object, result: object, content: string | null = null) => [
  JSON.stringify({
    role: "assistant",
    content,
    tool_calls: [{ id: "c", type: "function", function: { name, arguments: JSON.stringify(args) } }]
  }),
  JSON.stringify({ role: "tool", tool_call_id: "c", name, content: JSON.stringify(result) })
]

describe("the notes of a compaction", () => {
  it("keep what was said, read, changed and run", () => {
    const notes = [
      turn("read_file", { path: "a.ts" }, { content: "x" }, "The fault is in\n a.ts."),
      turn("str_replace", { path: "a.ts" }, { replaced: 1 }),
      turn("write_file", { path: "b.ts" }, { error: "no" }),
      turn("move", { from: "c.ts", to: "d.ts" }, {}),
      turn("bash", { command: "npm test" }, { exit_code: 1 })
    ].reduce(noteTurn, none)
    assert.strictEqual(
      render(notes, 4000),
      `

(5 earlier turns were left out to save room. The files in the workspace are as you left them.
Changed: a.ts, c.ts → d.ts
Read: a.ts
Ran: \`npm test (exit 1)\`
You said:
- The fault is in a.ts.)`
    )
  })

  it("are bounded: the oldest reading gives way first, the count stays", () => {
    const many = Array.from({ length: 60 }, (_, index) =>
      turn(index % 2 === 0 ? "read_file" : "write_file", { path: `folder/file${index}.ts` }, {})
    ).reduce(noteTurn, none)
    const text = render(many, 700)
    assert.isAtMost(text.length, 700)
    assert.match(text, /60 earlier turns[^]*Changed: .*file59\.ts/u)
    assert.isAtMost(render(many, 10).length, 120)
  })

  it("read messages of any form", () => {
    const odd = ['{"role":"assistant","tool_calls":[null,{"function":{"name":1}}]}', "no JSON", "[]", "null"]
    assert.strictEqual(noteTurn(none, odd).turns, 1)
  })
})
