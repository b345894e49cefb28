/** Whether a run goes on where its journal ends, and from where. Pure. */
import { Result } from "effect"

import { type Journal, type JournalTurn, lastCompleteTurn, readJournal } from "./read.ts"

export interface Continuation {
  readonly journal: Journal
  /** The last turn that does not happen again; 0 for a run that has nothing but its first reply. */
  readonly turn: number
  /** Replies to the turn after it that are not asked for again; its tools run again, over the files as they were before it. */
  readonly replies: number
  /** The files at the end of `treeTurn`; absent where none were kept yet. Edits of later turns are made again. */
  readonly tree: string | undefined
  readonly treeTurn: number
}

/** A reply that can be acted on: the last of a turn's, and nothing was taken out of it. What failed is asked again. */
const repliesToKeep = (turn: JournalTurn | undefined): number => {
  const last = turn?.replies.at(-1)
  return last?.reply === undefined || last.isRedacted === true ? 0 : (turn?.replies.length ?? 0)
}

/** A sentence where the run must begin anew; `undefined` where there is nothing to go on with, and nothing was lost. */
export const continuationOf = (
  text: string | undefined,
  { isOurs, spec }: { readonly spec: string; readonly isOurs: (journal: Journal) => boolean }
): Continuation | string | undefined => {
  if (text === undefined || text === "") return undefined
  const read = readJournal(text)
  if (Result.isFailure(read)) return `its journal cannot be read: ${read.failure.message}`
  const journal = read.success
  if (journal.isEnded) return undefined
  if (!isOurs(journal)) return "the task was taken by another since"
  if (journal.run.spec !== spec) return "the task or its Agent was changed since"
  if (journal.isFull) return "its journal was full"
  const turn = lastCompleteTurn(journal)
  const kept = journal.turns.slice(0, turn).findLast(({ checkpoint }) => checkpoint?.tree !== undefined)
  const { checkpoint, turn: treeTurn = 0 } = kept ?? {}
  return { journal, turn, replies: repliesToKeep(journal.turns[turn]), tree: checkpoint?.tree, treeTurn }
}
