/**
 * Syntax trees by tree-sitter, in WebAssembly, so that a parser's fault stays in its own memory. The runtime and the grammars are files of
 * one package; each is read when a change first needs it.
 */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

import type * as TreeSitter from "@vscode/tree-sitter-wasm"
import { Effect, Layer } from "effect"

import { type Grammar, type Parse, prepared, type SyntaxNode } from "../../src/gate/weakened/syntax.ts"
import { SyntaxParser, SyntaxUnavailable } from "../../src/services/SyntaxParser.ts"

/** Beyond these a text has no tree: nobody writes such tests by hand. */
const maxCharacters = 1_048_576
const maxNodes = 600_000
const maxDepth = 400
const maxMillis = 2_000

/** Two at once would each make a runtime, and parsers of the first would find themselves in the second. */
let initialised: Promise<void> | undefined

/** A parser for these languages. */
const open = (grammars: ReadonlySet<Grammar>): Effect.Effect<Parse, SyntaxUnavailable> =>
  Effect.tryPromise({
    try: async () => {
      const require = createRequire(import.meta.url)
      const main = require.resolve("@vscode/tree-sitter-wasm")
      const { Language, Parser }: typeof TreeSitter = require(main)
      await (initialised ??= Parser.init())
      const parsers = new Map<Grammar, TreeSitter.Parser>()
      for (const grammar of grammars) {
        const parser = new Parser()
        parser.setLanguage(await Language.load(join(dirname(main), `tree-sitter-${grammar}.wasm`)))
        parsers.set(grammar, parser)
      }
      return (grammar, text) => {
        const parser = parsers.get(grammar)
        return parser === undefined || text.length > maxCharacters
          ? undefined
          : parse(parser, prepared(grammar, text))
      }
    },
    catch: (cause) => new SyntaxUnavailable({ cause })
  })

export const layer = Layer.succeed(SyntaxParser, SyntaxParser.of({ open }))

const parse = (parser: TreeSitter.Parser, text: string): SyntaxNode | undefined => {
  // Of the processor, not of the clock: a busy machine must not change what is found.
  const started = process.cpuUsage()
  parser.reset()
  const tree = parser.parse(text, null, {
    progressCallback: () => process.cpuUsage(started).user > maxMillis * 1_000
  })
  if (tree === null) return undefined
  try {
    return tree.rootNode.hasError ? undefined : copy(tree, text)
  } finally {
    tree.delete()
  }
}

interface Growing extends SyntaxNode {
  readonly children: Array<SyntaxNode>
}

/** The whole tree as plain data, in one walk. */
const copy = (tree: TreeSitter.Tree, text: string): SyntaxNode | undefined => {
  const cursor = tree.walk()
  try {
    const read = (): Growing => ({
      type: cursor.nodeType,
      field: cursor.currentFieldName ?? undefined,
      text: text.slice(cursor.startIndex, cursor.endIndex),
      line: cursor.startPosition.row + 1,
      start: cursor.startIndex,
      children: []
    })
    const root = read()
    const above: Array<Growing> = []
    let node = root
    for (let count = 1; ; count++) {
      if (count > maxNodes || above.length > maxDepth) return undefined
      if (cursor.gotoFirstChild()) {
        above.push(node)
      } else {
        while (!cursor.gotoNextSibling()) {
          cursor.gotoParent()
          above.pop()
          if (above.length === 0) return root
        }
      }
      node = read()
      above.at(-1)?.children.push(node)
    }
  } finally {
    cursor.delete()
  }
}
