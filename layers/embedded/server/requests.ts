/** One authenticated request to the API, as an answer: discovery, documents, and what `verbs.ts` does with served kinds. */
import { Effect } from "effect"

import { negotiate, offersDiscovery, offersMeta, plainJson } from "./accept.ts"
import { type ApiRequest, json, text } from "./answers.ts"
import { Apiserver, type ServedResource, type Target } from "../Apiserver.ts"
import * as Discovery from "./discovery.ts"
import { notServed } from "../apiserver/errors.ts"
import { groupVersion } from "../../../schema/Resource.ts"
import { notAcceptable, wrongMethod } from "./metaStatus.ts"
import * as OpenApi from "./openapi.ts"
import { podLog } from "./podLog.ts"
import { reviewResources } from "./reviews.ts"
import { parseRoute, type ResourceRoute } from "./routes.ts"
import { onCollection, onObject } from "./verbs.ts"

/** All that is served: what is stored, and what is only asked. */
const served = Effect.fnUntraced(function* () {
  const api = yield* Apiserver
  return [...(yield* api.resources), ...reviewResources]
})

export const answer = Effect.fn("embedded.answer")(function* (request: ApiRequest) {
  const route = parseRoute(request.url.pathname)
  if (route === undefined) return yield* notServed()
  if (route.kind === "resource") return yield* onResource(request, route)
  if (request.method !== "GET" && request.method !== "HEAD") return yield* wrongMethod(request.method)
  switch (route.kind) {
    case "version":
      return json(Discovery.serverVersion)
    case "health":
      return text("ok")
    case "openapi": {
      const resources = yield* served()
      if (route.version === undefined) return json(OpenApi.index(resources))
      return json(OpenApi.document(yield* members(resources, route.group ?? "", route.version)))
    }
    case "discovery":
      return yield* discovery(request, route, yield* served())
  }
})

const members = (resources: ReadonlyArray<ServedResource>, group: string, version?: string) => {
  const found = resources.filter(
    (resource) => resource.group === group && (version === undefined || resource.version === version)
  )
  return found.length === 0 ? Effect.fail(notServed()) : Effect.succeed(found)
}

const discovery = Effect.fnUntraced(function* (
  request: ApiRequest,
  route: { readonly root: "api" | "apis"; readonly group?: string; readonly version?: string },
  resources: ReadonlyArray<ServedResource>
) {
  if (route.version !== undefined) {
    const group = route.group ?? ""
    const found = yield* members(resources, group, route.version)
    return json(Discovery.apiResourceList(groupVersion({ group, version: route.version }), found))
  }
  if (route.group !== undefined)
    return json(Discovery.apiGroup(route.group, yield* members(resources, route.group)))
  const form = negotiate(request.accept, offersDiscovery) ?? plainJson
  if (form.as !== "") return json(Discovery.aggregated(resources, route.root), 200, form)
  return json(route.root === "api" ? Discovery.apiVersions : Discovery.apiGroupList(resources))
})

const onResource = Effect.fnUntraced(function* (request: ApiRequest, route: ResourceRoute) {
  const resource = (yield* served()).find(
    (known) => known.group === route.group && known.version === route.version && known.plural === route.plural
  )
  if (resource === undefined) return yield* notServed()
  // A cluster-scoped kind has no namespaces; the other way round is "all namespaces", for collections.
  if (!resource.namespaced && route.namespace !== undefined) return yield* notServed()
  if (resource.namespaced && route.namespace === undefined && route.name !== undefined)
    return yield* notServed()
  const form = negotiate(request.accept, offersMeta)
  if (form === undefined) {
    return yield* notAcceptable("only the following media types are accepted: application/json")
  }
  if (route.name === undefined) return yield* onCollection(request, route, resource, form)
  const { name } = route
  if (route.subresource === "log" && resource.group === "" && resource.plural === "pods") {
    return request.method === "GET"
      ? yield* podLog(request, { resource, name, namespace: route.namespace })
      : yield* wrongMethod(request.method)
  }
  if (route.subresource !== undefined && !(route.subresource === "status" && resource.hasStatus))
    return yield* notServed()
  const target: Target = {
    resource,
    namespace: route.namespace,
    name,
    subresource: route.subresource === "status" ? "status" : undefined
  }
  return yield* onObject(request, target, form)
})
