/** `foreman gate`: the gate of a Job, on this machine, for a person before a push and for a step of CI. */
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"

import * as Observability from "../layers/Observability.ts"
import { formats } from "../src/gate/report/formats.ts"
import * as calibrate from "./gate/calibrate.ts"
import { GateConfigError } from "./gate/errors.ts"
import * as flags from "./gate/flags.ts"
import * as hook from "./gate/hook.ts"
import * as init from "./gate/init.ts"
import { judgeOnce } from "./gate/judgeOnce.ts"
import type { ServeOptions } from "./gate/mcp.ts"
import { readReport } from "./gate/output.ts"
import { judgeEachMove } from "./gate/watch.ts"
import { launchCommand } from "./launchCommand.ts"

const parameters = {
  repo: flags.repo,
  base: Flag.String("base").pipe(
    Flag.optional,
    Flag.withDescription("What the change is measured against; the default branch when absent")
  ),
  head: Flag.String("head").pipe(
    Flag.optional,
    Flag.withDescription("Branch or commit to judge; HEAD when absent")
  ),
  ...flags.limits,
  allow: flags.allow,
  format: Flag.Literals("format", formats).pipe(
    Flag.optional,
    Flag.withDescription(
      "What stdout gets. table: for people (default); json: the foreman.v1 envelope, on one line; sarif, junit, github, gitlab, markdown: for CI"
    )
  ),
  output: Flag.Literals("output", formats).pipe(
    Flag.withAlias("o"),
    Flag.optional,
    Flag.withDescription("The same as --format")
  ),
  report: Flag.String("report").pipe(
    Flag.withMetavar("FORMAT=FILE"),
    Flag.atLeast(0),
    Flag.withDescription("Writes a report to a file besides, such as sarif=gate.sarif; may be repeated")
  ),
  watch: Flag.Boolean("watch").pipe(
    Flag.withDefault(false),
    Flag.withDescription(
      "On a terminal: judges again whenever the commit to judge is another one, until Ctrl-C"
    )
  ),
  mcp: Flag.Boolean("mcp").pipe(
    Flag.withDefault(false),
    Flag.withDescription(
      "Serves the gate to an agent: a server of the Model Context Protocol on stdin and stdout"
    )
  )
}

/** Loaded only here: it costs more than the rest of the program. */
const serve = (options: ServeOptions) =>
  Effect.flatMap(
    Effect.promise(() => import("./gate/mcp.ts")),
    (mcp) => mcp.serve(options)
  )

const command = Command.make(
  "gate",
  parameters,
  Effect.fnUntraced(function* (given) {
    const limits = yield* flags.limitsOf(given)
    const { mcp: isServer, repo, watch } = given
    const reports = yield* Effect.forEach(given.report, readReport)
    const format = Option.getOrElse(
      Option.orElse(given.format, () => given.output),
      () => "table" as const
    )
    const options = {
      repo,
      base: Option.getOrUndefined(given.base),
      head: Option.getOrUndefined(given.head),
      limits,
      format,
      reports
    }
    if (isServer && watch)
      return yield* new GateConfigError({ message: "--mcp and --watch: give one of them" })
    return yield* isServer ? serve({ repo, limits }) : watch ? judgeEachMove(options) : judgeOnce(options)
  })
).pipe(
  Command.withDescription(
    "Judge what is committed here as a gate Job would: the checks that the base asks for, in a clean clone.\n" +
      "The log goes to stderr, the result to stdout. Exit 0: GATE-PASS, 1: GATE-FAIL, 69: GATE-ERROR, 78: wrong configuration."
  ),
  Command.withExamples([
    { command: "foreman gate", description: "Judge HEAD against the default branch" },
    { command: "foreman gate --base v1.2 --head fix/slug", description: "Judge a branch against a tag" },
    { command: "foreman gate --format github --report sarif=gate.sarif", description: "As a step of CI" },
    { command: "foreman gate --watch", description: "Judge again after each commit" }
  ]),
  Command.withSubcommands([calibrate.command, hook.command, init.command])
)

/** As a shell says it of a program that Ctrl-C ended. */
const interrupted = 130

export const main = (argv: ReadonlyArray<string>): void =>
  launchCommand(command, {
    name: "gate",
    observability: Observability.layer({ name: "gate", level: "Error" }),
    interruptedExitCode: interrupted
  })(argv)
