/**
 * OpenAPI v3 of the served kinds: what `kubectl explain` prints, and where `kubectl apply` and `create` learn that the server
 * validates fields and knows dry runs. Only what they read is here; the documents are not for code generators. Pure.
 */
import { createHash } from "node:crypto"

import type { JsonObject, ServedResource } from "../Apiserver.ts"
import { objectAt } from "../apiserver/json.ts"

const documentPath = (group: string, version: string): string =>
  group === "" ? `api/${version}` : `apis/${group}/${version}`

/** One entry for each group and version. The hash lets a client keep a document until the kinds change. */
export const index = (resources: ReadonlyArray<ServedResource>): JsonObject => ({
  paths: Object.fromEntries(
    [...Map.groupBy(resources, ({ group, version }) => documentPath(group, version))].map(
      ([path, members]) => {
        const hash = createHash("sha256").update(JSON.stringify(members)).digest("hex").slice(0, 32)
        return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]
      }
    )
  )
})

/** The document of one group and version; `members` are its kinds. */
export const document = (members: ReadonlyArray<ServedResource>): JsonObject => ({
  openapi: "3.0.0",
  info: { title: "Foreman embedded cluster", version: "v1" },
  paths: Object.assign({}, ...members.map((resource) => pathsOf(resource))),
  components: {
    schemas: Object.fromEntries(members.map((resource) => [schemaName(resource), schemaOf(resource)]))
  }
})

const schemaName = ({ group, version, kind }: ServedResource): string =>
  [...(group === "" ? ["core"] : group.split(".").toReversed()), version, kind].join(".")

const gvk = ({ group, version, kind }: ServedResource): JsonObject => ({ group, version, kind })

const metaFields: JsonObject = {
  apiVersion: { type: "string", description: "Group and version of the kind." },
  kind: { type: "string", description: "Name of the kind." },
  metadata: { type: "object", description: "Name, namespace, labels, annotations and what the server keeps." }
}

const schemaOf = (resource: ServedResource): JsonObject => {
  const schema: JsonObject = resource.schema ?? {
    type: "object",
    description: `${resource.kind} is a built-in kind of Kubernetes.`,
    "x-kubernetes-preserve-unknown-fields": true
  }
  return {
    ...schema,
    // Ours last: a kind's own `metadata: {type: object}` says less.
    properties: { ...objectAt(schema, "properties"), ...metaFields },
    "x-kubernetes-group-version-kind": [gvk(resource)]
  }
}

const queryParameters = (...names: ReadonlyArray<string>) =>
  names.map((name) => ({ name, in: "query", schema: { type: "string" } }))

const pathsOf = (resource: ServedResource): JsonObject => {
  const collection = `/${documentPath(resource.group, resource.version)}/${
    resource.namespaced ? "namespaces/{namespace}/" : ""
  }${resource.plural}`
  const body = {
    content: { "application/json": { schema: { $ref: `#/components/schemas/${schemaName(resource)}` } } }
  }
  const operation = (action: string, verb: string, parameters: ReadonlyArray<string>) =>
    resource.verbs.includes(verb)
      ? {
          [action]: {
            "x-kubernetes-action": verb,
            "x-kubernetes-group-version-kind": gvk(resource),
            parameters: queryParameters(...parameters),
            ...(["post", "put"].includes(action) ? { requestBody: body } : {}),
            responses: { "200": { description: "OK", ...body } }
          }
        }
      : {}
  const writing = ["dryRun", "fieldManager", "fieldValidation"]
  return {
    [collection]: {
      ...operation("get", "list", ["labelSelector", "fieldSelector", "limit", "continue", "watch"]),
      ...operation("post", "create", writing)
    },
    [`${collection}/{name}`]: {
      ...operation("get", "get", []),
      ...operation("put", "update", writing),
      ...operation("patch", "patch", [...writing, "force"]),
      ...operation("delete", "delete", ["dryRun", "gracePeriodSeconds", "propagationPolicy"])
    }
  }
}
