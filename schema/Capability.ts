/** What a task asks of a node, and what a node offers. */
import { Schema } from "effect"

import { int32, optional, strings, withDefault } from "./Field.ts"

export const RequiredCapability = Schema.Struct({
  minRAMGB: optional(int32(0), "Memory that must be free on the node, in GiB."),
  minContextTokens: optional(int32(0), "Context window that the node's model must offer, in tokens."),
  accelerator: withDefault(
    Schema.Literals(["metal", "cuda", "vulkan", "any"]),
    "any",
    "Accelerator that the node must have; `any` asks for none."
  ),
  nodeSelector: optional(
    Schema.Record(Schema.String, Schema.String),
    "Labels that the FleetNode's metadata must carry."
  ),
  roles: optional(strings, "Roles that the node must advertise, each spelt exactly."),
  requiresModelInstalled: optional(
    Schema.Boolean,
    "Ask for a node that has the model installed already; minRAMGB is not asked for then."
  )
})
export type RequiredCapability = typeof RequiredCapability.Type

export const NodeCapability = Schema.Struct({
  accelerator: optional(
    Schema.Literals(["metal", "cuda", "vulkan", "none"]),
    "Accelerator of the host; absent when nobody said and nothing was found."
  ),
  totalRAMGB: optional(int32(0), "Memory of the host, in GiB."),
  availableRAMGB: optional(int32(0), "Memory that is free now, in GiB."),
  maxContextTokens: optional(int32(0), "Largest context window on offer, in tokens."),
  tokensPerSecond: optional(int32(0), "Generation speed, as its owner stated it."),
  installedModels: optional(strings, "Names of the models that are on the host."),
  slots: optional(int32(1), "How many tasks may run here at once; 1 when absent.")
})
export type NodeCapability = typeof NodeCapability.Type
