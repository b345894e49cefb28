/** `foreman gate` as it is mostly used: one commit, one verdict, one exit code. */
import { Effect } from "effect"

import type { Format } from "../../src/gate/report/formats.ts"
import { type Candidate, find } from "./candidate.ts"
import { GateNotPassed } from "./errors.ts"
import { judgeCandidate, type Limits, resultOf } from "./judgeCandidate.ts"
import { consoleFor, present, type Report } from "./output.ts"

export interface GateOptions {
  readonly repo: string
  readonly base: string | undefined
  readonly head: string | undefined
  readonly limits: Limits
  readonly format: Format
  readonly reports: ReadonlyArray<Report>
}

const maxNamed = 5

/** What is judged, and what is not. Names of files cannot end a line. */
export const heading = ({ base, commit, name, uncommitted }: Candidate): string => {
  const few = JSON.stringify(uncommitted.slice(0, maxNamed).join(", ")).slice(1, -1)
  const more = uncommitted.length > maxNamed ? ` and ${uncommitted.length - maxNamed} more` : ""
  return [
    `foreman gate: ${name} at ${commit.slice(0, 12)}, against ${base.slice(0, 12)}\n`,
    ...(uncommitted.length === 0 ? [] : [`foreman gate: not judged, because not committed: ${few}${more}\n`])
  ].join("")
}

/** Judges and presents; fails with the exit code of a verdict that is not GATE-PASS. */
export const judgeFound = Effect.fn("gate.judgeFound")(function* (
  candidate: Candidate,
  options: Pick<GateOptions, "limits" | "format" | "reports">
) {
  const log = consoleFor(options.format)
  yield* log.begin
  log.print(heading(candidate))
  const judgement = yield* Effect.ensuring(judgeCandidate(candidate, options.limits, log.print), log.end)
  const { envelope } = judgement
  yield* present(envelope, resultOf(candidate, judgement), options)
  if (envelope.verdict !== "GATE-PASS") {
    return yield* new GateNotPassed({
      verdict: envelope.verdict,
      message: `${envelope.verdict}: ${envelope.message}`
    })
  }
})

export const judgeOnce = Effect.fn("gate.judgeOnce")(function* (options: GateOptions) {
  yield* judgeFound(yield* find(options), options)
})
