/** What a client, a CRD and an API server need to know about a kind. */
import type { Schema } from "effect"

import type { ObjectMeta } from "./Meta.ts"

/** An `additionalPrinterColumn`: what `kubectl get` shows. */
export interface Column {
  readonly name: string
  readonly jsonPath: string
  readonly type: "string" | "integer" | "boolean" | "date"
  readonly description?: string
}

/** The least that every object has. */
export interface KubeObject {
  readonly metadata: ObjectMeta
}

/** A kind: its names, its scope, and the schema that its JSON is decoded with. */
export interface Resource<A extends KubeObject> {
  /** "" for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly namespaced: boolean
  readonly schema: Schema.ConstraintDecoder<A>
}

/** A kind of our own, from which a CustomResourceDefinition is generated. */
export interface CustomResource<A extends KubeObject> extends Resource<A> {
  readonly description: string
  readonly columns: ReadonlyArray<Column>
  /** Paths that a field selector may name, so that a node's daemon receives its own tasks only. */
  readonly selectableFields: ReadonlyArray<string>
}

export const groupVersion = (resource: { readonly group: string; readonly version: string }): string =>
  resource.group === "" ? resource.version : `${resource.group}/${resource.version}`

/** `agentictasks.foreman.llmkube.dev`, the name that errors and CRDs use; the plural alone for the core group. */
export const groupResource = (resource: { readonly group: string; readonly plural: string }): string =>
  resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`
