/** Where the results of `foreman gate` go: stdout, files of reports, and GitHub's summary of a job. The log goes to stderr. */
import { createHash, randomUUID } from "node:crypto"
import { appendFileSync, writeFileSync } from "node:fs"

import { Effect } from "effect"

import type { Envelope } from "../../src/gate/envelope.ts"
import { type Format, formats, render, type Rendering } from "../../src/gate/report/formats.ts"
import { withoutCommands } from "../../src/gate/report/github.ts"
import { markdown } from "../../src/gate/report/markdown.ts"
import { painter } from "../../src/gate/report/table.ts"
import { version } from "../version.ts"
import { GateConfigError } from "./errors.ts"

/** A report besides the one on stdout. */
export interface Report {
  readonly format: Format
  readonly file: string
}

/** `sarif=gate.sarif`. */
export const readReport = (text: string): Effect.Effect<Report, GateConfigError> => {
  const at = text.indexOf("=")
  const format = formats.find((each) => each === text.slice(0, at))
  const file = text.slice(at + 1)
  return format === undefined || file === ""
    ? Effect.fail(
        new GateConfigError({
          message: `--report ${text}: give FORMAT=FILE, with one of ${formats.join(", ")}`
        })
      )
    : Effect.succeed({ format, file })
}

export const tell = (text: Uint8Array | string): void => void process.stderr.write(text)

/** Waits until it is written, so that an exit cuts nothing off. */
export const say = (text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })

export interface Console {
  readonly begin: Effect.Effect<void>
  /** The log, as it comes. */
  readonly print: (text: Uint8Array | string) => void
  readonly end: Effect.Effect<void>
}

/**
 * GitHub obeys commands in either stream, and what the checks print is the candidate's. So the log goes the same way as the annotations,
 * and is marked as text: its runner reads two streams in an order of its own.
 */
export const consoleFor = (format: Format): Console => {
  if (format !== "github") return { begin: Effect.void, print: tell, end: Effect.void }
  const marks = withoutCommands(randomUUID())
  return {
    begin: say(marks.begin),
    print: (text) => void process.stdout.write(text),
    // On a line of its own, whatever the log ended with.
    end: say(`\n${marks.end}`)
  }
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex")

const rendering = (result: unknown): Rendering => ({
  result,
  paint: painter(process.stdout.isTTY && !process.env["NO_COLOR"]),
  digest,
  version
})

/** GitHub cuts a summary at 1 MiB; ours is far below it. */
const summaryFile = (format: Format): string | undefined =>
  format === "github" ? process.env["GITHUB_STEP_SUMMARY"] || undefined : undefined

const written = (file: string, write: () => void): Effect.Effect<void, GateConfigError> =>
  Effect.try({
    try: write,
    catch: (cause) => new GateConfigError({ message: `${file} cannot be written: ${String(cause)}` })
  })

/** The files first: a reader of stdout that goes away ends the program. */
export const present = Effect.fn("gate.present")(function* (
  envelope: Envelope,
  result: unknown,
  options: { readonly format: Format; readonly reports: ReadonlyArray<Report> }
): Effect.fn.Return<void, GateConfigError> {
  const how = rendering(result)
  for (const { file, format } of options.reports) {
    const plain = { ...how, paint: painter(false) }
    yield* written(file, () => writeFileSync(file, `${render(format, envelope, plain)}\n`))
  }
  const summary = summaryFile(options.format)
  if (summary !== undefined)
    yield* written(summary, () => appendFileSync(summary, `${markdown(envelope)}\n\n`))
  yield* say(`${render(options.format, envelope, how)}\n`)
})
