/** Edits of a source text, and what the languages of canaries share. */
import type { SyntaxNode } from "../weakened/syntax.ts"

/** UTF-16 units of the text, `to` exclusive. */
export interface Edit {
  readonly from: number
  readonly to: number
  readonly text: string
}

export const insert = (at: number, text: string): Edit => ({ from: at, to: at, text })

/** A node that no parser made cannot be edited: it has no place. */
export const spanOf = (node: SyntaxNode | undefined): readonly [from: number, to: number] | undefined =>
  node?.start === undefined ? undefined : [node.start, node.start + node.text.length]

/** Nothing where the node has no place. */
export const replace = (node: SyntaxNode | undefined, text: string): ReadonlyArray<Edit> => {
  const span = spanOf(node)
  return span === undefined ? [] : [{ from: span[0], to: span[1], text }]
}

export const wrap = (node: SyntaxNode | undefined, before: string, after: string): ReadonlyArray<Edit> => {
  const span = spanOf(node)
  return span === undefined ? [] : [insert(span[0], before), insert(span[1], after)]
}

/** The text with the edits made, which may not overlap. */
export const edited = (text: string, edits: ReadonlyArray<Edit>): string => {
  let made = text
  for (const edit of edits.toSorted((a, b) => b.from - a.from || b.to - a.to))
    made = `${made.slice(0, edit.from)}${edit.text}${made.slice(edit.to)}`
  return made
}

/** An assertion turned into its opposite. */
export interface Negation {
  readonly line: number
  readonly edits: ReadonlyArray<Edit>
  /** It stands in the test's own statements, and nothing before it may end the test: it runs when the test does. */
  readonly isSure: boolean
}

/** A test with what can be made of it. */
export interface Negatable {
  /** As its runner names it; empty where the name is made when the tests run. */
  readonly name: string
  readonly line: number
  readonly negations: ReadonlyArray<Negation>
  /** Makes the test fail in its first statement. Empty where that cannot be written. */
  readonly failure: ReadonlyArray<Edit>
}

/** What a language's tests look like. `text` is the source of `root`. */
export type ReadNegatable = (root: SyntaxNode, text: string) => ReadonlyArray<Negatable>
