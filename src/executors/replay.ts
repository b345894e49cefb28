/** Plays a journal again: the loop takes the recorded replies and results, and nothing happens but its own decisions. */
import { Duration, Effect, Layer, Schema } from "effect"

import type { Usage } from "../../schema/Usage.ts"
import { entryOf } from "../decide/context.ts"
import type { Journal, JournalTurn } from "../journal/read.ts"
import { run } from "../loop/loop.ts"
import type { LoopEnd } from "../loop/Progress.ts"
import type { Recorder } from "../loop/Recorder.ts"
import { InferenceClient } from "../services/InferenceClient.ts"
import { JournalError } from "../services/Journal.ts"
import { make, ToolError } from "../tools/AgentTool.ts"
import { toolNames } from "../tools/catalog.ts"

export interface ReplayedTurn {
  readonly turn: number
  readonly tools: ReadonlyArray<string>
  /** From its first record to its last, in milliseconds. */
  readonly millis: number
  readonly usage: Usage | undefined
}

export interface Replayed {
  readonly turns: ReadonlyArray<ReplayedTurn>
  /** How the loop ended this time; `JournalEnds` where what came next is not in the journal, or was not asked for. */
  readonly end: LoopEnd["_tag"] | "JournalEnds"
  /** Of a submission. */
  readonly verdict: string | undefined
  readonly summary: string
  /** How the run ended then; absent where it came to no end. */
  readonly recorded: { readonly end: string; readonly verdict: string; readonly summary: string } | undefined
  /** Whether it came to the same; true for a run that came to no end, as far as it went. */
  readonly isSame: boolean
  /** The whole conversation as JSON texts. */
  readonly messages: ReadonlyArray<string>
}

/** Ends that come from outside the conversation: of these the journal alone can tell. */
const fromOutside: ReadonlySet<string> = new Set(["BudgetExhausted", "LimitReached", "NotRecorded"])

/** The arguments of a tool that is not run. */
const anything = Schema.Record(Schema.String, Schema.Unknown)

const endOfJournal = (turn: number) =>
  new JournalError({ reason: "Unusable", message: `the journal has nothing more of turn ${turn}` })

/** Hands out what the turns hold, up to the end of turn `until`. */
const recorderOf = (turns: ReadonlyArray<JournalTurn>, until: number): Recorder => {
  const left = turns.map(({ replies, results, trees }) => ({
    replies: replies.values(),
    results: results.values(),
    trees: trees.values()
  }))
  return {
    isPast: () => true,
    note: (turn) => turns[turn - 1]?.note,
    answer: Effect.fnUntraced(function* ({ turn }) {
      const { value } = left[turn - 1]?.replies.next() ?? {}
      if (turn > until || value === undefined) return yield* endOfJournal(turn)
      if (value.reply !== undefined) return { usage: undefined, ...value.reply }
      return yield* value.failure ?? endOfJournal(turn)
    }),
    call: Effect.fnUntraced(function* ({ turn }, call) {
      const { value } = left[turn - 1]?.results.next() ?? {}
      if (value === undefined) return yield* endOfJournal(turn)
      const { message: json, succeeded, terminal } = value
      return { call, entry: { role: "tool" as const, json }, succeeded, terminal }
    }),
    tree: (turn) => {
      const { value } = left[turn - 1]?.trees.next() ?? {}
      return value === undefined ? Effect.fail(endOfJournal(turn)) : Effect.succeed(value)
    },
    turnEnded: () => Effect.void
  }
}

const nobody = Layer.succeed(
  InferenceClient,
  InferenceClient.of({ complete: () => Effect.die("a replay asks no model") })
)

/** The same conversation again, to the end of turn `until` or of the journal. */
export const replay = Effect.fn("replay")(function* (
  journal: Journal,
  until = Number.POSITIVE_INFINITY
): Effect.fn.Return<Replayed> {
  const { outcome, run: head, turns } = journal
  const idle = "a replay runs no tool"
  const report = yield* run<never>({
    ...head,
    endpoints: [{ baseURL: "", model: "" }],
    tools: head.tools.map((tool) => ({
      ...make({
        name: tool.name,
        description: tool.description,
        parameters: anything,
        run: () => Effect.fail(new ToolError({ message: idle }))
      }),
      parameters: tool.parameters
    })),
    knownTools: toolNames,
    toolContext: { task: head.task, bashTimeout: Duration.zero },
    maxRetries: 0,
    turnTimeout: Duration.infinity,
    budget: Duration.infinity,
    maxWait: Duration.zero,
    treeState: Effect.succeed(""),
    onTurn: () => Effect.void,
    recorder: recorderOf(turns, until)
  }).pipe(Effect.provide(nobody))
  const { end } = report
  const isCutShort = end._tag === "NotRecorded"
  const submitted = end._tag === "Submitted" ? end.terminal : undefined
  const recorded = outcome && {
    end: outcome.end,
    verdict: outcome.result.verdict,
    summary: outcome.result.summary
  }
  return {
    turns: turns.slice(0, until).map(shownTurn),
    end: isCutShort ? "JournalEnds" : end._tag,
    verdict: submitted?.verdict,
    summary: submitted?.summary ?? "",
    recorded,
    isSame:
      recorded === undefined ||
      until <= turns.length - 1 ||
      recorded.end === end._tag ||
      (isCutShort && fromOutside.has(recorded.end)),
    messages: report.transcript
  }
})

const shownTurn = ({ checkpoint, replies, results, turn }: JournalTurn): ReplayedTurn => {
  const reply = replies.findLast((one) => one.reply !== undefined)?.reply
  const times = [...replies, ...results, ...(checkpoint === undefined ? [] : [checkpoint])].map(
    ({ at }) => at
  )
  return {
    turn,
    tools: (reply?.toolCalls ?? []).map((call) => call.function.name),
    millis: times.length === 0 ? 0 : Math.max(...times) - Math.min(...times),
    usage: reply?.usage
  }
}

/** The first turn in which two journals differ, and in what; `undefined` when one goes on where the other ends, or both are alike. */
export const firstDifference = (
  one: Journal,
  other: Journal
):
  | { readonly turn: number; readonly what: string; readonly one: string; readonly other: string }
  | undefined => {
  const turns = Math.min(one.turns.length, other.turns.length)
  for (const what of ["systemPrompt", "taskPrompt"] as const) {
    if (one.run[what] !== other.run[what]) {
      return {
        turn: 0,
        what: what === "taskPrompt" ? "task" : "system prompt",
        one: one.run[what],
        other: other.run[what]
      }
    }
  }
  for (let index = 0; index < turns; index++) {
    const [left, right] = [one.turns[index], other.turns[index]].map((turn) => ({
      reply: turn?.replies.map(({ reply }) => saidIn(reply)).join("\n") ?? "",
      results: turn?.results.map(({ message }) => message).join("\n") ?? ""
    }))
    for (const what of ["reply", "results"] as const) {
      const [a, b] = [left?.[what] ?? "", right?.[what] ?? ""]
      if (a !== b) return { turn: index + 1, what, one: a, other: b }
    }
  }
  return undefined
}

/** What a reply says and calls, without ids, which are chance. */
const saidIn = (reply: JournalTurn["replies"][number]["reply"]): string =>
  reply === undefined
    ? ""
    : entryOf({
        role: "assistant",
        content: reply.content,
        tool_calls: reply.toolCalls.map((call) => ({ ...call, id: "" }))
      }).json
