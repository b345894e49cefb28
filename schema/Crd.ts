/** A kind's schema as a CustomResourceDefinition. Pure. */
import { Schema } from "effect"

import { agents } from "./Agent.ts"
import { agentReleases } from "./AgentRelease.ts"
import { agenticTasks } from "./AgenticTask.ts"
import { fleetNodes } from "./FleetNode.ts"
import { inferenceServices, models } from "./InferenceService.ts"
import { modelProfiles } from "./ModelProfile.ts"
import { type CustomResource, groupResource, type KubeObject } from "./Resource.ts"
import { workloads } from "./Workload.ts"

interface JsonSchema {
  readonly [key: string]: Schema.Json
}

/** Foreman's own kinds, in the order in which a person meets them. */
export const foremanResources: ReadonlyArray<CustomResource<KubeObject>> = [
  workloads,
  agenticTasks,
  agents,
  fleetNodes,
  agentReleases,
  modelProfiles
]

/** LLMKube's kinds, of which the embedded cluster serves the part that Foreman reads. */
export const inferenceResources: ReadonlyArray<CustomResource<KubeObject>> = [inferenceServices, models]

/** Keywords that a structural schema may hold; whatever else a schema yields is a mistake in the kind, found on generating. */
const structuralKeys = new Set([
  "type",
  "format",
  "description",
  "default",
  "enum",
  "pattern",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "items",
  "properties",
  "required",
  "additionalProperties",
  "nullable",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type"
])

const isObject = (value: Schema.Json | undefined): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The bounds that `Schema.Int` adds are those of a double, not of the field. */
const isDoubleBound = (key: string, value: Schema.Json): boolean =>
  (key === "minimum" || key === "maximum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER

/** Draft 2020-12, as Schema yields it, to the structural form that an API server takes. */
const structural = (schema: JsonSchema, path: string): JsonSchema => {
  const { allOf, anyOf, ...own } = schema
  const choices = Array.isArray(anyOf) ? anyOf : []
  if (choices.length > 1) throw new Error(`${path}: a choice between types is no part of a structural schema`)
  const parts = [own, ...choices, ...(Array.isArray(allOf) ? allOf : [])].filter(isObject)
  const merged: Record<string, Schema.Json> = {}
  for (const part of parts) {
    for (const [key, value] of Object.entries(part)) {
      if (!isDoubleBound(key, value)) merged[key] = value
    }
  }
  // An open object next to named properties is the schema's way to say "more may come"; the server prunes by itself.
  if (merged["additionalProperties"] === true || merged["properties"] !== undefined)
    delete merged["additionalProperties"]
  if (merged["type"] === "integer") merged["format"] ??= "int64"

  const known = Object.entries(merged).map(([key, value]): [string, Schema.Json] => {
    if (!structuralKeys.has(key)) throw new Error(`${path}: ${key} is no part of a structural schema`)
    if (key === "items" && isObject(value)) return [key, structural(value, `${path}[]`)]
    if (key === "additionalProperties" && isObject(value)) return [key, structural(value, `${path}.*`)]
    if (key === "properties" && isObject(value)) {
      return [
        key,
        Object.fromEntries(
          Object.entries(value).map(([name, field]) => [
            name,
            isObject(field) ? structural(field, `${path}.${name}`) : field
          ])
        )
      ]
    }
    return [key, value]
  })
  const result = Object.fromEntries(known)
  if (result["type"] === undefined && result["x-kubernetes-preserve-unknown-fields"] !== true) {
    throw new Error(`${path}: a structural schema needs a type`)
  }
  return result
}

/** The structural schema of a whole object of the kind. */
export const openAPIV3Schema = (resource: CustomResource<KubeObject>): JsonSchema => {
  const document = Schema.toJsonSchemaDocument(resource.schema, {
    referencePolicy: () => undefined,
    includeAnnotationKey: (key) => key.startsWith("x-kubernetes-")
  })
  const whole = structural(document.schema as JsonSchema, resource.kind)
  const properties = isObject(whole["properties"]) ? whole["properties"] : {}
  return {
    description: resource.description,
    type: "object",
    ...(whole["required"] === undefined
      ? {}
      : { required: (whole["required"] as ReadonlyArray<string>).filter((name) => name !== "metadata") }),
    properties: {
      apiVersion: { type: "string", description: "Group and version of the kind." },
      kind: { type: "string", description: "Name of the kind." },
      metadata: { type: "object" },
      ...Object.fromEntries(Object.entries(properties).filter(([name]) => name !== "metadata"))
    }
  }
}

/** The CustomResourceDefinition of a kind, as `kubectl apply` takes it. */
export const toCrd = (resource: CustomResource<KubeObject>): JsonSchema => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: groupResource(resource) },
  spec: {
    group: resource.group,
    names: {
      kind: resource.kind,
      listKind: `${resource.kind}List`,
      plural: resource.plural,
      singular: resource.singular,
      shortNames: resource.shortNames
    },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    versions: [
      {
        name: resource.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: resource.columns.map((column) => ({ ...column })),
        ...(resource.selectableFields.length === 0
          ? {}
          : { selectableFields: resource.selectableFields.map((jsonPath) => ({ jsonPath })) }),
        schema: { openAPIV3Schema: openAPIV3Schema(resource) }
      }
    ]
  }
})
