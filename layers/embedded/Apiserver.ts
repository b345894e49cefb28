/**
 * What the embedded API server does, without HTTP: the seam between the store below and its two faces, `Server.ts` (HTTPS, for
 * kubectl and our own client) and the tests' FakeCluster. Objects are raw JSON here; nobody above decodes less than a client would.
 */
import { Context, type Effect, Schema, type Stream } from "effect"

/** A failure as metav1.Status says it. `reason` is Kubernetes' own word: NotFound, AlreadyExists, Conflict, Invalid, BadRequest, …; "" where it has none. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  code: Schema.Int,
  reason: Schema.String,
  message: Schema.String,
  /** metav1.StatusDetails: name, group, kind, uid, causes, retryAfterSeconds. */
  details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
}) {}

export type Json = null | boolean | number | string | ReadonlyArray<Json> | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** A kind as the server serves it: built in, or from a CustomResourceDefinition that was stored. */
export interface ServedResource {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly categories: ReadonlyArray<string>
  readonly namespaced: boolean
  readonly hasStatus: boolean
  /** Structural openAPIV3Schema of the whole object; absent for built-ins, which are stored as they come. */
  readonly schema: JsonObject | undefined
  /** additionalPrinterColumns; built-ins have theirs in `table.ts`. */
  readonly columns: ReadonlyArray<JsonObject>
  /** jsonPaths that a field selector may name, besides metadata.name and metadata.namespace. */
  readonly selectableFields: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<string>
}

export interface WriteOptions {
  readonly dryRun?: boolean
  readonly fieldManager?: string
  /** Strict refuses unknown and duplicate fields with 400, Warn returns them as warnings, Ignore prunes in silence. */
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict"
  /** Who asks; absent for a caller inside the process. */
  readonly user?: string | undefined
}

export interface Written {
  readonly object: JsonObject
  /** False when the write changed nothing: the version stays. */
  readonly created: boolean
  readonly warnings: ReadonlyArray<string>
}

export interface Target {
  readonly resource: ServedResource
  readonly namespace?: string | undefined
  readonly name: string
  readonly subresource?: "status" | undefined
}

export interface Selection {
  readonly resource: ServedResource
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

export type PatchType =
  | "application/merge-patch+json"
  | "application/json-patch+json"
  | "application/strategic-merge-patch+json"
  | "application/apply-patch+yaml"

export interface ApiEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR"
  readonly object: JsonObject
}

export class Apiserver extends Context.Service<
  Apiserver,
  {
    /** All served kinds, CRDs included as they are now. */
    readonly resources: Effect.Effect<ReadonlyArray<ServedResource>>
    readonly get: (target: Target) => Effect.Effect<JsonObject, ApiError>
    readonly list: (
      selection: Selection & {
        readonly limit?: number
        readonly continue?: string
        readonly resourceVersion?: string
      }
    ) => Effect.Effect<
      {
        readonly items: ReadonlyArray<JsonObject>
        readonly resourceVersion: string
        readonly continue: string | undefined
        readonly remainingItemCount: number | undefined
      },
      ApiError
    >
    readonly create: (
      options: {
        readonly resource: ServedResource
        readonly namespace?: string | undefined
        readonly body: JsonObject
      } & WriteOptions
    ) => Effect.Effect<Written, ApiError>
    readonly replace: (
      target: Target,
      body: JsonObject,
      options: WriteOptions
    ) => Effect.Effect<Written, ApiError>
    readonly patch: (
      target: Target,
      patch: { readonly type: PatchType; readonly body: Json; readonly force?: boolean },
      options: WriteOptions
    ) => Effect.Effect<Written, ApiError>
    /** Returns the object as it was (or, with finalizers, as it now is, with its deletionTimestamp). */
    readonly delete: (
      target: Target,
      options: {
        readonly propagationPolicy?: "Background" | "Foreground" | "Orphan"
        readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
        readonly gracePeriodSeconds?: number
        readonly dryRun?: boolean
      }
    ) => Effect.Effect<JsonObject, ApiError>
    /**
     * Events after `resourceVersion` ("" or "0": synthetic ADDED for all that is there, then live). With `sendInitialEvents` the
     * initial ADDED events end with a BOOKMARK annotated `k8s.io/initial-events-end: "true"`. Fails with 410 Expired when the version
     * is compacted. An object that starts or stops matching the selector arrives as ADDED or DELETED. Never ends by itself.
     */
    readonly watch: (
      selection: Selection & {
        readonly resourceVersion?: string
        readonly allowWatchBookmarks?: boolean
        readonly sendInitialEvents?: boolean
      }
    ) => Stream.Stream<ApiEvent, ApiError>
    /** The revision of the last write, as a resourceVersion. */
    readonly revision: Effect.Effect<string>
  }
>()("foreman/layers/embedded/Apiserver") {}
