/** Syntax trees of source files. */
import { Context, Data, type Effect } from "effect"

import type { Grammar, Parse } from "../gate/weakened/syntax.ts"

/** The parsers cannot be loaded. */
export class SyntaxUnavailable extends Data.TaggedError("SyntaxUnavailable")<{ readonly cause: unknown }> {}

export class SyntaxParser extends Context.Service<
  SyntaxParser,
  {
    /** A parser for these grammars. It answers `undefined` for a text that it cannot parse, or that is too large or too deep. */
    readonly open: (grammars: ReadonlySet<Grammar>) => Effect.Effect<Parse, SyntaxUnavailable>
  }
>()("foreman/services/SyntaxParser") {}
