/** AgentRelease: schema only; the first implementation's operator exits when the kind is missing. Contract §1.5. */
import { Schema } from "effect"

import { int32, optional, required, time, withDefault } from "./Field.ts"
import { conditions, ObjectMeta, statusOf } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"

const Spec = Schema.Struct({
  agentKind: required(Schema.String, "Which daemon the release is for."),
  version: required(Schema.String, "Version of the release."),
  artifacts: optional(
    Schema.Array(
      Schema.Struct({
        os: required(Schema.Literals(["darwin", "linux"]), "Operating system."),
        arch: required(Schema.Literals(["amd64", "arm64"]), "Architecture."),
        url: required(Schema.String, "Where the file is."),
        sha256: required(
          Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u)),
          "Digest that it must have."
        )
      })
    ),
    "One file for each platform."
  ),
  selector: optional(
    Schema.Struct({
      matchLabels: optional(Schema.Record(Schema.String, Schema.String), "Labels that a node must carry."),
      matchExpressions: optional(
        Schema.Array(
          Schema.Struct({
            key: required(Schema.String, "Label."),
            operator: required(Schema.String, "In, NotIn, Exists or DoesNotExist."),
            values: optional(Schema.Array(Schema.String), "Values.")
          })
        ),
        "Expressions that a node's labels must meet."
      )
    }),
    "Nodes that take it."
  ),
  concurrency: withDefault(int32(1), 1, "Nodes that update at once."),
  approved: withDefault(Schema.Boolean, false, "Whether it may be rolled out."),
  paused: withDefault(Schema.Boolean, false, "Whether the roll-out rests."),
  healthGate: optional(
    Schema.Struct({
      minHealthySeconds: withDefault(int32(0), 60, "Seconds that a node must be well before it counts."),
      timeoutSeconds: withDefault(int32(1), 600, "Seconds after which a node counts as failed.")
    }),
    "When a node counts as updated."
  )
})

const Status = Schema.Struct({
  phase: optional(
    Schema.Literals(["Pending", "AwaitingApproval", "InProgress", "Paused", "Succeeded", "Failed"]),
    "How far the roll-out got."
  ),
  observedGeneration: optional(Schema.Int, "Generation of the spec that was read."),
  desiredVersion: optional(Schema.String, "Version that is rolled out."),
  targetNodes: optional(int32(0), "Nodes that take it."),
  updatedNodes: optional(int32(0), "Nodes that have it."),
  inFlightNodes: optional(Schema.Array(Schema.String), "Nodes that are changing."),
  nodeStatuses: optional(
    Schema.Array(
      Schema.Struct({
        name: required(Schema.String, "Name of the node."),
        observedVersion: optional(Schema.String, "Version that it runs."),
        phase: optional(Schema.Literals(["Pending", "Updating", "Updated", "Failed"]), "How far it got."),
        reason: optional(Schema.String, "Why it failed."),
        dispatchedAt: optional(time, "When it was asked."),
        lastTransitionTime: optional(time, "When its phase last changed."),
        message: optional(Schema.String, "What happened.")
      })
    ),
    "Each node."
  ),
  conditions
})

export const AgentRelease = Schema.Struct({
  metadata: ObjectMeta,
  spec: required(Spec, "What is rolled out, where."),
  status: statusOf(Status, "How it stands.")
})
export interface AgentRelease extends Schema.Schema.Type<typeof AgentRelease> {}

export const agentReleases: CustomResource<AgentRelease> = {
  group: "foreman.llmkube.dev",
  version: "v1alpha1",
  kind: "AgentRelease",
  plural: "agentreleases",
  singular: "agentrelease",
  shortNames: ["agr"],
  namespaced: false,
  schema: AgentRelease,
  description: "AgentRelease is a version of the node daemon to be rolled out.",
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Version", type: "string", jsonPath: ".spec.version" },
    { name: "Approved", type: "boolean", jsonPath: ".spec.approved" },
    { name: "Updated", type: "integer", jsonPath: ".status.updatedNodes" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: []
}
