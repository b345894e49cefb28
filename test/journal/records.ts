/** Records of a made-up run, for tests of journals. */
import type { JournalRecord } from "../../src/journal/record.ts"
import { InferenceError, MalformedToolCall } from "../../src/services/InferenceClient.ts"

export const claim = { id: "a", node: "n", claimedAt: "2026-01-01T00:00:00Z" }
export const beginning: JournalRecord = {
  type: "run",
  at: 1000,
  v: 1,
  task: { namespace: "default", name: "fix", uid: "u" },
  attempt: 1,
  claim,
  spec: "digest",
  systemPrompt: "system",
  taskPrompt: "task: grüße 🙂",
  tools: [{ name: "bash", description: "runs", parameters: {} }],
  maxTurns: 12,
  maxTokens: 100,
  windowTokens: 1000,
  budgetMillis: 60_000,
  stuckLimits: { repeatedToolThreshold: 5, editFreeTurnsLimit: 15, contextSoftCap: 0, contextHardCap: 0 },
  isEditing: true
}
export const failed = new InferenceError({
  endpoint: "e",
  reason: new MalformedToolCall({ message: "cut", party: "model", tool: "bash", written: "{", content: "" })
})
const call = { id: "c", type: "function", function: { name: "bash", arguments: '{"command":"ls"}' } } as const
export const turnOf = (turn: number): ReadonlyArray<JournalRecord> => [
  { type: "request", at: 1000 + turn, turn, shared: 2, messages: ["reply", "result"], maxTokens: 100 },
  { type: "reply", at: 1000 + turn, turn, failure: failed },
  {
    type: "reply",
    at: 1000 + turn,
    turn,
    reply: { content: "", reasoning: "é", toolCalls: [call], finishReason: "tool_calls" }
  },
  { type: "call", at: 1000 + turn, turn, index: 0, id: "c", tool: "bash" },
  { type: "result", at: 1000 + turn, turn, index: 0, message: "{}", succeeded: true },
  { type: "checkpoint", at: 1000 + turn, turn, tree: `tree${turn}` }
]
