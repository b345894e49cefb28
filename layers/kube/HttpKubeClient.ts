/** KubeClient over HTTP: the one wire to a real API server and to the embedded one (design §3.2). */
import { Duration, Effect, Layer, Random, Result, Stream } from "effect"

import { type ObjectRef, refKey } from "../../schema/Meta.ts"
import { groupVersion, type KubeObject, type Resource } from "../../schema/Resource.ts"
import {
  KubeClient,
  KubeError,
  type KubeList,
  type KubeReason,
  type ListOptions,
  type WatchOptions,
  type Patch,
  Unavailable,
  Undecodable
} from "../../src/services/KubeClient.ts"
import type { KubeConfig } from "./KubeConfig.ts"
import { lines } from "./lines.ts"
import { decodeEvent, decodeList, decoder, rawRef, undecodable } from "./objects.ts"
import { collectionPath, objectPath, operation, withQuery } from "./paths.ts"
import { type KubeRequest, make as makeTransport } from "./transport.ts"

export interface Options {
  /** From the first byte sent to the last byte received of a request that is no watch and no log. Default 30 s. */
  readonly requestTimeout?: Duration.Input
  /** A watch that is silent for this long is dead; the server is asked to end it a little sooner. Default 90 s. */
  readonly watchSilence?: Duration.Input
}

/** Objects in one page of a list: what kubectl and client-go ask for. */
const pageSize = 500

const contentTypes = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml"
} as const satisfies Record<Patch["type"], string>

export const make = Effect.fnUntraced(function* (config: KubeConfig, options: Options = {}) {
  const transport = yield* makeTransport(
    config,
    Duration.fromInputUnsafe(options.requestTimeout ?? "30 seconds")
  )
  const watchSilence = Duration.fromInputUnsafe(options.watchSilence ?? "90 seconds")
  const silenceSeconds = Duration.toSeconds(watchSilence)
  const watchSeconds = [Math.ceil(silenceSeconds * 0.6), Math.ceil(silenceSeconds * 0.8)] as const

  const placed = <A extends KubeObject>(resource: Resource<A>, ref: ObjectRef): ObjectRef =>
    resource.namespaced && !ref.namespace ? { ...ref, namespace: config.namespace } : ref

  const one = Effect.fnUntraced(function* <A extends KubeObject>(
    resource: Resource<A>,
    request: KubeRequest
  ) {
    const raw = yield* transport.json(request)
    const decoded = decoder(resource)(raw)
    if (Result.isSuccess(decoded)) return decoded.success
    return yield* new KubeError({ operation: request.operation, reason: undecodable(raw, decoded.failure) })
  })

  const write = <A extends KubeObject>(
    verb: "create" | "replace",
    resource: Resource<A>,
    manifest: { readonly metadata: { readonly name?: string; readonly namespace?: string } }
  ) => {
    const ref = placed(resource, {
      name: manifest.metadata.name ?? "",
      namespace: manifest.metadata.namespace
    })
    return one(resource, {
      operation: operation(verb, resource, refKey(ref)),
      method: verb === "create" ? "POST" : "PUT",
      path: verb === "create" ? collectionPath(resource, ref.namespace) : objectPath(resource, ref),
      body: JSON.stringify({ ...manifest, apiVersion: groupVersion(resource), kind: resource.kind })
    })
  }

  const page = Effect.fnUntraced(function* <A extends KubeObject>(
    resource: Resource<A>,
    options: ListOptions,
    more: { readonly limit?: number; readonly continue?: string }
  ) {
    const what = operation("list", resource, options.namespace ?? "")
    const raw = yield* transport.json({
      operation: what,
      method: "GET",
      path: withQuery(collectionPath(resource, options.namespace), {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        ...more
      })
    })
    const list = decodeList(raw)
    if (Result.isSuccess(list)) return list.success
    return yield* new KubeError({
      operation: what,
      reason: new Undecodable({ message: list.failure.message })
    })
  })

  const list = Effect.fnUntraced(function* <A extends KubeObject>(
    resource: Resource<A>,
    options: ListOptions = {}
  ) {
    const decode = decoder(resource)
    const pages = Effect.gen(function* () {
      const read = [yield* page(resource, options, { limit: pageSize })]
      for (let token = read[0]?.metadata.continue; token; token = read.at(-1)?.metadata.continue) {
        read.push(yield* page(resource, options, { limit: pageSize, continue: token }))
      }
      return read
    }).pipe(
      // The snapshot that the pages come from was compacted on the way: all at once cannot expire.
      Effect.catchReason("KubeError", "Gone", () => Effect.map(page(resource, options, {}), (all) => [all]))
    )
    const items: Array<A> = []
    const aside: Array<KubeList<A>["undecodable"][number]> = []
    const read = yield* pages
    for (const raw of read.flatMap((page) => page.items ?? [])) {
      const decoded = decode(raw)
      if (Result.isSuccess(decoded)) items.push(decoded.success)
      else aside.push({ ref: rawRef(raw), message: decoded.failure.message })
    }
    return { items, resourceVersion: read[0]?.metadata.resourceVersion ?? "", undecodable: aside }
  })

  const watch = <A extends KubeObject>(resource: Resource<A>, options: WatchOptions) => {
    const decode = decoder(resource)
    const what = operation("watch", resource, options.namespace ?? "")
    const fail = (reason: KubeReason) => new KubeError({ operation: what, reason })
    const silent = new Unavailable({ message: `nothing came for ${Duration.format(watchSilence)}` })
    return Stream.unwrap(
      // A real API server sends no bookmark for a kind in which nothing happens. So it is asked to end the watch before silence would
      // mean a dead connection; with a spread, so that a thousand daemons do not come back together.
      Effect.map(Random.nextIntBetween(...watchSeconds), (timeoutSeconds) =>
        transport.bytes({
          operation: what,
          method: "GET",
          onOpen: options.onOpen,
          path: withQuery(collectionPath(resource, options.namespace), {
            watch: true,
            allowWatchBookmarks: true,
            timeoutSeconds,
            labelSelector: options.labelSelector,
            fieldSelector: options.fieldSelector,
            resourceVersion: options.resourceVersion
          })
        })
      )
    ).pipe(
      Stream.timeoutOrElse({ duration: watchSilence, orElse: () => Stream.fail(fail(silent)) }),
      (bytes) => lines(bytes, (message) => fail(new Unavailable({ message }))),
      Stream.mapEffect((line) => Effect.mapError(Effect.fromResult(decodeEvent(line, decode)), fail))
    )
  }

  return KubeClient.of({
    get: (resource, ref) => {
      const at = placed(resource, ref)
      return one(resource, {
        operation: operation("get", resource, refKey(at)),
        method: "GET",
        path: objectPath(resource, at)
      })
    },
    list,
    create: (resource, manifest) => write("create", resource, manifest),
    replace: (resource, manifest) => write("replace", resource, manifest),
    patch: (resource, ref, patch, options) => {
      const at = placed(resource, ref)
      const apply = patch.type === "apply" ? { fieldManager: patch.fieldManager, force: patch.force } : {}
      const body =
        patch.type === "apply"
          ? { ...patch.body, apiVersion: groupVersion(resource), kind: resource.kind }
          : patch.body
      return one(resource, {
        operation: operation("patch", resource, refKey(at), options?.subresource),
        method: "PATCH",
        path: withQuery(objectPath(resource, at, options?.subresource), apply),
        contentType: contentTypes[patch.type],
        body: JSON.stringify(body)
      })
    },
    delete: (resource, ref, options = {}) => {
      const at = placed(resource, ref)
      return Effect.asVoid(
        transport.json({
          operation: operation("delete", resource, refKey(at)),
          method: "DELETE",
          path: objectPath(resource, at),
          body: JSON.stringify({ apiVersion: "v1", kind: "DeleteOptions", ...options })
        })
      )
    },
    watch,
    podLogs: (ref, options = {}) => {
      const at = { ...ref, namespace: ref.namespace ?? config.namespace }
      return transport.bytes({
        operation: `logs pods ${refKey(at)}`,
        method: "GET",
        mayBeginLate: options.follow === true,
        path: withQuery(
          `/api/v1/namespaces/${encodeURIComponent(at.namespace)}/pods/${encodeURIComponent(at.name)}/log`,
          { container: options.container, follow: options.follow, tailLines: options.tailLines }
        )
      })
    }
  })
})

/** The API server of `config`, over connections of its own that close with the layer. */
export const layer = (config: KubeConfig, options?: Options): Layer.Layer<KubeClient> =>
  Layer.effect(KubeClient, make(config, options))
