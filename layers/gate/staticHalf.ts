/** What a gate says of a commit without running anything, read from a repository at hand. Takes no clone and no work tree. */
import { Effect } from "effect"

import type { GateCheck } from "../../schema/Result.ts"
import { defaultPolicy, type Finding, type Policy } from "../../src/gate/finding.ts"
import { sorted } from "../../src/gate/judge.ts"
import type { Grammar, Parse } from "../../src/gate/weakened/syntax.ts"
import type { GateError } from "../../src/services/GateError.ts"
import { SyntaxParser } from "../../src/services/SyntaxParser.ts"
import { planChecks } from "../../src/stages/planChecks.ts"
import { staticChecks } from "../../src/stages/staticChecks.ts"
import * as commitReader from "./commitReader.ts"
import * as syntax from "./syntax.ts"

export interface StaticHalf {
  /** Changed files. */
  readonly files: number
  /** Failing ones first, by the policy of the base. */
  readonly findings: ReadonlyArray<Finding>
  /** The judge's own looks at documents: one that says no has an exit code of 1. */
  readonly documents: ReadonlyArray<GateCheck>
  readonly policy: Policy
}

/** Many commits of one repository: parsers are loaded once, and what neighbours share is read once. */
export const open = Effect.fn("staticHalf.open")(function* (repoDir: string) {
  const read = commitReader.make(repoDir)
  const parser = SyntaxParser.of({ open: keepingParsers((yield* SyntaxParser).open) })

  const rulesAt = (base: string) => {
    const reading = read(base, base)
    return planChecks(reading, undefined).pipe(
      // Nothing to run: the policy counts all the same, and where even that cannot be read, the default one.
      Effect.catchIf(
        ({ reason }) => reason._tag === "NoChecks",
        () => planChecks(reading, [])
      ),
      Effect.catchIf(
        ({ reason }) => reason._tag === "ConfigInvalid",
        () => Effect.succeed({ checks: [], policy: defaultPolicy })
      )
    )
  }

  const half = Effect.fn("staticHalf")(function* (
    base: string,
    commit: string
  ): Effect.fn.Return<StaticHalf, GateError> {
    const reading = read(base, commit)
    const { checks, policy } = yield* rulesAt(base)
    const change = yield* reading.change
    const { documents, findings } = yield* staticChecks(reading, change, checks).pipe(
      Effect.provideService(SyntaxParser, parser)
    )
    return {
      files: change.files.length,
      findings: sorted(findings, { policy }),
      documents: documents.map(({ check }) => check),
      policy
    }
  })

  return {
    half,
    /** The policy that a commit's own gate file asks for. */
    policyAt: (commit: string) => Effect.map(rulesAt(commit), ({ policy }) => policy)
  }
}, Effect.provide(syntax.layer))

/** Each grammar is loaded when it is first needed, and once. */
const keepingParsers = (load: SyntaxParser["Service"]["open"]): SyntaxParser["Service"]["open"] => {
  const parsers = new Map<Grammar, Parse>()
  return Effect.fnUntraced(function* (grammars) {
    for (const grammar of grammars) {
      if (!parsers.has(grammar)) parsers.set(grammar, yield* load(new Set([grammar])))
    }
    return (grammar, text) => parsers.get(grammar)?.(grammar, text)
  })
}

/** One commit against its base. `repoDir` is a work tree or a bare repository that has both; fails where git cannot read them. */
export const staticHalf = Effect.fn("staticHalf.one")(function* (
  repoDir: string,
  base: string,
  commit: string
): Effect.fn.Return<StaticHalf, GateError> {
  const { half } = yield* open(repoDir)
  return yield* half(base, commit)
})
