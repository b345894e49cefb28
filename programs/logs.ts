/** `foreman logs`: what happened in a run on this machine, as it happens. */
import { Console, Effect, Stream } from "effect"
import { Command, Flag } from "effect/cli"

import { followLines } from "../layers/followLines.ts"
import * as Observability from "../layers/Observability.ts"
import { isLast, storyLines, type StoryLine } from "../src/journal/story.ts"
import { findJournal, journalParameters, JournalMissing } from "./journalFiles.ts"
import { launchCommand } from "./launchCommand.ts"

const parameters = {
  ...journalParameters,
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDefault(false),
    Flag.withDescription("Wait for what comes, until the run's result is reported")
  ),
  output: Flag.Literals("output", ["text", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDefault("text"),
    Flag.withDescription("Form of what is printed; json has the journal's own records, one a line")
  )
}

const codes: Readonly<Record<StoryLine["tone"], string>> = { plain: "0", good: "32", bad: "31", faint: "2" }

const clock = (millis: number): string =>
  Number.isFinite(millis) ? new Date(millis).toISOString().slice(11, 19) : "--------"

const painted = ({ at, text, tone }: StoryLine, isColoured: boolean): string => {
  const line = `${clock(at)} ${text}`
  return isColoured && tone !== "plain" ? `\u001b[${codes[tone]}m${line}\u001b[0m` : line
}

const run = Effect.fn("logs")(function* (options: {
  readonly journal: string
  readonly workspaceDir: string
  readonly follows: boolean
  readonly isJson: boolean
}) {
  const { follows, isJson, journal, workspaceDir } = options
  const file = yield* findJournal(journal, workspaceDir)
  const isColoured = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
  yield* followLines(file, { follows, isLast }).pipe(
    Stream.mapError(({ message }) => new JournalMissing({ message })),
    Stream.runForEach((line) =>
      isJson
        ? Console.log(line)
        : Effect.forEach(storyLines(line), (told) => Console.log(painted(told, isColoured)), {
            discard: true
          })
    )
  )
})

const command = Command.make("logs", parameters, ({ follow, journal, output, workspaceDir }) =>
  run({ journal, workspaceDir, follows: follow, isJson: output === "json" })
).pipe(
  Command.withDescription("What happened in a run on this machine: replies, calls, results and its end"),
  Command.withExamples([
    { command: "foreman logs fix-slug-code -f", description: "The newest run of a task, as it goes on" }
  ])
)

export const main = launchCommand(command, {
  name: "logs",
  observability: Observability.layer({ name: "logs", level: "Error" }),
  interruptedExitCode: 130
})
