/** A journal that another host can go on with: where it lies on the remote, and what of it may be believed. Pure. */
import { Option, Result, Schema } from "effect"

import { readJournal } from "./read.ts"

/** Refs of a task's checkpoints begin so. `undefined` for a uid that does not come from an API server. */
export const checkpointPrefix = (uid: string): string | undefined =>
  /^[A-Za-z0-9-]{1,64}$/u.test(uid) ? `refs/foreman/${uid}/` : undefined

export interface CheckpointRef {
  readonly ref: string
  readonly uid: string
  readonly attempt: number
  readonly turn: number
}

/** A ref as we name them; `undefined` for any other, such as those of bundles that somebody pushed. */
export const checkpointRef = (ref: string): CheckpointRef | undefined => {
  const [, uid = "", attempt = "", turn = ""] =
    /^refs\/foreman\/([A-Za-z0-9-]{1,64})\/(\d{1,9})\/(\d{1,9})$/u.exec(ref) ?? []
  return uid === "" ? undefined : { ref, uid, attempt: Number(attempt), turn: Number(turn) }
}

/** The checkpoint that a run goes on from. */
export const newestCheckpoint = (refs: ReadonlyArray<string>): CheckpointRef | undefined =>
  refs
    .flatMap((ref) => checkpointRef(ref) ?? [])
    .toSorted((a, b) => a.attempt - b.attempt || a.turn - b.turn)
    .at(-1)

const Kept = Schema.Struct({
  type: Schema.Literals(["checkpoint", "resume"]),
  turn: Schema.Int,
  tree: Schema.optionalKey(Schema.String),
  failure: Schema.optionalKey(Schema.String)
})
const decodeKept = Schema.decodeUnknownOption(Schema.fromJsonString(Kept))
/** As `lineOf` begins such a record. Only these are parsed: a journal has long lines, and this runs each turn. */
const begins = ['{"type":"checkpoint"', '{"type":"resume"']

/** The last complete turn of a journal that we write, and the files at its end; they are absent while nothing has changed them. */
export const lastCheckpoint = (
  text: string
): { readonly turn: number; readonly tree: string | undefined } | undefined => {
  let last: number | undefined
  // After a resume, later turns of what stands above did not happen.
  let limit = Number.POSITIVE_INFINITY
  for (let end = text.lastIndexOf("\n"); end > 0;) {
    const start = text.lastIndexOf("\n", end - 1) + 1
    const isKept = begins.some((begin) => text.startsWith(begin, start))
    const record = isKept ? Option.getOrUndefined(decodeKept(text.slice(start, end))) : undefined
    end = start - 1
    if (record === undefined) continue
    if (record.type === "resume") {
      last ??= record.turn
      limit = Math.min(limit, record.turn)
    } else if (record.turn <= limit && record.failure === undefined) {
      last ??= record.turn
      if (record.tree !== undefined) return { turn: last, tree: record.tree }
    }
  }
  return last === undefined || last === 0 ? undefined : { turn: last, tree: undefined }
}

const isObjectId = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(text)

/** Why a journal that came from the remote is not this task's; `undefined` where it may be. What it names is handed to git. */
export const refusalOf = (text: string, uid: string): string | undefined => {
  const read = readJournal(text)
  if (Result.isFailure(read)) return read.failure.message
  const { run, start, turns } = read.success
  if (run.task.uid !== uid) return `it is of another task: ${run.task.uid}`
  const trees = turns.flatMap(({ checkpoint }) => checkpoint?.tree ?? [])
  const commits =
    start === undefined ? [] : [start.baseCommit, start.parent, ...(start.seen === null ? [] : [start.seen])]
  return [...trees, ...commits].every(isObjectId) ? undefined : "it names objects that are not git's"
}
