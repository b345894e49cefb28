/**
 * A stop: an end of a run that is neither done nor failed, since the task itself is not to be done as it stands. The model names the kind
 * and its evidence; the harness checks what it can (`executors/stopping.ts`). Pure.
 */
import { Schema } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"

export const StopReason = Schema.Literals(["Ambiguous", "Contradicted", "DoneAlready", "NeedsPerson"])
export type StopReason = typeof StopReason.Type

/** The reasons that need no repository to be looked at. */
export const wordyReasons = ["Ambiguous", "NeedsPerson"] as const satisfies ReadonlyArray<StopReason>

export interface Stop {
  readonly reason: StopReason
  readonly evidence: ReadonlyArray<string>
  /** A command that shows on the base that the work is done already. */
  readonly command?: string | undefined
}

/** Pieces of evidence, and characters of each and of a command. */
export const maxEvidence = 10
export const maxEvidenceLength = 500

/** Characters below which a text says nothing that a person could act on. */
const minChars = 8

/** A line of a file, counted from 1. */
export interface Reference {
  readonly path: string
  readonly line: number
}

/** The `path:line` that a piece of evidence begins with; what follows explains it. */
export const referenceOf = (evidence: string): Reference | undefined => {
  const found = /^[\s`"'(*-]*(?:\.\/)*([^\s`"':][^`"':\n]*?):(\d{1,7})(?!\d)/u.exec(evidence)
  const [, path, line] = found ?? []
  return path === undefined || line === undefined || Number(line) === 0
    ? undefined
    : { path, line: Number(line) }
}

const normalized = (text: string): string => text.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim()

/** Words of a shell that end well whatever the repository holds. */
const hollow =
  /^(?:true|:|exit|echo|printf|pwd|cd|ls|test|\[|\[\[|sleep|cat|head|tail|wc|date|which|env|set|export|git (?:status|log|show|diff|rev-parse))(?:\s|$)/u

/** Whether a command can fail because of what the repository does. */
export const provesSomething = (command: string): boolean =>
  command
    .split(/\|\||&&|[;\n|&]/u)
    .map((part) => part.replace(/^[\s({!]+/u, ""))
    .some((part) => part !== "" && !part.startsWith("#") && !hollow.test(part))

/** Why the evidence is not enough by itself, whatever the repository holds; `undefined` when it may be. */
export const lacking = ({ command, evidence, reason }: Stop): string | undefined => {
  const said = new Set(evidence.map(normalized).filter((text) => text.length >= minChars))
  const isCommand = (command ?? "").trim() !== ""
  if (isCommand && reason !== "DoneAlready") return "command goes with stop_reason DoneAlready only"
  switch (reason) {
    case "Ambiguous":
      return said.size < 2
        ? "evidence of Ambiguous is at least two different readings of the task, or two questions, each a text of its own"
        : undefined
    case "NeedsPerson":
      return said.size < 1
        ? "evidence of NeedsPerson is what exactly a person has to do, decide or provide"
        : undefined
    case "Contradicted":
      return evidence.some((text) => referenceOf(text) !== undefined)
        ? undefined
        : "evidence of Contradicted begins with path:line of the test that demands something else, as test/add.test.js:12"
    case "DoneAlready":
      if (isCommand && !provesSomething(command ?? "")) {
        return `the command proves nothing: it ends well whatever the repository holds`
      }
      return isCommand || evidence.some((text) => referenceOf(text) !== undefined)
        ? undefined
        : "evidence of DoneAlready begins with path:line of where it is done, or name a command, such as a test, that passes without any change"
  }
}

/** What `extra.outcome` says of a stop; a done issue has the contract's word, by which what depends on it is skipped (§2.2, §4.4). */
export const outcomeOf = (reason: StopReason): "STOPPED" | "ALREADY-RESOLVED" =>
  reason === "DoneAlready" ? "ALREADY-RESOLVED" : "STOPPED"

/** Of a task that a stop ended and that a person has to look at: its reason and its summary as one clause. */
export const stopOf = ({ status }: AgenticTask): string | undefined => {
  if (status?.verdict !== "INCOMPLETE") return undefined
  const { extra, summary } = status.result ?? {}
  if (typeof extra !== "object" || extra === null || !("outcome" in extra) || extra.outcome !== "STOPPED") {
    return undefined
  }
  const reason = "reason" in extra && typeof extra.reason === "string" ? extra.reason : "unknown"
  return `stopped (${reason})${typeof summary === "string" && summary !== "" ? `: ${summary}` : ""}`
}
