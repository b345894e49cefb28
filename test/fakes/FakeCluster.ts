/** The embedded store without HTTP, as a KubeClient, with hands to look inside and to make it fail. */
import { Context, Effect, Layer, Result, Schema, Stream } from "effect"

import {
  type ApiError,
  type ApiEvent,
  Apiserver,
  type JsonObject,
  type PatchType,
  type ServedResource,
  type Target
} from "../../layers/embedded/Apiserver.ts"
import { make } from "../../layers/embedded/apiserver/EmbeddedApiserver.ts"
import { isObject, listAt } from "../../layers/embedded/apiserver/json.ts"
import { decodeEvent, decoder, rawRef, undecodable } from "../../layers/kube/objects.ts"
import { reasonOfStatus } from "../../layers/kube/status.ts"
import { foremanResources, inferenceResources, toCrd } from "../../schema/Crd.ts"
import { pods } from "../../schema/Job.ts"
import { type ObjectRef, refKey } from "../../schema/Meta.ts"
import { groupResource, groupVersion, type KubeObject, type Resource } from "../../schema/Resource.ts"
import {
  KubeClient,
  KubeError,
  type KubeReason,
  type Manifest,
  NotFound,
  type Patch
} from "../../src/services/KubeClient.ts"

/** One call to the cluster, in the order in which they came; refused ones too. */
export interface Request {
  readonly verb: "get" | "list" | "watch" | "create" | "replace" | "patch" | "delete" | "logs"
  /** `agentictasks.foreman.llmkube.dev` */
  readonly resource: string
  /** `namespace/name`, or the namespace of a list ("" for all). */
  readonly key: string
  readonly patch?: Patch["type"]
  readonly subresource?: "status"
  readonly body?: unknown
}

interface Failure {
  readonly reason: KubeReason
  readonly when: (request: Request) => boolean
  readonly isAfter: boolean
  times: number
}

type Seed = { readonly metadata: object; readonly [field: string]: unknown }

export class FakeCluster extends Context.Service<
  FakeCluster,
  {
    /** What is stored, as the server would send it. */
    readonly raw: (resource: Resource<KubeObject>, ref: ObjectRef) => Effect.Effect<JsonObject | undefined>
    readonly rawList: (resource: Resource<KubeObject>) => Effect.Effect<ReadonlyArray<JsonObject>>
    /**
     * Puts objects in, status included, and their namespaces. Not noted in `requests`; uid, version and creation time are the
     * server's. An object that cannot be stored is a mistake in the test and dies.
     */
    readonly seed: (resource: Resource<KubeObject>, ...objects: ReadonlyArray<Seed>) => Effect.Effect<void>
    readonly requests: Effect.Effect<ReadonlyArray<Request>>
    /** The requests that change something. */
    readonly writes: Effect.Effect<ReadonlyArray<Request>>
    readonly forgetRequests: Effect.Effect<void>
    /**
     * The next `times` (1) calls that match `when` (all) fail. With `isAfter` the call is carried out first: the answer is lost,
     * as when a connection breaks.
     */
    readonly failNext: (
      reason: KubeReason,
      options?: {
        readonly times?: number
        readonly when?: (request: Request) => boolean
        readonly isAfter?: boolean
      }
    ) => Effect.Effect<void>
    /** Compacts everything: a watch that resumes from before now is Gone. Live watches go on. */
    readonly expire: Effect.Effect<void>
    /** Ends all live watches, as a server does that restarts. */
    readonly disconnectWatches: Effect.Effect<void>
    /** What `podLogs` yields for a pod; container "" when the caller names none. */
    readonly setPodLog: (ref: ObjectRef, text: string, container?: string) => Effect.Effect<void>
    readonly apiserver: Apiserver["Service"]
  }
>()("foreman/test/fakes/FakeCluster") {}

/** JSON as a wire would carry it: no undefined, nothing shared with the caller. */
const wire = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))
const wireOf = (value: unknown): JsonObject => wire(JSON.stringify(value))
const wireList = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Schema.Json)))

const patchTypes: Record<Patch["type"], PatchType> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml"
}

const reasonOfApi = (error: ApiError): KubeReason => {
  const seconds = error.details?.["retryAfterSeconds"]
  return reasonOfStatus({
    code: error.code,
    reason: error.reason,
    message: error.message,
    ...(typeof seconds === "number" ? { retryAfterSeconds: seconds } : {})
  })
}

const build = (customResources: ReadonlyArray<JsonObject>) =>
  Effect.gen(function* () {
    const { apiserver, compact, endWatches } = yield* make({ path: ":memory:", customResources })
    const requests: Array<Request> = []
    const failures: Array<Failure> = []
    const logs = new Map<string, string>()

    const served = Effect.fnUntraced(function* (resource: Resource<KubeObject>) {
      const all = yield* apiserver.resources
      const found = all.find(
        (candidate) =>
          groupResource(candidate) === groupResource(resource) && candidate.version === resource.version
      )
      if (found !== undefined) return found
      return yield* new KubeError({
        operation: groupResource(resource),
        reason: new NotFound({ message: "the server could not find the requested resource" })
      })
    })

    const targetOf = (resource: ServedResource, ref: ObjectRef): Target => ({
      resource,
      name: ref.name,
      ...(resource.namespaced ? { namespace: ref.namespace ?? "default" } : {})
    })

    const failureFor = (request: Request): Failure | undefined => {
      const failure = failures.find((candidate) => candidate.times > 0 && candidate.when(request))
      if (failure !== undefined) failure.times--
      return failure
    }

    /** Notes the request, lets a planned failure speak, and tells errors as the client does. */
    const call = <A>(request: Request, run: Effect.Effect<A, ApiError | KubeError>) =>
      Effect.suspend(() => {
        requests.push(request)
        const operation = `${request.verb} ${request.resource} ${request.key}`.trim()
        const failure = failureFor(request)
        const answer = run.pipe(
          Effect.mapError((error) =>
            error._tag === "KubeError" ? error : new KubeError({ operation, reason: reasonOfApi(error) })
          )
        )
        if (failure === undefined) return answer
        const failed = Effect.fail(new KubeError({ operation, reason: failure.reason }))
        return failure.isAfter ? Effect.andThen(answer, failed) : failed
      })

    const decoded = <A extends KubeObject>(resource: Resource<A>, raw: JsonObject) => {
      const result = decoder(resource)(raw)
      if (Result.isSuccess(result)) return Effect.succeed(result.success)
      return Effect.fail(
        new KubeError({
          operation: `decode ${groupResource(resource)}`,
          reason: undecodable(raw, result.failure)
        })
      )
    }

    const noted = (
      verb: Request["verb"],
      resource: Resource<KubeObject>,
      ref: ObjectRef | string,
      more: Partial<Request> = {}
    ): Request => ({
      verb,
      resource: groupResource(resource),
      key: typeof ref === "string" ? ref : refKey(ref),
      ...more
    })

    const bodyOf = (resource: Resource<KubeObject>, manifest: Manifest): JsonObject => ({
      apiVersion: groupVersion(resource),
      kind: resource.kind,
      ...wireOf(manifest)
    })

    const patchBody = (resource: Resource<KubeObject>, patch: Patch) => {
      if (patch.type === "json") return wireList(JSON.stringify(patch.body))
      return patch.type === "apply" ? bodyOf(resource, patch.body) : wireOf(patch.body)
    }

    const client = KubeClient.of({
      get: (resource, ref) =>
        call(
          noted("get", resource, ref),
          Effect.flatMap(served(resource), (kind) => apiserver.get(targetOf(kind, ref)))
        ).pipe(Effect.flatMap((raw) => decoded(resource, raw))),

      list: (resource, options = {}) =>
        call(
          noted("list", resource, options.namespace ?? ""),
          Effect.flatMap(served(resource), (kind) => apiserver.list({ ...options, resource: kind }))
        ).pipe(
          Effect.map(({ items, resourceVersion }) => {
            const results = items.map((raw) => ({ raw, result: decoder(resource)(raw) }))
            return {
              resourceVersion,
              items: results.flatMap(({ result }) => (Result.isSuccess(result) ? [result.success] : [])),
              undecodable: results.flatMap(({ raw, result }) =>
                Result.isFailure(result) ? [{ ref: rawRef(raw), message: result.failure.message }] : []
              )
            }
          })
        ),

      create: (resource, manifest) => {
        const body = bodyOf(resource, manifest)
        return call(
          noted("create", resource, rawRef(body), { body }),
          Effect.flatMap(served(resource), (kind) => {
            const namespace = rawRef(body).namespace ?? "default"
            return apiserver.create({ resource: kind, ...(kind.namespaced ? { namespace } : {}), body })
          })
        ).pipe(Effect.flatMap(({ object }) => decoded(resource, object)))
      },

      replace: (resource, manifest) => {
        const body = bodyOf(resource, manifest)
        return call(
          noted("replace", resource, rawRef(body), { body }),
          Effect.flatMap(served(resource), (kind) =>
            apiserver.replace(targetOf(kind, rawRef(body)), body, {})
          )
        ).pipe(Effect.flatMap(({ object }) => decoded(resource, object)))
      },

      patch: (resource, ref, patch, options = {}) => {
        const body = patchBody(resource, patch)
        return call(
          noted("patch", resource, ref, { patch: patch.type, body, ...options }),
          Effect.flatMap(served(resource), (kind) =>
            apiserver.patch(
              { ...targetOf(kind, ref), ...options },
              {
                type: patchTypes[patch.type],
                body,
                ...(patch.type === "apply" && patch.force !== undefined ? { force: patch.force } : {})
              },
              patch.type === "apply" ? { fieldManager: patch.fieldManager } : {}
            )
          )
        ).pipe(Effect.flatMap(({ object }) => decoded(resource, object)))
      },

      delete: (resource, ref, options = {}) =>
        call(
          noted("delete", resource, ref, { body: options }),
          Effect.flatMap(served(resource), (kind) => apiserver.delete(targetOf(kind, ref), options))
        ).pipe(Effect.asVoid),

      watch: (resource, { onOpen = Effect.void, ...options }) => {
        const operation = `watch ${groupResource(resource)}`
        const decode = decoder(resource)
        const tell = (event: ApiEvent) => {
          const result = decodeEvent(JSON.stringify(event), decode)
          return Result.isSuccess(result)
            ? Effect.succeed(result.success)
            : Effect.fail(new KubeError({ operation, reason: result.failure }))
        }
        return Stream.unwrap(
          call(
            noted("watch", resource, options.namespace ?? "", { body: options }),
            Effect.map(served(resource), (kind) =>
              apiserver.watch({ ...options, resource: kind, allowWatchBookmarks: true })
            ).pipe(Effect.tap(() => onOpen))
          )
        ).pipe(
          Stream.mapError((error) =>
            error._tag === "KubeError" ? error : new KubeError({ operation, reason: reasonOfApi(error) })
          ),
          Stream.mapEffect(tell)
        )
      },

      podLogs: (ref, options = {}) =>
        Stream.unwrap(
          call(
            noted("logs", pods, ref, { body: options }),
            Effect.sync(() => {
              const text = logs.get(`${refKey(ref)} ${options.container ?? ""}`) ?? ""
              const lines = text.split(/(?<=\n)/u)
              const kept = options.tailLines === undefined ? lines : lines.slice(-options.tailLines)
              return Stream.succeed(new TextEncoder().encode(kept.join("")))
            })
          )
        )
    })

    const seedOne = Effect.fnUntraced(function* (resource: Resource<KubeObject>, object: Seed) {
      const kind = yield* served(resource)
      const body = bodyOf(resource, { ...object, metadata: { ...object.metadata } })
      const ref = rawRef(body)
      const target = targetOf(kind, ref)
      if (target.namespace !== undefined) {
        const namespaces = (yield* apiserver.resources).find(({ plural }) => plural === "namespaces")
        const home = { metadata: { name: target.namespace } }
        if (namespaces !== undefined) {
          yield* apiserver.create({ resource: namespaces, body: home }).pipe(Effect.ignore)
        }
      }
      yield* apiserver.create({ resource: kind, namespace: target.namespace, body })
      const { status } = body
      if (isObject(status) && kind.hasStatus) {
        yield* apiserver.patch(
          { ...target, subresource: "status" },
          { type: "application/merge-patch+json", body: { status } },
          {}
        )
      }
    })

    const handle = FakeCluster.of({
      raw: (resource, ref) =>
        Effect.flatMap(served(resource), (kind) => apiserver.get(targetOf(kind, ref))).pipe(
          Effect.orElseSucceed(() => undefined)
        ),
      rawList: (resource) =>
        Effect.flatMap(served(resource), (kind) => apiserver.list({ resource: kind })).pipe(
          Effect.map(({ items }) => items),
          Effect.orDie
        ),
      seed: (resource, ...objects) =>
        Effect.forEach(objects, (object) => seedOne(resource, object), { discard: true }).pipe(Effect.orDie),
      requests: Effect.sync(() => [...requests]),
      writes: Effect.sync(() =>
        requests.filter(({ verb }) => ["create", "replace", "patch", "delete"].includes(verb))
      ),
      forgetRequests: Effect.sync(() => {
        requests.length = 0
      }),
      failNext: (reason, options = {}) =>
        Effect.sync(() => {
          failures.push({
            reason,
            when: options.when ?? (() => true),
            isAfter: options.isAfter ?? false,
            times: options.times ?? 1
          })
        }),
      expire: compact,
      disconnectWatches: endWatches,
      setPodLog: (ref, text, container = "") =>
        Effect.sync(() => {
          logs.set(`${refKey(ref)} ${container}`, text)
        }),
      apiserver
    })
    return Context.make(KubeClient, client).pipe(
      Context.add(FakeCluster, handle),
      Context.add(Apiserver, apiserver)
    )
  })

const ours = [...foremanResources, ...inferenceResources]

/** A fresh cluster with Foreman's and LLMKube's kinds: KubeClient, its handle, and the Apiserver underneath. */
export const layer = Layer.effectContext(build(ours.map(toCrd)))

/** The same with other definitions, such as those of the first implementation. */
export const layerWith = (customResources: ReadonlyArray<JsonObject>) =>
  Layer.effectContext(build(customResources))

/** The conditions of a raw object, by type. */
export const conditionsOf = (object: JsonObject | undefined): Record<string, JsonObject> => {
  const status = object?.["status"]
  const conditions = isObject(status) ? listAt(status, "conditions").filter(isObject) : []
  return Object.fromEntries(conditions.map((condition) => [String(condition["type"]), condition]))
}
