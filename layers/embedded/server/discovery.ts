/** What `kubectl api-resources` and every client's start read: which kinds there are, in the aggregated and the older form. Pure. */
import type { JsonObject, ServedResource } from "../Apiserver.ts"
import { groupVersion } from "../../../schema/Resource.ts"

/** kubectl compares this with its own version, and no kubectl from 1.31 to 1.35 finds it too far away to work with. */
export const serverVersion = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.0+foreman",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`
}

const subresources = (resource: ServedResource) => [
  ...(resource.hasStatus
    ? [{ subresource: "status", kind: resource.kind, verbs: ["get", "patch", "update"] }]
    : []),
  ...(resource.group === "" && resource.plural === "pods"
    ? [{ subresource: "log", kind: resource.kind, verbs: ["get"] }]
    : [])
]

const byGroup = (resources: ReadonlyArray<ServedResource>) =>
  Map.groupBy(resources, (resource) => resource.group)

const versionsOf = (resources: ReadonlyArray<ServedResource>) =>
  Map.groupBy(resources, (resource) => resource.version)

/** apidiscovery.k8s.io/v2, for `/api` (the core group) or `/apis` (all others). */
export const aggregated = (resources: ReadonlyArray<ServedResource>, root: "api" | "apis"): JsonObject => ({
  kind: "APIGroupDiscoveryList",
  apiVersion: "apidiscovery.k8s.io/v2",
  metadata: {},
  items: [...byGroup(resources)]
    .filter(([group]) => (group === "") === (root === "api"))
    .map(([group, members]) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: [...versionsOf(members)].map(([version, kinds]) => ({
        version,
        freshness: "Current",
        resources: kinds.map((resource) => aggregatedResource(resource))
      }))
    }))
})

const aggregatedResource = (resource: ServedResource): JsonObject => {
  const { group, version } = resource
  return {
    resource: resource.plural,
    responseKind: { group, version, kind: resource.kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(subresources(resource).length === 0
      ? {}
      : {
          subresources: subresources(resource).map(({ subresource, kind, verbs }) => ({
            subresource,
            responseKind: { group, version, kind },
            verbs
          }))
        })
  }
}

export const apiVersions: JsonObject = {
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: []
}

export const apiGroupList = (resources: ReadonlyArray<ServedResource>): JsonObject => ({
  kind: "APIGroupList",
  apiVersion: "v1",
  groups: [...byGroup(resources)]
    .filter(([group]) => group !== "")
    .map(([group, members]) => apiGroup(group, members))
})

/** `members` are the group's, at least one. */
export const apiGroup = (group: string, members: ReadonlyArray<ServedResource>): JsonObject => {
  const versions = [...versionsOf(members).keys()].map((version) => ({
    groupVersion: groupVersion({ group, version }),
    version
  }))
  return {
    kind: "APIGroup",
    apiVersion: "v1",
    name: group,
    versions,
    ...(versions[0] === undefined ? {} : { preferredVersion: versions[0] })
  }
}

export const apiResourceList = (
  groupVersion: string,
  members: ReadonlyArray<ServedResource>
): JsonObject => ({
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion,
  resources: members.flatMap((resource) => [
    {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: resource.verbs,
      ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
      ...(resource.categories.length === 0 ? {} : { categories: resource.categories })
    },
    ...subresources(resource).map(({ subresource, kind, verbs }) => ({
      name: `${resource.plural}/${subresource}`,
      singularName: "",
      namespaced: resource.namespaced,
      kind,
      verbs
    }))
  ])
})
