/** Weakened tests of a change, read by tree-sitter. */
import { Data, Effect } from "effect"

import type { Change } from "../gate/change.ts"
import type { Finding } from "../gate/finding.ts"
import { type Grammar, grammarOf } from "../gate/weakened/syntax.ts"
import { weakenedTests } from "../gate/weakened/weakened.ts"
import { SyntaxParser, type SyntaxUnavailable } from "../services/SyntaxParser.ts"

/** A fault of ours, or of a grammar. */
class ComparisonFailed extends Data.TaggedError("ComparisonFailed")<{ readonly cause: unknown }> {}

const unfinished = ({ cause }: SyntaxUnavailable | ComparisonFailed): ReadonlyArray<Finding> => [
  {
    rule: "weakened",
    file: ".",
    message: `the tests of base and commit could not be compared (${String(cause).slice(0, 200)}): read them`,
    isNote: true
  }
]

/** Never fails: what cannot be read is a note. */
export const findWeakened = Effect.fn("findWeakened")(function* (
  change: Change
): Effect.fn.Return<ReadonlyArray<Finding>, never, SyntaxParser> {
  // Also of what is no longer called a test, or code at all.
  const paths = change.files.flatMap(({ oldPath = [], path }) => [path, oldPath].flat())
  const grammars = new Set<Grammar>(paths.flatMap((path) => grammarOf(path) ?? []))
  const { open } = yield* SyntaxParser
  return yield* open(grammars).pipe(
    Effect.flatMap((parse) =>
      Effect.try({
        try: () => weakenedTests(change, parse),
        catch: (cause) => new ComparisonFailed({ cause })
      })
    ),
    Effect.catch((cause) => Effect.succeed(unfinished(cause)))
  )
})
