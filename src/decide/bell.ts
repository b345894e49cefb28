/**
 * How the operator of a large fleet tells a node which tasks to look at: on the node's own Lease, which nobody else watches. An API server
 * holds each event of a kind against every watch of that kind, whatever it selects, but for watches of one object by its name; so a
 * thousand nodes that each watch their tasks cost it more than all the tasks do.
 *
 * The annotation is the whole agreement. A daemon that would hear writes it empty; an operator that will tell answers, and from then on
 * writes whatever the node must look at. Whoever does not know it (an older daemon, the first implementation's operator) leaves it alone.
 */
import { Data } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Lease } from "../../schema/Core.ts"
import { type ObjectRef, refKey, refOf } from "../../schema/Meta.ts"
import { isInFlight } from "./capacity.ts"
import { reason } from "./status.ts"

export const bellAnnotation = "foreman.llmkube.dev/bell"

/** What a daemon writes: it listens, and nobody tells it anything. */
export const asking = ""

/** A task that a node must look at, and the version that it must have seen to be done with it. */
export interface Rung {
  readonly ref: ObjectRef
  readonly version: string
}

/** The version of a task that is there no more: no cache holds it. */
export const deleted = "deleted"
/** Whatever a cache holds, it must ask. */
export const unknown = "unknown"

export type Bell = Data.TaggedEnum<{
  /** The node's daemon does not listen, or gave its Lease back. */
  Absent: {}
  /** It would listen. */
  Asked: {}
  /** Somebody tells it. `rung` is what was told last, and `count` how many times before: who finds one left out has missed something. */
  Told: { readonly count: number; readonly rung: ReadonlyArray<Rung> }
}>
export const Bell = Data.taggedEnum<Bell>()

const entry = /^([^/@\s]+)\/([^/@\s]+)@(\S+)$/u

/** What cannot be read was written by nobody who keeps telling. */
export const bellOf = (lease: Lease | undefined): Bell => {
  const text = lease?.metadata.annotations?.[bellAnnotation]
  if (text === undefined || (lease?.spec?.holderIdentity ?? "") === "") return Bell.Absent()
  const [count = "", ...words] = text.split(" ")
  const rung = words.flatMap((word) => {
    const [, namespace, name, version] = entry.exec(word) ?? []
    return name === undefined || version === undefined ? [] : [{ ref: { namespace, name }, version }]
  })
  return /^\d{1,15}$/u.test(count) && rung.length === words.length
    ? Bell.Told({ count: Number(count), rung })
    : Bell.Asked()
}

const wordOf = ({ ref, version }: Rung): string => `${refKey(ref)}@${version}`

/** As in `12 default/t1@345 default/t2@346`. */
export const bellText = (count: number, rung: ReadonlyArray<Rung>): string =>
  [String(count), ...rung.map(wordOf)].join(" ")

/** What a node must be told. */
export interface Telling {
  /** Tasks that wait for it: named each time, in case that it missed one. */
  readonly scheduled: ReadonlyArray<Rung>
  readonly news: ReadonlyArray<Rung>
  /** A number is left out, so that the node looks at all that it runs. */
  readonly mayHaveMissed: boolean
}

/** The text to write after `bell`; `undefined` when that says all of it. */
export const nextText = (bell: Bell, { mayHaveMissed, news, scheduled }: Telling): string | undefined => {
  const last = bell._tag === "Told" ? bell : { count: 0, rung: [] }
  const said = new Set(last.rung.map(wordOf))
  const isSaid = news.length === 0 && scheduled.every((rung) => said.has(wordOf(rung)))
  if (bell._tag === "Told" && isSaid && !mayHaveMissed) return undefined
  const byKey = new Map([...scheduled, ...news].map((rung) => [refKey(rung.ref), rung]))
  return bellText(last.count + (mayHaveMissed ? 2 : 1), [...byKey.values()])
}

/**
 * Who must look at a task after a change: the node that is given it, and one that had it in flight and does not have it any more. What a
 * node ends itself it knows; that an operator gave it up is told by its condition. An end that a person writes into a status is not.
 */
export const nodesToTell = (
  before: AgenticTask | undefined,
  after: AgenticTask | undefined
): ReadonlyArray<string> => {
  const given = after?.status?.phase === "Scheduled" ? after.status.assignedNode : undefined
  const had = isInFlight(before?.status?.phase) ? before?.status?.assignedNode : undefined
  const isTaken =
    after === undefined ||
    after.status?.assignedNode !== had ||
    after.metadata.uid !== before?.metadata.uid ||
    after.status?.conditions?.some((condition) => condition.reason === reason.claimExpiryLimitReached) ===
      true ||
    after.metadata.deletionTimestamp !== before?.metadata.deletionTimestamp
  return [...new Set([given, isTaken ? had : undefined])].flatMap((node) => node ?? [])
}

export const rungOf = (task: AgenticTask): Rung => ({
  ref: refOf(task),
  version: task.metadata.resourceVersion ?? ""
})
