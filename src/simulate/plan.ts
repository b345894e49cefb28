/** A fleet and its work, laid out in time: what a simulation runs. Times are milliseconds since its begin. */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"

export interface PlannedNode {
  /** Nodes of one class are counted together. */
  readonly className: string
  readonly node: FleetNode
  readonly joinsMillis: number
  /** When it leaves, and what runs there starts anew elsewhere; infinity for never. */
  readonly leavesMillis: number
}

export interface PlannedTask {
  readonly task: AgenticTask
  readonly arrivesMillis: number
  /** How long it runs, once it does. */
  readonly takesMillis: number
  /** Not so for a Job, which is a pod of its own. */
  readonly takesSlot: boolean
  /** Tasks of one group are counted together. */
  readonly group: string
}

export interface Plan {
  readonly nodes: ReadonlyArray<PlannedNode>
  readonly agents: ReadonlyArray<Agent>
  readonly tasks: ReadonlyArray<PlannedTask>
}

/** The moment that a simulation begins at, in milliseconds since the epoch: any whole second would do. */
export const beginMillis = 1_800_000_000_000
