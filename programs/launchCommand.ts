/** Runs a command of `effect/cli` as a program: a misspelt flag ends with 2 and the help, an error with one sentence. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, type Layer, Runtime, Schema } from "effect"
import { CliError, type Command } from "effect/cli"
import { Command as Commands } from "effect/cli"

import { launch } from "./launch.ts"
import { version } from "./version.ts"

/** The words on the command line are wrong. The command has said so already, with its help. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
}

export const launchCommand =
  <Name extends string, Input, E, Context>(
    command: Command.Command<Name, Input, Context, E, NodeServices.NodeServices>,
    options: {
      readonly name: string
      readonly observability?: Layer.Layer<never>
      readonly interruptedExitCode?: number
    }
  ) =>
  (argv: ReadonlyArray<string>): void => {
    // Below its parent, so that the usage line says what people type.
    const foreman = Commands.make("foreman").pipe(Commands.withSubcommands([command]))
    launch(
      Commands.runWith(foreman, { version })([options.name, ...argv]).pipe(
        Effect.mapError((error) =>
          CliError.isCliError(error) ? new UsageError({ message: "see the help above" }) : error
        ),
        Effect.provide(NodeServices.layer)
      ),
      { ...options, isForPeople: true }
    )
  }
