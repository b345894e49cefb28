/**
 * A coding agent made with the official SDK that does what a script says: the other end of the protocol in tests. `SCRIPT` names a JSON file
 * with a list of steps for each prompt; the last list is for all further ones.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Readable, Writable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"

import * as acp from "@agentclientprotocol/sdk"

export type Step =
  | { readonly say: string }
  /** A file of the workspace, by the client. */
  | { readonly write: string; readonly content: string }
  | { readonly read: string }
  /** A command that needs leave; its output is said. */
  | { readonly run: string; readonly kind?: acp.ToolKind }
  /** One request to the model; its reply is said. */
  | { readonly ask: string }
  /** Says what this process finds in its environment under the name. */
  | { readonly env: string }
  | { readonly raw: string }
  | { readonly stderr: string }
  | { readonly sleep: number }
  | { readonly exit: number }
  | { readonly stop: acp.StopReason }
  | { readonly fail: string }
  /** Says the prompt that it was given. */
  | { readonly echo: true }

const script = JSON.parse(readFileSync(process.env["SCRIPT"] ?? "", "utf8")) as ReadonlyArray<
  ReadonlyArray<Step>
>
const folder = join(process.env["HOME"] ?? "", "sessions")
const file = (sessionId: string) => join(folder, sessionId)

/** Prompts so far, of a session that outlives the process. */
const count = (sessionId: string): number => Number(readFileSync(file(sessionId), "utf8"))

const sh = (command: string, cwd: string): Promise<string> =>
  new Promise((resolve) => {
    execFile("sh", ["-c", command], { cwd, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}exit ${error?.code ?? 0}`)
    )
  })

const askModel = async (content: string): Promise<string> => {
  const answer = await fetch(`${process.env["OPENAI_BASE_URL"]}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${process.env["OPENAI_API_KEY"]}`
    },
    body: JSON.stringify({ model: "any", stream: true, messages: [{ role: "user", content }] })
  }).catch((error: unknown) => error)
  if (!(answer instanceof Response)) return `no answer: ${String(answer)}`
  return `${answer.status} ${(await answer.text()).slice(0, 2000)}`
}

let calls = 0

const perform = async (
  step: Step,
  client: acp.AgentContext,
  sessionId: string,
  prompt: string
): Promise<acp.StopReason | undefined> => {
  const say = (text: string) =>
    client.notify(acp.methods.client.session.update, {
      sessionId,
      update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } }
    })
  if ("say" in step) await say(step.say)
  else if ("echo" in step) await say(prompt)
  else if ("env" in step) await say(`${step.env}=${process.env[step.env]}`)
  else if ("ask" in step) await say(await askModel(step.ask))
  else if ("raw" in step) process.stdout.write(step.raw)
  else if ("stderr" in step) process.stderr.write(step.stderr)
  else if ("sleep" in step) await sleep(step.sleep)
  else if ("exit" in step) process.exit(step.exit)
  else if ("stop" in step) return step.stop
  else if ("fail" in step) throw new acp.RequestError(-32_603, step.fail)
  else if ("read" in step) {
    const { content } = await client
      .request(acp.methods.client.fs.readTextFile, { sessionId, path: step.read })
      .catch((error: unknown) => ({ content: `refused: ${String(error)}` }))
    await say(content)
  } else if ("write" in step) {
    await client
      .request(acp.methods.client.fs.writeTextFile, { sessionId, path: step.write, content: step.content })
      .catch((error: unknown) => say(`refused: ${String(error)}`))
  } else {
    const toolCallId = `call_${++calls}`
    const { kind = "execute", run } = step
    await client.notify(acp.methods.client.session.update, {
      sessionId,
      update: { sessionUpdate: "tool_call", toolCallId, title: run, kind, status: "pending" }
    })
    const { outcome } = await client.request(acp.methods.client.session.requestPermission, {
      sessionId,
      toolCall: { toolCallId, title: run, kind },
      options: [
        { optionId: "yes", kind: "allow_once", name: "Yes" },
        { optionId: "no", kind: "reject_once", name: "No" }
      ]
    })
    const isAllowed = outcome.outcome === "selected" && outcome.optionId === "yes"
    const text = isAllowed ? await sh(run, process.cwd()) : "not allowed"
    await client.notify(acp.methods.client.session.update, {
      sessionId,
      update: {
        sessionUpdate: "tool_call_update",
        toolCallId,
        status: isAllowed ? "completed" : "failed",
        content: [{ type: "content", content: { type: "text", text } }]
      }
    })
    await say(text)
  }
  return undefined
}

acp
  .agent({ name: "scripted" })
  .onRequest(acp.methods.agent.initialize, () => ({
    protocolVersion: acp.PROTOCOL_VERSION,
    agentInfo: { name: "scripted", version: "1" },
    agentCapabilities: { loadSession: process.env["NO_LOAD"] === undefined }
  }))
  .onRequest(acp.methods.agent.session.new, () => {
    const sessionId = `session-${Date.now()}`
    mkdirSync(folder, { recursive: true })
    writeFileSync(file(sessionId), "0")
    return { sessionId }
  })
  .onRequest(acp.methods.agent.session.load, ({ params }) => {
    if (!existsSync(file(params.sessionId))) throw new acp.RequestError(-32_002, "no such session")
    return {}
  })
  .onRequest(acp.methods.agent.session.prompt, async ({ client, params: { prompt, sessionId } }) => {
    const past = count(sessionId)
    writeFileSync(file(sessionId), String(past + 1))
    const text = prompt.map((block) => (block.type === "text" ? block.text : "")).join("")
    for (const step of script[Math.min(past, script.length - 1)] ?? []) {
      const stopReason = await perform(step, client, sessionId, text)
      if (stopReason !== undefined) return { stopReason }
    }
    return { stopReason: "end_turn" }
  })
  .onNotification(acp.methods.agent.session.cancel, () => process.exit(0))
  .connect(
    acp.ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>
    )
  )
