/** FleetNode: one host that runs the node daemon. Contract §1.2. */
import { Schema } from "effect"

import { NodeCapability } from "./Capability.ts"
import { nonEmpty, optional, required, strings, time } from "./Field.ts"
import { conditions, ObjectMeta, statusOf } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"

export const FleetNodePhase = Schema.Literals(["Ready", "Draining", "NotReady", "Unknown"])
export type FleetNodePhase = typeof FleetNodePhase.Type

export const FleetNodeSpec = Schema.Struct({
  nodeName: required(nonEmpty, "Name of the host."),
  tailscaleAddr: optional(Schema.String, "Address of the host in its private network, for people."),
  roles: optional(strings, "What the host is for; by convention worker and verifier.")
})
export type FleetNodeSpec = typeof FleetNodeSpec.Type

export const FleetNodeStatus = Schema.Struct({
  phase: optional(FleetNodePhase, "Whether tasks may be placed here."),
  lastHeartbeatTime: optional(time, "When the daemon last wrote."),
  capability: optional(NodeCapability, "What the host offers now."),
  currentTask: optional(
    Schema.String,
    "A task that runs here, as namespace/name; for people, and for the first implementation."
  ),
  conditions,
  agentVersion: optional(Schema.String, "Version of the daemon."),
  agentKind: optional(Schema.Literals(["foreman-agent", "metal-agent"]), "Which daemon runs here."),
  os: optional(Schema.String, "Operating system of the host."),
  arch: optional(Schema.String, "Architecture of the host."),
  updateRequest: optional(
    Schema.Struct({
      targetVersion: required(Schema.String, "Version to change to."),
      url: required(Schema.String, "Where to get it."),
      sha256: required(Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u)), "Digest that it must have.")
    }),
    "An update that the daemon is asked to make."
  )
})
export type FleetNodeStatus = typeof FleetNodeStatus.Type

export const FleetNode = Schema.Struct({
  metadata: ObjectMeta,
  spec: required(FleetNodeSpec, "Who the host is; written by its daemon."),
  status: statusOf(FleetNodeStatus, "How the host is.")
})
export interface FleetNode extends Schema.Schema.Type<typeof FleetNode> {}

export const fleetNodes: CustomResource<FleetNode> = {
  group: "foreman.llmkube.dev",
  version: "v1alpha1",
  kind: "FleetNode",
  plural: "fleetnodes",
  singular: "fleetnode",
  shortNames: ["fn"],
  namespaced: false,
  schema: FleetNode,
  description: "FleetNode is one host that runs the node daemon.",
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Accelerator", type: "string", jsonPath: ".status.capability.accelerator" },
    { name: "RAM", type: "integer", jsonPath: ".status.capability.availableRAMGB" },
    { name: "Current Task", type: "string", jsonPath: ".status.currentTask" },
    { name: "Heartbeat", type: "date", jsonPath: ".status.lastHeartbeatTime" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: [".spec.nodeName", ".status.phase"]
}
