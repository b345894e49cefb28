/** The verbs on a collection and on one object: the query in, the store's answer out in the form that was asked for. */
import { Clock, Effect } from "effect"

import type { Representation } from "./accept.ts"
import { type Answer, type ApiRequest, json } from "./answers.ts"
import {
  Apiserver,
  type Json,
  type JsonObject,
  type PatchType,
  type Selection,
  type ServedResource,
  type Target,
  type WriteOptions,
  type Written
} from "../Apiserver.ts"
import { forbiddenField, invalidOptions, required } from "../apiserver/errors.ts"
import { metadataOf, nameOf, namespaceOf } from "../apiserver/json.ts"
import { success, wrongMethod } from "./metaStatus.ts"
import { parseObject, parsePatch } from "./requestBody.ts"
import { deleteOptions, includeObject, integer, isTrue, writeOptions } from "./requestOptions.ts"
import { review } from "./reviews.ts"
import type { ResourceRoute } from "./routes.ts"
import { showList, showObject, type View } from "./table.ts"
import { watch } from "./watch.ts"

const viewOf = (request: ApiRequest, resource: ServedResource, form: Representation) =>
  Effect.map(Clock.currentTimeMillis, (now): View => ({
    resource,
    form,
    now,
    includeObject: includeObject(request.url.searchParams)
  }))

export const onCollection = Effect.fnUntraced(function* (
  request: ApiRequest,
  route: ResourceRoute,
  resource: ServedResource,
  form: Representation
) {
  const api = yield* Apiserver
  const query = request.url.searchParams
  const selection: Selection = {
    resource,
    namespace: route.namespace,
    labelSelector: query.get("labelSelector") ?? undefined,
    fieldSelector: query.get("fieldSelector") ?? undefined
  }
  switch (request.method) {
    case "GET": {
      if (!resource.verbs.includes("list")) return yield* wrongMethod(request.method)
      if (isTrue(query.get("watch"))) return yield* watch(request, selection, form)
      const limit = yield* integer(query, "limit")
      const from = query.get("continue")
      const resourceVersion = query.get("resourceVersion")
      const list = yield* api.list({
        ...selection,
        ...(limit === undefined || limit === 0 ? {} : { limit }),
        ...(from === null || from === "" ? {} : { continue: from }),
        ...(resourceVersion === null || resourceVersion === "" ? {} : { resourceVersion })
      })
      return json(showList(yield* viewOf(request, resource, form), list), 200, form)
    }
    case "POST": {
      const options = yield* writeOptions(request, "CreateOptions")
      const body = yield* parseObject(yield* request.body, request.contentType)
      const reviewed = review(resource, body, request.user)
      if (reviewed !== undefined) return json(reviewed, 201)
      if (resource.namespaced && route.namespace === undefined) return yield* wrongMethod(request.method)
      const written = yield* api.create({ resource, namespace: route.namespace, body, ...options })
      return shown(yield* viewOf(request, resource, form), written, 201)
    }
    case "DELETE": {
      if (!resource.verbs.includes("delete")) return yield* wrongMethod(request.method)
      const options = yield* deleteOptions(request)
      const list = yield* api.list(selection)
      yield* Effect.forEach(list.items, (object) => {
        const namespace = resource.namespaced ? namespaceOf(object) : undefined
        return api.delete({ resource, name: nameOf(object), namespace }, options).pipe(
          Effect.catchIf(
            (error) => error.code === 404,
            () => Effect.void
          )
        )
      })
      return json(showList(yield* viewOf(request, resource, form), list), 200, form)
    }
    default:
      return yield* wrongMethod(request.method)
  }
})

export const onObject = Effect.fnUntraced(function* (
  request: ApiRequest,
  target: Target,
  form: Representation
) {
  const api = yield* Apiserver
  const { resource } = target
  switch (request.method) {
    case "GET": {
      if (!resource.verbs.includes("get")) return yield* wrongMethod(request.method)
      const object = yield* api.get(target)
      return json(showObject(yield* viewOf(request, resource, form), object), 200, form)
    }
    case "PUT": {
      const options = yield* writeOptions(request, "UpdateOptions")
      const body = yield* parseObject(yield* request.body, request.contentType)
      return shown(yield* viewOf(request, resource, form), yield* api.replace(target, body, options), 200)
    }
    case "PATCH": {
      const options = yield* writeOptions(request, "PatchOptions")
      const patch = yield* parsePatch(yield* request.body, request.contentType)
      return yield* onPatch(request, target, patch, options, form)
    }
    case "DELETE": {
      if (target.subresource !== undefined) return yield* wrongMethod(request.method)
      const object = yield* api.delete(target, yield* deleteOptions(request))
      return json(deleted(target, object))
    }
    default:
      return yield* wrongMethod(request.method)
  }
})

const onPatch = Effect.fnUntraced(function* (
  request: ApiRequest,
  target: Target,
  patch: { readonly type: PatchType; readonly body: Json },
  options: WriteOptions,
  form: Representation
) {
  const api = yield* Apiserver
  const force = request.url.searchParams.get("force")
  const isApply = patch.type === "application/apply-patch+yaml"
  if (isApply && options.fieldManager === undefined) {
    return yield* invalidOptions("PatchOptions", required("fieldManager", "is required for apply patch"))
  }
  if (!isApply && force !== null) {
    return yield* invalidOptions(
      "PatchOptions",
      forbiddenField("force", "may not be specified for non-apply patch")
    )
  }
  const written = yield* api.patch(target, { ...patch, force: isTrue(force) }, options)
  const code = isApply && written.created ? 201 : 200
  return shown(yield* viewOf(request, target.resource, form), written, code)
})

const shown = (view: View, written: Written, code: number): Answer => ({
  ...json(showObject(view, written.object), code, view.form),
  warnings: written.warnings
})

/** An object that finalizers still hold is shown; for one that is gone, a Status with its uid, by which kubectl waits. */
const deleted = ({ resource, name }: Target, object: JsonObject): JsonObject => {
  const metadata = metadataOf(object)
  if (metadata["deletionTimestamp"] !== undefined) return object
  return success({ name, group: resource.group, kind: resource.plural, uid: metadata["uid"] ?? "" })
}
