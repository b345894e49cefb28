/**
 * What each coding agent sends to a model over the same recorded session, as docs/measured/tokens.md has it. The repository is a clone of
 * the session's; the tokenizer is a llama.cpp server.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"

import { Schema } from "effect"

import { agents } from "./agents.ts"
import { type AgentName, dialects } from "./dialects.ts"
import { type Asked, serve } from "./endpoint.ts"
import { session } from "./Session.ts"

interface Sent {
  readonly agent: AgentName
  readonly requests: number
  /** Without those beside the session. */
  readonly turns: number
  readonly firstTokens: number
  readonly tokens: number
}

const tokenized = Schema.decodeUnknownSync(Schema.Struct({ tokens: Schema.Array(Schema.Unknown) }))

const isAgent = (name: string): name is AgentName => Object.hasOwn(dialects, name)

const { values } = parseArgs({
  options: {
    repository: { type: "string" },
    tokenizer: { type: "string" },
    beside: { type: "string", multiple: true, default: [] }
  }
})

const count = async (text: string): Promise<number> => {
  // As everybody estimates without one.
  if (values.tokenizer === undefined) return Math.ceil(text.length / 4)
  const answer = await fetch(new URL("/tokenize", values.tokenizer), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ content: text })
  })
  return tokenized(await answer.json()).tokens.length
}

const play = async (agent: AgentName, program: string, repository: string): Promise<ReadonlyArray<Asked>> => {
  const root = mkdtempSync(join(tmpdir(), "foreman-session-"))
  try {
    const home = join(root, "home")
    const folder = join(root, "checkout")
    mkdirSync(home)
    execFileSync("git", ["clone", "-q", "--shared", "--no-checkout", repository, folder])
    execFileSync("git", ["checkout", "-q", "-B", "main", session.commit], { cwd: folder })
    const endpoint = await serve(session, dialects[agent], folder)
    try {
      await agents[agent]({ root: home, folder, modelURL: endpoint.url, program })
    } finally {
      await endpoint.close()
    }
    return endpoint.asked
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const sentBy = async (agent: AgentName, program: string, repository: string): Promise<Sent> => {
  const asked = await play(agent, program, repository)
  const turns = asked.filter(({ isAside }) => !isAside)
  if (turns.length <= session.steps.length) {
    throw new Error(`${agent} asked ${turns.length} times for ${session.steps.length} steps and the end`)
  }
  let tokens = 0
  for (const { text } of asked) tokens += await count(text)
  return {
    agent,
    requests: asked.length,
    turns: turns.length,
    firstTokens: await count(turns[0]?.text ?? ""),
    tokens
  }
}

if (values.repository === undefined) {
  console.error(`--repository is missing: a clone of ${session.repository} that has ${session.commit}`)
  process.exit(2)
}
const programs = [
  ["foreman", ""] as const,
  ...values.beside.map((text) => {
    const [name = "", ...program] = text.split("=")
    return [name, resolve(program.join("="))] as const
  })
]
const rows: Array<Sent> = []
for (const [name, program] of programs) {
  if (!isAgent(name))
    throw new Error(`there is no agent ${name}; there is ${Object.keys(dialects).join(", ")}`)
  rows.push(await sentBy(name, program, resolve(values.repository)))
}
const ours = rows[0]?.tokens ?? NaN
const unit = values.tokenizer === undefined ? "tokens, at 4 characters each" : "tokens"
console.log(
  `| agent | requests | first request, ${unit} | all requests | ours are of it |\n| --- | --- | --- | --- | --- |`
)
for (const { agent, firstTokens, requests, tokens } of rows) {
  console.log(`| ${agent} | ${requests} | ${firstTokens} | ${tokens} | ${(ours / tokens).toFixed(2)} × |`)
}
