/** What the gate finds in a change without running anything, over a bare clone. */
import { Effect } from "effect"

import * as gate from "../../layers/gate/staticHalf.ts"
import { weightOf } from "../../src/gate/finding.ts"

/** What was found, and how the policy of the base counts it. `document` stands for the built-in checks of documents. */
export interface Found {
  readonly rule: string
  readonly file: string
  readonly line?: number | undefined
  readonly message: string
  readonly counts: "fail" | "ask" | "warn"
}

const counted = { fail: "fail", ask: "ask", allowed: "warn", warn: "warn", note: "warn" } as const

/** Everything found between two commits of the repository in `dir`; rejects with what stopped the gate. */
export const staticHalf = (dir: string, base: string, commit: string): Promise<ReadonlyArray<Found>> =>
  Effect.gen(function* () {
    const { half } = yield* gate.open(dir)
    const { documents, findings, policy } = yield* half(base, commit)
    return [
      ...documents.flatMap((check): ReadonlyArray<Found> =>
        check.exitCode === 0
          ? []
          : [{ rule: "document", file: check.name, message: check.message ?? "", counts: "fail" }]
      ),
      ...findings.map((finding): Found => ({
        rule: finding.rule,
        file: finding.file,
        line: finding.line,
        message: finding.message,
        counts: counted[weightOf(finding, { policy })]
      }))
    ]
  }).pipe(Effect.runPromise)
