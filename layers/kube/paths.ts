/** URLs of the Kubernetes API. */
import type { ObjectRef } from "../../schema/Meta.ts"
import { groupResource, groupVersion, type KubeObject, type Resource } from "../../schema/Resource.ts"

type Kind = Omit<Resource<KubeObject>, "schema">
type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** The collection of a kind; without a namespace, in all namespaces. */
export const collectionPath = (resource: Kind, namespace: string | undefined): string => {
  const root = resource.group === "" ? "/api" : "/apis"
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ""
  return `${root}/${groupVersion(resource)}${scope}/${resource.plural}`
}

export const objectPath = (resource: Kind, ref: ObjectRef, subresource?: string): string =>
  `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}${subresource ? `/${subresource}` : ""}`

/** Leaves out what is undefined or empty. */
export const withQuery = (path: string, query: Query): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") search.set(name, String(value))
  }
  const text = search.toString()
  return text === "" ? path : `${path}?${text}`
}

/** `patch agentictasks.foreman.llmkube.dev/status default/t1`: what was tried, for errors and logs. */
export const operation = (verb: string, resource: Kind, subject: string, subresource?: string): string =>
  `${verb} ${groupResource(resource)}${subresource ? `/${subresource}` : ""}${subject === "" ? "" : ` ${subject}`}`
