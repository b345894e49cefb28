/** Which turn of which script answers a request, and whether the request is as the script says. Pure but for the tries it counts. */
import type { Schema } from "effect"

import type { Expectation, ModelScript, Turn } from "./ModelScript.ts"

export interface Request {
  readonly model: string
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content?: unknown }>
  readonly tools: ReadonlyArray<string>
  readonly hasTemperature: boolean
  readonly stream: boolean
  readonly body: Schema.Json
}

export type Play =
  | { readonly _tag: "Turn"; readonly script: string; readonly turn: Turn }
  | { readonly _tag: "Mismatch"; readonly message: string }

const text = (message: { readonly content?: unknown } | undefined): string =>
  typeof message?.content === "string" ? message.content : ""

const matches = (script: ModelScript, request: Request): boolean => {
  const { model, promptContains, systemContains } = script.match ?? {}
  const first = (role: string) => text(request.messages.find((message) => message.role === role))
  return (
    (model === undefined || request.model === model) &&
    (systemContains === undefined || first("system").includes(systemContains)) &&
    (promptContains === undefined || first("user").includes(promptContains))
  )
}

/** The first expectation that does not hold, in words. */
const broken = (expect: Expectation, request: Request): string | undefined => {
  const all = request.messages.map((message) => JSON.stringify(message)).join("\n")
  const since = request.messages
    .slice(request.messages.findLastIndex((message) => message.role === "assistant") + 1)
    .map(text)
    .join("\n")
  const missing = expect.contains?.find((part) => !all.includes(part))
  if (missing !== undefined) return `expected ${JSON.stringify(missing)} in the messages`
  const present = expect.lacks?.find((part) => all.includes(part))
  if (present !== undefined) return `expected no ${JSON.stringify(present)} in the messages`
  const absent = expect.newContains?.find((part) => !since.includes(part))
  if (absent !== undefined) {
    return `expected ${JSON.stringify(absent)} since the last reply, there was ${JSON.stringify(since.slice(0, 2000))}`
  }
  const withheld = expect.toolsOffered?.find((tool) => !request.tools.includes(tool))
  if (withheld !== undefined) return `expected the tool ${withheld} to be offered`
  const offered = expect.toolsWithheld?.find((tool) => request.tools.includes(tool))
  return offered === undefined ? undefined : `expected the tool ${offered} to be withheld`
}

/**
 * A request with n replies in its history gets the script's reply n, after the faults before it. So a run that starts over is
 * answered from the start, and any number of runs may play one script at once.
 */
export const makePlayer = (scripts: ReadonlyArray<ModelScript>) => {
  const tries = new Map<string, number>()

  return (request: Request): Play => {
    const script = scripts.find((candidate) => matches(candidate, request))
    if (script === undefined) {
      const names = scripts.map((candidate) => candidate.name).join(", ")
      return {
        _tag: "Mismatch",
        message: `no script matches model ${request.model} and its prompts (have: ${names})`
      }
    }
    const replies = request.messages.filter((message) => message.role === "assistant").length
    let seen = 0
    const candidates = script.turns.filter((turn) => {
      const isHere = seen === replies
      if (turn.reply.type !== "fault") seen++
      return isHere
    })
    const conversation = `${script.name}\n${request.model}\n${text(request.messages[0])}\n${text(request.messages[1])}`
    const key = `${replies}\n${conversation}`
    const attempt = tries.get(key) ?? 0
    const turn = candidates[Math.min(attempt, candidates.length - 1)]
    if (turn === undefined) {
      return {
        _tag: "Mismatch",
        message: `script ${script.name} has ${seen} replies; this request has had ${replies} of them already`
      }
    }
    if (turn.reply.type === "fault" && turn.reply.fault === "reject-temperature" && !request.hasTemperature) {
      tries.set(key, attempt + 1)
      const next = candidates[attempt + 1]
      if (next !== undefined) return { _tag: "Turn", script: script.name, turn: next }
    }
    const failure = turn.expect === undefined ? undefined : broken(turn.expect, request)
    if (failure !== undefined) {
      return { _tag: "Mismatch", message: `script ${script.name}, reply ${replies + 1}: ${failure}` }
    }
    // A try that went past the faults ends the count, so that a run which starts over meets them again.
    if (turn.reply.type === "fault") tries.set(key, attempt + 1)
    else tries.delete(key)
    return { _tag: "Turn", script: script.name, turn }
  }
}
