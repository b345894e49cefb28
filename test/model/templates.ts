/**
 * Whether chat templates take what the loop says: `node test/model/templates.ts FOLDER` starts the command of `FOREMAN_TEST_MODEL_START` (a
 * real llama.cpp server) with each `*.jinja` of the folder and renders the loop's conversations, with the concessions that the client makes
 * to the server's words. Prints a table; `docs/measured/templates.md` has one.
 */
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { createInterface } from "node:readline"

import { Duration, Result } from "effect"

import { changesBetween, conceded, type Dialect, everything } from "../../layers/chat/Dialect.ts"
import { refused } from "../../layers/chat/refusal.ts"
import { RequestBody } from "../../layers/chat/RequestBody.ts"
import { toolReminder } from "../../schema/toolText.ts"
import { pick } from "../../src/tools/catalog.ts"

const port = 18_950
const tools = Result.getOrThrow(
  pick(["bash", "grep", "read_file", "str_replace", "submit_result", "write_file"])
)

const call = (id: string) => ({
  id,
  type: "function",
  function: { name: "read_file", arguments: '{"path":"a"}' }
})
const model = (...ids: ReadonlyArray<string>) => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map(call)
})
const result = (id: string, content = '{"content":"hello"}') => ({
  role: "tool",
  tool_call_id: id,
  name: "read_file",
  content
})
const user = (content: string) => ({ role: "user", content })
const prose = { role: "assistant", content: "I will." }
const start = [{ role: "system", content: "Fix it." }, user("be polite")]
const compacted = [start[0], user("be polite\n\n(3 earlier turns were left out to save room.)")]

/** What the loop makes, and what must be seen of it in the prompt. */
const conversations: ReadonlyArray<readonly [string, ReadonlyArray<unknown>, string]> = [
  ["first", start, "be polite"],
  ["result", [...start, model("call_0"), result("call_0")], "hello"],
  ["two calls", [...start, model("call_0", "call_1"), result("call_0"), result("call_1")], "hello"],
  ["thoughts", [...start, { ...model("1"), reasoning_content: "hm" }, result("1")], "hello"],
  [
    "text and thoughts",
    [...start, { ...model("1"), content: "I read", reasoning_content: "hm" }, result("1")],
    "hello"
  ],
  ["advice", [...start, model("1"), result("1", '{"content":"x"}\n\nYou seem stuck.')], "You seem stuck."],
  ["nudge", [...start, prose, user("Call a tool.")], "Call a tool."],
  ["nudge after a result", [...start, model("1"), result("1"), prose, user("Call a tool.")], "Call a tool."],
  ["compacted", [...compacted, model("1"), result("1")], "earlier turns"],
  ["a user after a result", [...start, model("1"), result("1"), user("Go on.")], "Go on."],
  ["two users", [...start, user("Go on."), model("1"), result("1")], "Go on."]
]

const bodyOf = (messages: ReadonlyArray<unknown>, dialect: Dialect): Uint8Array => {
  const request = {
    endpoint: { baseURL: "", model: "m" },
    messages: messages.map((message) => JSON.stringify(message)),
    tools,
    turnTimeout: Duration.seconds(1)
  }
  return new RequestBody(dialect, tools).render(request, dialect)
}

interface Rendered {
  readonly prompt: string
  readonly dialect: Dialect
}

/** The prompt, and what was conceded for it; the server's words where nothing helps. */
const render = async (messages: ReadonlyArray<unknown>, asked: Dialect): Promise<Rendered | string> => {
  const response = await fetch(`http://127.0.0.1:${port}/apply-template`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: Buffer.from(bodyOf(messages, asked))
  })
  const body = await response.text()
  if (response.ok) return { prompt: JSON.parse(body).prompt, dialect: asked }
  const reason = refused({ status: response.status, body: body.slice(0, 4096), nowMillis: 0 })
  const next = conceded(asked, reason)
  return next === undefined ? reason.message.slice(-200) : await render(messages, next)
}

const rowOf = async (): Promise<{ readonly isFine: boolean; readonly cells: ReadonlyArray<string> }> => {
  let dialect = everything
  const failures: Array<string> = []
  const all = async (before: Dialect): Promise<void> => {
    dialect = before
    failures.length = 0
    for (const [name, messages, seen] of conversations) {
      const got = await render(messages, dialect)
      if (typeof got === "string") failures.push(`${name}: ${got}`)
      else {
        dialect = got.dialect
        if (!got.prompt.includes(seen)) failures.push(`${name} is not shown`)
      }
    }
  }
  await all(everything)
  const first = await render(start, dialect)
  const showsTools = typeof first !== "string" && first.prompt.includes("str_replace")
  const native = changesBetween(everything, dialect).join(", ") || "nothing"
  if (showsTools && failures.length === 0) return { isFine: true, cells: [native, "from the first request"] }
  // The second nudge lists them; what comes then is told in words.
  const reminder = await render(
    [...start, prose, user("Call a tool."), prose, user(toolReminder(tools))],
    dialect
  )
  const isReminded = typeof reminder !== "string" && reminder.prompt.includes("str_replace")
  await all({ ...dialect, hasTools: false })
  const isFine = isReminded && failures.length === 0
  return { isFine, cells: [native, isFine ? "after the second nudge, in words" : failures.join("; ")] }
}

const [folder = "."] = process.argv.slice(2)
const [command = "", ...flags] = (process.env["FOREMAN_TEST_MODEL_START"] ?? "").split(" ")
const names = readdirSync(folder).filter((name) => name.endsWith(".jinja"))
let fine = 0
const lines: Array<string> = []
for (const name of names) {
  const server = spawn(
    command,
    [...flags, "--port", String(port), "--ctx", "512", "--template", `${folder}/${name}`],
    { stdio: ["ignore", "pipe", "ignore"] }
  )
  const gone = new Promise((resolve) => server.once("exit", resolve))
  const ready = new Promise<boolean>((resolve) => {
    createInterface(server.stdout).on("line", (line) => {
      if (line.startsWith("listening on ")) resolve(true)
    })
    void gone.then(() => resolve(false))
  })
  const { cells, isFine } = (await ready)
    ? await rowOf()
    : { isFine: false, cells: ["", "the server does not start with it"] }
  if (isFine) fine++
  lines.push(`| ${name.replace(".jinja", "")} | ${cells.join(" | ").replaceAll("\n", " ")} |`)
  process.stderr.write(`${lines.at(-1)}\n`)
  server.kill("SIGTERM")
  await gone
}
process.stdout.write(
  `${fine} of ${names.length} go.\n\n| template | conceded | tools and results are seen |\n|---|---|---|\n${lines.join("\n")}\n`
)
