/** `foreman replay`: plays the journal of a run again, without its model and without effects, and says whether it comes to the same. */
import { Console, Duration, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"

import * as ChatCompletionsClient from "../layers/ChatCompletionsClient.ts"
import * as Observability from "../layers/Observability.ts"
import { firstDifference, type Replayed, replay } from "../src/executors/replay.ts"
import type { Journal } from "../src/journal/read.ts"
import { InferenceClient } from "../src/services/InferenceClient.ts"
import { findJournal, journalParameters, JournalMissing, readFile } from "./journalFiles.ts"
import { launchCommand } from "./launchCommand.ts"

/** It came to another end. */
class EndDiffers extends Schema.TaggedError<EndDiffers>()("EndDiffers", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const parameters = {
  ...journalParameters,
  until: Flag.Int("until").pipe(Flag.optional, Flag.withDescription("Stop after this turn")),
  diff: Flag.String("diff").pipe(
    Flag.optional,
    Flag.withDescription("Another journal: says in which turn the two first differ")
  ),
  withModel: Flag.String("with-model").pipe(
    Flag.optional,
    Flag.withDescription(
      "Base URL of a model that is asked for the next reply, after the last turn that was played"
    )
  ),
  model: Flag.String("model").pipe(Flag.withDefault(""), Flag.withDescription("Its name")),
  output: Flag.Literals("output", ["table", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDefault("table"),
    Flag.withDescription("Form of what is printed; json has the whole conversation")
  )
}

const load = Effect.fnUntraced(function* (name: string, workspaceDir: string) {
  const file = yield* findJournal(name, workspaceDir)
  const journal = yield* Effect.fromResult(readFile(file)).pipe(
    Effect.mapError(({ message }) => new JournalMissing({ message: `${file}: ${message}` }))
  )
  if (journal.run.executor !== undefined) {
    return yield* new JournalMissing({
      message: `${file}: the work was done by another coding agent (${journal.run.executor}), which decides for itself: its journal can be read, but not played again`
    })
  }
  return journal
})

const seconds = (millis: number): string => (millis / 1000).toFixed(1)
const rows = (table: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0))
  )
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const report = (journal: Journal, replayed: Replayed): string => {
  const { attempt, branch, task } = journal.run
  const { end, recorded, summary, turns, verdict } = replayed
  const lines = [
    `${task.namespace}/${task.name}, journal ${attempt}${branch === undefined ? "" : `, branch ${branch}`}${journal.resumes === 0 ? "" : `, interrupted ${journal.resumes} times`}`,
    "",
    rows([
      ["TURN", "SECONDS", "TOKENS IN", "OUT", "TOOLS"],
      ...turns.map(({ millis, tools, turn, usage }) => [
        String(turn),
        seconds(millis),
        usage === undefined ? "-" : String(usage.inputTokens),
        usage === undefined ? "-" : String(usage.outputTokens),
        tools.join(" ") || "-"
      ])
    ]),
    "",
    `end now:  ${end}${verdict === undefined ? "" : ` ${verdict}: ${summary}`}`
  ]
  if (recorded !== undefined) lines.push(`end then: ${recorded.end} ${recorded.verdict}: ${recorded.summary}`)
  return lines.join("\n")
}

/** What a model would say next; nothing is done with it. */
const askModel = Effect.fnUntraced(function* (
  journal: Journal,
  messages: ReadonlyArray<string>,
  endpoint: { readonly baseURL: string; readonly model: string }
) {
  const client = yield* InferenceClient
  const { maxTokens, tools } = journal.run
  const { content, toolCalls } = yield* client.complete({
    endpoint,
    messages,
    tools,
    maxTokens,
    turnTimeout: Duration.minutes(10)
  })
  return { content, toolCalls: toolCalls.map((call) => call.function) }
})

const run = Effect.fn("replay")(function* (options: {
  readonly journal: string
  readonly workspaceDir: string
  readonly until: number | undefined
  readonly diff: string | undefined
  readonly withModel: string | undefined
  readonly model: string
  readonly isJson: boolean
}) {
  const { isJson, model, until, withModel, workspaceDir } = options
  const journal = yield* load(options.journal, workspaceDir)
  if (options.diff !== undefined) {
    const difference = firstDifference(journal, yield* load(options.diff, workspaceDir))
    if (isJson) return yield* Console.log(JSON.stringify({ difference: difference ?? null }, null, 2))
    return yield* Console.log(
      difference === undefined
        ? "no difference in the turns that both have"
        : `turn ${difference.turn}: the ${difference.what} differs\n- ${difference.one}\n+ ${difference.other}`
    )
  }
  const replayed = yield* replay(journal, until)
  const next =
    withModel === undefined
      ? undefined
      : yield* askModel(journal, replayed.messages, { baseURL: withModel, model })
  if (isJson) {
    const { messages, ...rest } = replayed
    const conversation = messages.map((message): unknown => JSON.parse(message))
    yield* Console.log(
      JSON.stringify({ task: journal.run.task, ...rest, next, messages: conversation }, null, 2)
    )
  } else {
    yield* Console.log(report(journal, replayed))
    if (next !== undefined)
      yield* Console.log(`\nnext reply of ${withModel}: ${JSON.stringify(next, null, 2)}`)
  }
  if (!replayed.isSame) {
    return yield* new EndDiffers({
      message: `the run ended as ${replayed.recorded?.end}, and now as ${replayed.end}`
    })
  }
})

const command = Command.make("replay", parameters, (values) =>
  run({
    ...values,
    until: Option.getOrUndefined(values.until),
    diff: Option.getOrUndefined(values.diff),
    withModel: Option.getOrUndefined(values.withModel),
    isJson: values.output === "json"
  }).pipe(Effect.provide(ChatCompletionsClient.layer))
).pipe(
  Command.withDescription(
    "Play the journal of a run again, without its model and without effects: what it did, turn by turn, and whether it comes to the same end"
  ),
  Command.withExamples([
    { command: "foreman replay fix-slug-code", description: "The newest run of a task on this machine" },
    {
      command: "foreman replay fix-slug-code --until 3 -o json",
      description: "Its conversation after three turns"
    }
  ])
)

export const main = launchCommand(command, {
  name: "replay",
  observability: Observability.layer({ name: "replay", level: "Error" })
})
