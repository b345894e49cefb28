/** ModelProfile: how the loop treats one model. Contract §1.6; schema only so far. */
import { Schema } from "effect"

import { StuckLoopDetection } from "./Agent.ts"
import { anyObject, optional, required } from "./Field.ts"
import { ObjectMeta, statusOf } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"

export const ModelProfile = Schema.Struct({
  metadata: ObjectMeta,
  spec: required(
    Schema.Struct({
      systemPromptAddendum: optional(
        Schema.String,
        "Text put after the Agent's system prompt, after a blank line."
      ),
      stuckLoopDetection: optional(
        StuckLoopDetection,
        "Used when the Agent says nothing; fields that are not zero override."
      ),
      restrictReadsInForcingPhase: optional(
        Schema.Boolean,
        "Take read_file away too while the model is pressed to edit."
      )
    }),
    "How the model is treated."
  ),
  status: statusOf(
    anyObject.annotate({ "x-kubernetes-preserve-unknown-fields": true } as never),
    "Not written."
  )
})
export interface ModelProfile extends Schema.Schema.Type<typeof ModelProfile> {}

export const modelProfiles: CustomResource<ModelProfile> = {
  group: "foreman.llmkube.dev",
  version: "v1alpha1",
  kind: "ModelProfile",
  plural: "modelprofiles",
  singular: "modelprofile",
  shortNames: ["mp"],
  namespaced: false,
  schema: ModelProfile,
  description: "ModelProfile says how the loop treats one model.",
  columns: [
    { name: "Reads-Restricted", type: "boolean", jsonPath: ".spec.restrictReadsInForcingPhase" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: []
}
