/** What the operator says about a node: that it lives, that it is silent, or that it is gone (contract §2.3). */
import { Data } from "effect"

import type { FleetNode, FleetNodePhase, FleetNodeStatus } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import type { Liveness } from "./liveness.ts"
import { reason, setCondition, type StatusFields } from "./status.ts"

/** A node that said goodbye and is silent for this long will not come back under its name. */
const reapAfterMillis = 600_000

export type NodeDecision = Data.TaggedEnum<{
  Leave: {}
  Mark: { readonly status: StatusFields<FleetNodeStatus> }
  Delete: {}
}>
export const NodeDecision = Data.taggedEnum<NodeDecision>()

export const decideNode = (node: FleetNode, liveness: Liveness, nowMillis: number): NodeDecision => {
  const { status } = node
  if (status?.phase === "Draining") {
    return nowMillis - liveness.lastSeenMillis >= reapAfterMillis
      ? NodeDecision.Delete()
      : NodeDecision.Leave()
  }
  const isLive = nowMillis < liveness.silentAtMillis
  // It has just registered: its first beat writes the whole status, and ours would only be in its way.
  if (isLive && status?.lastHeartbeatTime === undefined) return NodeDecision.Leave()

  const phase: FleetNodePhase = isLive ? "Ready" : "NotReady"
  const conditions = setCondition(
    status?.conditions,
    isLive
      ? {
          type: "Ready",
          status: "True",
          reason: reason.heartbeatFresh,
          message: "the node daemon reports on time"
        }
      : {
          type: "Ready",
          status: "False",
          reason: reason.heartbeatStale,
          message: `the node daemon was last heard of at ${formatTime(liveness.lastSeenMillis)}`
        },
    nowMillis
  )
  return status?.phase === phase && conditions === status.conditions
    ? NodeDecision.Leave()
    : NodeDecision.Mark({ status: { phase, conditions } })
}

/** When the decision can next change by time alone; `undefined` when only an event can change it. */
export const nextLookMillis = (
  node: FleetNode,
  liveness: Liveness,
  nowMillis: number
): number | undefined => {
  const at =
    node.status?.phase === "Draining" ? liveness.lastSeenMillis + reapAfterMillis : liveness.silentAtMillis
  return at > nowMillis ? at : undefined
}
