/** Why nothing was judged: the reasons of a GATE-ERROR, and which of them pass by themselves. */
import { Schema } from "effect"

export const GateReason = Schema.Literals([
  "CloneFailed",
  "BranchNotFound",
  "BranchMoved",
  "RemoteUnreachable",
  "ConfigInvalid",
  "NoChecks",
  "CheckUnavailable",
  "SetupFailed",
  "ServiceFailed",
  "ToolchainSilent",
  "ToolchainDied",
  "OutOfMemory",
  "DiskFull",
  "FolderReadOnly",
  "DeadlineExceeded",
  "Terminated",
  "JudgeFailed"
])
export type GateReason = typeof GateReason.Type

/**
 * Another Job may well judge what this one could not; it is retried on the gate's own budget, and the author's is left alone. The other
 * reasons end at once: they need a person (a wrong file, an image without a shell) or repeat themselves (a limit that the base hits).
 */
const transient: ReadonlySet<string> = new Set<GateReason>([
  "CloneFailed",
  "RemoteUnreachable",
  "BranchMoved",
  "ToolchainDied",
  "Terminated",
  "DiskFull"
])

/** Whether a reason passes by itself. A reason that is not one of ours does not. */
export const isTransient = (reason: string): boolean => transient.has(reason)
