/** GATE-ERROR: nothing was judged, and why. Always raised, never returned; a check that says no is a value, not an error. */
import { Schema } from "effect"

import { type GateReason, isTransient } from "../gate/gateReason.ts"

/** One sentence for a person. */
const detail = { message: Schema.String }

export class GateError extends Schema.TaggedError<GateError>()("GateError", {
  reason: Schema.Union([
    /** The remote could not be cloned or fetched. */
    Schema.TaggedStruct("CloneFailed", detail),
    Schema.TaggedStruct("BranchNotFound", detail),
    /** The branch is at another commit than the one that was judged. */
    Schema.TaggedStruct("BranchMoved", detail),
    Schema.TaggedStruct("RemoteUnreachable", detail),
    /** The gate file, or a command in it, is not valid. */
    Schema.TaggedStruct("ConfigInvalid", detail),
    Schema.TaggedStruct("NoChecks", detail),
    /** A check that cannot start on the base either. */
    Schema.TaggedStruct("CheckUnavailable", detail),
    /** What installs the dependencies failed: nobody's change is to blame for that. */
    Schema.TaggedStruct("SetupFailed", detail),
    /** A service of the gate file does not start: nobody's change is to blame for that. */
    Schema.TaggedStruct("ServiceFailed", detail),
    /** The toolchain never answered, or stopped answering. */
    Schema.TaggedStruct("ToolchainSilent", detail),
    Schema.TaggedStruct("ToolchainDied", detail),
    Schema.TaggedStruct("OutOfMemory", detail),
    Schema.TaggedStruct("DiskFull", detail),
    Schema.TaggedStruct("FolderReadOnly", detail),
    /** The time of the whole gate is over. */
    Schema.TaggedStruct("DeadlineExceeded", detail),
    /** The judge was told to stop. */
    Schema.TaggedStruct("Terminated", detail),
    /** A fault of the judge's own: its git, its disk, its code. */
    Schema.TaggedStruct("JudgeFailed", detail)
  ])
}) {
  /** Whether another try may judge what this one could not. */
  get isTransient(): boolean {
    return isTransient(this.reason._tag)
  }

  override get message(): string {
    return this.reason.message
  }
}

export const gateError = (tag: GateReason, message: string): GateError =>
  new GateError({ reason: { _tag: tag, message } })
