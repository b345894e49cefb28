/** How the programs of the gate end when it is not with a GATE-PASS. */
import { Runtime, Schema } from "effect"

import { exitCodes, GateVerdict } from "../../src/gate/envelope.ts"

/** Something on the command line, or the repository that it names, is not as it must be: EX_CONFIG. */
export class GateConfigError extends Schema.TaggedError<GateConfigError>()("GateConfigError", {
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78
}

/** The verdict was no GATE-PASS; the program's exit says which. */
export class GateNotPassed extends Schema.TaggedError<GateNotPassed>()("GateNotPassed", {
  verdict: GateVerdict,
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes[this.verdict]
}
