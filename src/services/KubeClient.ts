/** Kubernetes as Foreman sees it: typed objects in, typed errors out. One wire for a real API server and the embedded one. */
import { Context, type Effect, Schema, type Stream } from "effect"

import type { ObjectRef } from "../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"

const detail = { message: Schema.String }

export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", detail) {}
export class AlreadyExists extends Schema.TaggedError<AlreadyExists>()("AlreadyExists", detail) {}
/** The version moved: read again, decide again. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", detail) {}
/** 400 or 422: the server will never take this request. */
export class Invalid extends Schema.TaggedError<Invalid>()("Invalid", detail) {}
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", detail) {}
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", detail) {}
/** 410: the version to resume from is compacted; list again. */
export class Gone extends Schema.TaggedError<Gone>()("Gone", detail) {}
/** 429: the server asks for patience. */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  ...detail,
  retryAfterSeconds: Schema.optionalKey(Schema.Finite)
}) {}
/** No answer, a broken connection, a 5xx, or silence on a watch. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  ...detail,
  retryAfterSeconds: Schema.optionalKey(Schema.Finite)
}) {}
/** The answer was not what its kind's schema says. */
export class Undecodable extends Schema.TaggedError<Undecodable>()("Undecodable", detail) {}

export const KubeReason = Schema.Union([
  NotFound,
  AlreadyExists,
  Conflict,
  Invalid,
  Unauthorized,
  Forbidden,
  Gone,
  TooManyRequests,
  Unavailable,
  Undecodable
])
export type KubeReason = typeof KubeReason.Type

/** The one error of `KubeClient`. Branch with `Effect.catchReason("KubeError", "NotFound", …)`. */
export class KubeError extends Schema.TaggedError<KubeError>()("KubeError", {
  /** What was tried, as `patch agentictasks.foreman.llmkube.dev default/t1`. */
  operation: Schema.String,
  reason: KubeReason
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }
  /** Whether the same request may pass later. A Conflict is not transient: the request itself must change. */
  get isTransient(): boolean {
    return this.reason._tag === "Unavailable" || this.reason._tag === "TooManyRequests"
  }
}

/** A JSON object on its way to the server; `apiVersion` and `kind` are filled in by the client. */
export interface Manifest {
  readonly metadata: {
    readonly name?: string
    readonly namespace?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** RFC 6902. */
export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test"
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

/** The four patch types of Kubernetes. */
export type Patch =
  /** RFC 7386: null clears a field, a list is replaced whole. */
  | { readonly type: "merge"; readonly body: unknown }
  | { readonly type: "json"; readonly body: ReadonlyArray<JsonPatchOperation> }
  /** Built-in kinds only: lists merge by their key. */
  | { readonly type: "strategic"; readonly body: unknown }
  /** Server-side apply. */
  | {
      readonly type: "apply"
      readonly body: Manifest
      readonly fieldManager: string
      readonly force?: boolean
    }

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

export interface KubeList<A> {
  readonly items: ReadonlyArray<A>
  /** Where a watch resumes so that nothing is missed. */
  readonly resourceVersion: string
  /** Objects that the schema could not read; they are left out of `items`, never in silence. */
  readonly undecodable: ReadonlyArray<{ readonly ref: ObjectRef; readonly message: string }>
}

export type WatchEvent<A> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: A; readonly resourceVersion: string }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string }
  | {
      readonly type: "UNDECODABLE"
      readonly ref: ObjectRef
      readonly message: string
      readonly resourceVersion: string
    }

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string
  /** Runs once the server has accepted the watch. */
  readonly onOpen?: Effect.Effect<void> | undefined
}

export interface DeleteOptions {
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan"
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly gracePeriodSeconds?: number
}

export interface LogOptions {
  readonly container?: string
  readonly follow?: boolean
  /** Lines from the end. The server's own `limitBytes` counts from the start, so it is not offered: keep a tail yourself. */
  readonly tailLines?: number
}

export class KubeClient extends Context.Service<
  KubeClient,
  {
    readonly get: <A extends KubeObject>(resource: Resource<A>, ref: ObjectRef) => Effect.Effect<A, KubeError>
    /** Follows `continue` to the last page. */
    readonly list: <A extends KubeObject>(
      resource: Resource<A>,
      options?: ListOptions
    ) => Effect.Effect<KubeList<A>, KubeError>
    readonly create: <A extends KubeObject>(
      resource: Resource<A>,
      manifest: Manifest
    ) => Effect.Effect<A, KubeError>
    /** PUT. A `metadata.resourceVersion` in the manifest fences it. */
    readonly replace: <A extends KubeObject>(
      resource: Resource<A>,
      manifest: Manifest
    ) => Effect.Effect<A, KubeError>
    readonly patch: <A extends KubeObject>(
      resource: Resource<A>,
      ref: ObjectRef,
      patch: Patch,
      options?: { readonly subresource?: "status" }
    ) => Effect.Effect<A, KubeError>
    /** Deleting what is gone already is a `NotFound`. */
    readonly delete: <A extends KubeObject>(
      resource: Resource<A>,
      ref: ObjectRef,
      options?: DeleteOptions
    ) => Effect.Effect<void, KubeError>
    /**
     * One watch from `resourceVersion`, bookmarks included. Ends when the server ends it; fails with `Gone` when the version is
     * compacted and with `Unavailable` when nothing, not even a bookmark, came for a while. `src/cache/Reflector.ts` resumes it.
     */
    readonly watch: <A extends KubeObject>(
      resource: Resource<A>,
      options: WatchOptions
    ) => Stream.Stream<WatchEvent<A>, KubeError>
    readonly podLogs: (ref: ObjectRef, options?: LogOptions) => Stream.Stream<Uint8Array, KubeError>
  }
>()("foreman/services/KubeClient") {}
