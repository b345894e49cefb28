/** The slices of LLMKube's kinds that Foreman reads. Contract §1.8. */
import { Schema } from "effect"

import { anyObject, optional } from "./Field.ts"
import { ObjectMeta } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"

const open = anyObject.annotate({ "x-kubernetes-preserve-unknown-fields": true } as never)

export const InferenceService = Schema.Struct({
  metadata: ObjectMeta,
  spec: optional(open, "What is served; LLMKube's own."),
  status: optional(
    Schema.Struct({
      endpoint: optional(Schema.String, "URL of the chat completions endpoint."),
      phase: optional(Schema.String, "How far the service got.")
    }).annotate({ "x-kubernetes-preserve-unknown-fields": true } as never),
    "Where it is served."
  )
})
export interface InferenceService extends Schema.Schema.Type<typeof InferenceService> {}

/** A trailing `/chat/completions` and `/` are cut, so that what remains is the base URL of the API. */
export const baseURLOf = (endpoint: string): string =>
  endpoint
    .replace(/\/+$/u, "")
    .replace(/\/chat\/completions$/u, "")
    .replace(/\/+$/u, "")

export const inferenceServices: CustomResource<InferenceService> = {
  group: "inference.llmkube.dev",
  version: "v1alpha1",
  kind: "InferenceService",
  plural: "inferenceservices",
  singular: "inferenceservice",
  shortNames: ["isvc"],
  namespaced: true,
  schema: InferenceService,
  description:
    "InferenceService is a model that is served. This is the part of LLMKube's kind that Foreman reads.",
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Endpoint", type: "string", jsonPath: ".status.endpoint" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: []
}

export const Model = Schema.Struct({
  metadata: ObjectMeta,
  spec: optional(open, "LLMKube's own."),
  status: optional(open, "LLMKube's own.")
})
export interface Model extends Schema.Schema.Type<typeof Model> {}

export const models: CustomResource<Model> = {
  group: "inference.llmkube.dev",
  version: "v1alpha1",
  kind: "Model",
  plural: "models",
  singular: "model",
  shortNames: ["mdl"],
  namespaced: true,
  schema: Model,
  description: "Model is a model that can be served. Foreman knows it by name only.",
  columns: [{ name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }],
  selectableFields: []
}
