/** Which faults of a judge pass by themselves. They are retried on the gate's own budget, and the author's is left alone. */
import type { GateFault } from "./envelope.ts"

/**
 * Weather: another Job may well judge what this one could not. The rest ends at once, because it needs a person (a wrong file, an image
 * without a shell) or says the same again (a limit that the base runs into, a check that is not there).
 */
const weather: ReadonlyArray<GateFault> = [
  "CloneFailed",
  "RemoteUnreachable",
  "BranchMoved",
  "ToolchainDied",
  "Terminated",
  "DiskFull"
]

export const isWeather = (fault: string): boolean => weather.some((each) => each === fault)
