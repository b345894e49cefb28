/** The embedded API server's core as a layer: the store, its rules and its watches behind the `Apiserver` contract. */
import { Clock, Effect, Layer, Stream } from "effect"

import {
  ApiError,
  Apiserver,
  type Json,
  type JsonObject,
  type PatchType,
  type ServedResource
} from "../Apiserver.ts"
import { badRequest, unsupportedMediaType } from "./errors.ts"
import { equal, isObject, nameOf, objectAt } from "./json.ts"
import { jsonPatch } from "./jsonPatch.ts"
import { definitions } from "./customResource.ts"
import { list } from "./listing.ts"
import { mergePatch } from "./mergePatch.ts"
import { inVersion, Objects } from "./Objects.ts"
import { open } from "./Store.ts"
import type { StoreOptions } from "./storeFile.ts"
import { strategicMerge } from "./strategicMerge.ts"
import { Watches } from "./watching.ts"

export interface Options extends StoreOptions {
  /** CustomResourceDefinition manifests to serve from the start; one that is stored already is brought to this spec. */
  readonly customResources: ReadonlyArray<JsonObject>
}

const firstNamespaces = ["default", "kube-system", "kube-public", "foreman-system"]

/** Rules throw ApiError, here and nowhere else it becomes a failure. Any other throw is a bug. */
export const attempt = <A>(run: () => A): Effect.Effect<A, ApiError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (cause) {
      return cause instanceof ApiError ? Effect.fail(cause) : Effect.die(cause)
    }
  })

const atNow = <A>(run: (now: number) => A): Effect.Effect<A, ApiError> =>
  Clock.clockWith((clock) => attempt(() => run(clock.currentTimeMillisUnsafe())))

const objectOf = (value: Json): JsonObject => {
  if (!isObject(value)) throw badRequest("the patched object is not an object")
  return value
}

/** A patch over the current object, for the three types that need one. */
const patched = (
  current: JsonObject,
  resource: ServedResource,
  patch: { readonly type: PatchType; readonly body: Json }
): JsonObject => {
  switch (patch.type) {
    case "application/merge-patch+json":
      return objectOf(mergePatch(current, objectOf(patch.body)))
    case "application/json-patch+json":
      return objectOf(jsonPatch(current, patch.body))
    default:
      if (resource.schema === undefined) return strategicMerge(current, objectOf(patch.body))
      throw unsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
      )
  }
}

/** The core with the parts that tests reach for: compaction and ending watches. */
export const make = (options: Options) =>
  Effect.gen(function* () {
    const store = yield* open(options)
    const objects = new Objects(store)
    const watches = new Watches(store)

    yield* atNow((now) => install(objects, options.customResources, now))

    const apiserver = Apiserver.of({
      resources: Effect.sync(() => objects.kinds.all().map((kind) => kind.resource)),
      get: (target) => attempt(() => objects.get(target)),
      list: (request) =>
        attempt(() => {
          objects.kinds.of(request.resource)
          return list(store, request)
        }),
      create: (request) => atNow((now) => objects.create(request, now)),
      replace: (target, body, write) =>
        atNow((now) => objects.update(target, () => body, { ...write, via: "PUT" }, now)),
      patch: (target, patch, write) =>
        atNow((now) =>
          patch.type === "application/apply-patch+yaml"
            ? objects.apply(target, objectOf(patch.body), { ...write, force: patch.force === true }, now)
            : objects.update(
                target,
                (current) => patched(current, target.resource, patch),
                { ...write, via: "PATCH" },
                now
              )
        ),
      delete: (target, how) => atNow((now) => inVersion(objects.remove(target, how, now), target.resource)),
      watch: (request) =>
        Stream.unwrap(
          attempt(() => {
            objects.kinds.of(request.resource)
            return watches.watch(request, attempt)
          })
        ),
      revision: Effect.sync(() => String(store.revision))
    })
    return {
      apiserver,
      /** Forgets the whole log: watches that resume from before now are Gone. */
      compact: Clock.clockWith((clock) =>
        Effect.sync(() => store.compact(clock.currentTimeMillisUnsafe(), true))
      ),
      endWatches: watches.end
    }
  })

/** Namespaces and definitions that are there from the start, then whatever the last run left undone. */
const install = (objects: Objects, customResources: ReadonlyArray<JsonObject>, now: number): void => {
  const namespaces = objects.kinds.ofStored("namespaces")
  for (const name of namespaces === undefined ? [] : firstNamespaces) {
    const { resource } = namespaces ?? definitions
    if (objects.find({ resource, name }) === undefined) {
      objects.create({ resource, body: { metadata: { name } } }, now)
    }
  }
  for (const definition of customResources) {
    const target = { resource: definitions.resource, name: nameOf(definition) }
    const found = objects.find(target)
    if (found === undefined) objects.create({ resource: target.resource, body: definition }, now)
    else if (!equal(objectAt(found, "spec"), objectAt(definition, "spec"))) {
      const spec = objectAt(definition, "spec")
      objects.update(target, (current) => ({ ...current, spec }), { via: "PATCH" }, now)
    }
  }
  objects.sweep(now)
}

export const layer = (options: Options) =>
  Layer.effect(
    Apiserver,
    Effect.map(make(options), ({ apiserver }) => apiserver)
  )
