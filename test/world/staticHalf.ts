/** What the gate finds in changes of one clone without running anything, and what each finding weighs by the policy of the base. */
import { Effect } from "effect"

import * as StaticHalf from "../../layers/gate/staticHalf.ts"
import { weightOf } from "../../src/gate/finding.ts"
import type { Outcome } from "./outcomes.ts"

/** The rule `document` stands for the built-in checks of documents. */
type Found = Outcome["found"][number]

const foundIn = ({ documents, findings, policy }: StaticHalf.StaticHalf): ReadonlyArray<Found> => [
  ...documents.flatMap(({ exitCode, message = "", name }): ReadonlyArray<Found> =>
    exitCode === 0 ? [] : [{ rule: "document", file: name, message: message.slice(0, 300), counts: "fail" }]
  ),
  ...findings.map((finding): Found => {
    const weight = weightOf(finding, { policy })
    return {
      rule: finding.rule,
      file: finding.file,
      ...(finding.line !== undefined && { line: finding.line }),
      message: finding.message.slice(0, 300),
      counts: weight === "fail" || weight === "ask" ? weight : "warn"
    }
  })
]

/** Looks at changes one after another; parsers are loaded once. Each look rejects with what stopped it. */
export const openStatic = async (
  dir: string
): Promise<(base: string, commit: string) => Promise<ReadonlyArray<Found>>> => {
  const { half } = await Effect.runPromise(StaticHalf.open(dir))
  return (base, commit) => Effect.runPromise(half(base, commit).pipe(Effect.map(foundIn)))
}
