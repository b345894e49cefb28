/** A journal for people: what happened in a run, a line or two for each record that says something. */
import { Result, Schema } from "effect"

import { actionOf } from "../decide/action.ts"
import { oneLine } from "../decide/oneLine.ts"
import { JournalRecord } from "./record.ts"

export interface StoryLine {
  /** Milliseconds of the epoch. */
  readonly at: number
  readonly text: string
  /** What a reader looks for first: the beginning and the end, and what went wrong on the way. */
  readonly tone: "plain" | "good" | "bad" | "faint"
}

const maxChars = 160

const decodeToolMessage = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({ content: Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)) })
  )
)

/** What the model was told of its call, as far as it fits on a line: the error, the exit code, the first words of the output. */
const answered = (message: string): string => {
  const decoded = decodeToolMessage(message)
  if (Result.isFailure(decoded)) return oneLine(message, maxChars)
  const { error, exit_code: code, stdout, ...rest } = decoded.success.content
  if (typeof error === "string") return oneLine(error, maxChars)
  if (typeof code === "number") return oneLine(`exit ${code} ${String(stdout ?? "")}`, maxChars)
  return oneLine(JSON.stringify(rest), maxChars)
}

const counted = (usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined) =>
  usage === undefined ? "" : ` (${usage.inputTokens} tokens in, ${usage.outputTokens} out)`

const lines = (record: JournalRecord): ReadonlyArray<readonly [StoryLine["tone"], string]> => {
  switch (record.type) {
    case "run": {
      const { attempt, branch, claim, maxTurns, task } = record
      const where = branch === undefined ? "" : `, branch ${branch}`
      return [
        [
          "plain",
          `${task.namespace}/${task.name}: run ${attempt} on ${claim.node}${where}, at most ${maxTurns} turns`
        ]
      ]
    }
    case "workspace":
      return [["faint", `the checkout is there, at ${record.baseCommit.slice(0, 12)}`]]
    case "compaction":
      return [["faint", `the conversation was shortened from ${record.before} to ${record.after} messages`]]
    case "reply": {
      const { failure, reply, turn } = record
      if (reply === undefined)
        return [["bad", `turn ${turn}: no reply: ${oneLine(failure?.message ?? "", maxChars)}`]]
      const words = oneLine(reply.content === "" ? reply.reasoning : reply.content, maxChars)
      return [
        ["plain", `turn ${turn}${counted(reply.usage)}${words === "" ? "" : `: ${words}`}`],
        ...reply.toolCalls.map((call) => ["plain", `  → ${actionOf(call)}`] as const)
      ]
    }
    case "result":
      return [[record.succeeded ? "faint" : "bad", `  ← ${answered(record.message)}`]]
    case "hold":
      return [["bad", `interrupted: ${oneLine(record.reason, maxChars)}`]]
    case "resume":
      return [["plain", `goes on after turn ${record.turn}, on ${record.claim.node}`]]
    case "outcome": {
      const { result } = record
      const why = result.failureReason === undefined ? "" : ` (${result.failureReason})`
      const party = record.party === undefined ? "" : `, party ${record.party}`
      const tone = result.verdict === "GO" ? "good" : "bad"
      return [[tone, `${result.verdict}${why}${party}: ${oneLine(result.summary, maxChars)}`]]
    }
    case "full":
      return [["bad", oneLine(record.message, maxChars)]]
    case "session":
      return [["plain", `${record.isLoaded ? "goes on with" : "begins"} a session of ${record.agent}`]]
    case "prompt":
      return [["faint", `told: ${oneLine(record.text, maxChars)}`]]
    case "said":
      return [[record.isThought === true ? "faint" : "plain", oneLine(record.text, maxChars)]]
    case "agentCall": {
      const { kind = "call", output, status, title } = record
      if (title !== undefined) return [["plain", `  → ${kind} ${oneLine(title, maxChars)}`]]
      if (output === undefined) return []
      return [[status === "failed" ? "bad" : "faint", `  ← ${oneLine(output, maxChars)}`]]
    }
    case "permission": {
      const { isGranted, kind, title } = record
      return [
        [
          isGranted ? "faint" : "bad",
          `  ${isGranted ? "may" : "may not"} ${kind}: ${oneLine(title, maxChars)}`
        ]
      ]
    }
    case "file": {
      const { action, path, refused } = record
      const why = refused === undefined ? "" : `: ${oneLine(refused, maxChars)}`
      return [[refused === undefined ? "faint" : "bad", `  ${action} ${oneLine(path, maxChars)}${why}`]]
    }
    case "stopped":
      return [["plain", `the agent stopped: ${record.stopReason}`]]
    case "spent":
      return [["faint", `  a request${counted(record.usage)}`]]
    case "end":
      return [["faint", "the result was reported"]]
    case "request":
    case "call":
    case "tree":
    case "checkpoint":
      return []
  }
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(JournalRecord))

/** What a line of a journal says; nothing where it says nothing to people. A line that cannot be read is shown as it is. */
export const storyLines = (line: string): ReadonlyArray<StoryLine> => {
  const record = decode(line)
  if (Result.isFailure(record))
    return [{ at: NaN, tone: "bad", text: `cannot be read: ${oneLine(line, maxChars)}` }]
  return lines(record.success).map(([tone, text]) => ({ at: record.success.at, tone, text }))
}

/** As `lineOf` begins the last record. */
const lastRecord = '{"type":"end"'

/** Whether nothing comes after this line. */
export const isLast = (line: string): boolean => line.startsWith(lastRecord)
