/** `foreman simulate`: what a fleet would make of a workload, by the operator's own scheduler on a virtual clock. */
import { readFileSync, writeFileSync } from "node:fs"
import { basename } from "node:path"

import { Console, Effect, Option, Result, Runtime, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"

import * as Observability from "../layers/Observability.ts"
import { simulate } from "../src/simulate/simulate.ts"
import { launchCommand } from "./launchCommand.ts"
import { chart } from "./simulate/chart.ts"
import { expand } from "./simulate/expand.ts"
import { readContents, Takes } from "./simulate/file.ts"
import { type Column, report } from "./simulate/report.ts"

/** The file, a setting or a path is wrong. */
class PlanError extends Schema.TaggedError<PlanError>()("PlanError", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 78
}

const parameters = {
  files: Argument.String("file").pipe(
    Argument.variadic({ min: 1 }),
    Argument.withDescription("A fleet and its work, in YAML; two or more are compared")
  ),
  set: Flag.String("set").pipe(
    Flag.atLeast(0),
    Flag.withDescription("Change a value and compare: --set nodes.mac.count=3")
  ),
  takes: Flag.String("takes").pipe(
    Flag.withDefault("10m"),
    Flag.withDescription("How long a task of a manifest runs: manifests do not say")
  ),
  seed: Flag.Int("seed").pipe(Flag.optional, Flag.withDescription("Chance; the file's, or 1, when absent")),
  output: Flag.Literals("output", ["table", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDefault("table"),
    Flag.withDescription("Form of what is printed")
  ),
  svg: Flag.String("svg").pipe(
    Flag.optional,
    Flag.withDescription("Write a chart of the last plan to this file")
  )
}

const attempt = <A>(what: string, action: () => A) =>
  Effect.try({
    try: action,
    catch: (cause) =>
      new PlanError({ message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })

const decodeTakes = Schema.decodeUnknownResult(Takes)

const run = Effect.fn("simulate")(function* (options: {
  readonly files: ReadonlyArray<string>
  readonly settings: ReadonlyArray<string>
  readonly takes: string
  readonly seed: number | undefined
  readonly isJson: boolean
  readonly svg: string | undefined
}) {
  const takes = decodeTakes(options.takes)
  if (Result.isFailure(takes)) {
    return yield* new PlanError({
      message: `--takes ${options.takes}: must be a span of time such as 90s or 1h30m`
    })
  }
  const column = Effect.fnUntraced(function* (file: string, settings: ReadonlyArray<string>) {
    const text = yield* attempt(`${file} cannot be read`, () => readFileSync(file, "utf8"))
    const contents = yield* Effect.fromResult(readContents(text, settings)).pipe(
      Effect.mapError((message) => new PlanError({ message: `${file}: ${message}` }))
    )
    const plan = expand(contents, { seed: options.seed, takes: takes.success })
    const isShown = process.stderr.isTTY
    const outcome = simulate(plan, {
      onProgress: (ended) => isShown && process.stderr.write(`\r${ended} of ${plan.tasks.length} tasks`)
    })
    if (isShown) process.stderr.write("\r\u001b[K")
    return { title: [basename(file), ...settings].join(" "), outcome } satisfies Column
  })

  const columns: Array<Column> = []
  for (const file of options.files) {
    columns.push(yield* column(file, []))
    if (options.settings.length > 0) columns.push(yield* column(file, options.settings))
  }
  const last = columns.at(-1)
  if (options.svg !== undefined && last !== undefined) {
    const { svg } = options
    yield* attempt(`${svg} cannot be written`, () => writeFileSync(svg, chart(last.outcome, last.title)))
  }
  yield* Console.log(options.isJson ? JSON.stringify({ plans: columns }, null, 2) : report(columns))
})

const command = Command.make("simulate", parameters, ({ files, output, seed, set, svg, takes }) =>
  run({
    files,
    settings: set,
    takes,
    seed: Option.getOrUndefined(seed),
    isJson: output === "json",
    svg: Option.getOrUndefined(svg)
  })
).pipe(
  Command.withDescription(
    "Plan a fleet: makespan, waits and idle time of a described workload, without running it"
  ),
  Command.withExamples([
    { command: "foreman simulate examples/simulate/team.yaml", description: "One plan" },
    {
      command: "foreman simulate examples/simulate/team.yaml --set nodes.mac.count=3 --svg chart.svg",
      description: "What a third Mac would change, with a chart"
    }
  ])
)

export const main = launchCommand(command, {
  name: "simulate",
  observability: Observability.layer({ name: "simulate", level: "Error" })
})
