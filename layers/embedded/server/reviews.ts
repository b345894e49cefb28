/** The kinds that are asked but never stored: may I, who am I. Whoever holds a token may do everything but approve as somebody else. Pure. */
import type { JsonObject, ServedResource } from "../Apiserver.ts"
import { users } from "../apiserver/approvalRules.ts"

const virtual = (group: string, kind: string): ServedResource => ({
  group,
  version: "v1",
  kind,
  plural: `${kind.toLowerCase()}s`,
  singular: kind.toLowerCase(),
  shortNames: [],
  categories: [],
  namespaced: false,
  hasStatus: false,
  schema: undefined,
  columns: [],
  selectableFields: [],
  verbs: ["create"]
})

export const reviewResources: ReadonlyArray<ServedResource> = [
  virtual("authorization.k8s.io", "SelfSubjectAccessReview"),
  virtual("authorization.k8s.io", "SelfSubjectRulesReview"),
  virtual("authentication.k8s.io", "SelfSubjectReview")
]

const statuses = (username: string): Readonly<Record<string, JsonObject>> => ({
  SelfSubjectAccessReview: { allowed: true, reason: "the token is the administrator's" },
  SelfSubjectRulesReview: {
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    incomplete: false
  },
  SelfSubjectReview: { userInfo: { username, groups: ["system:masters", "system:authenticated"] } }
})

/** Undefined for a kind that is stored. */
export const review = (
  resource: ServedResource,
  body: JsonObject,
  user: string = users.owner
): JsonObject | undefined =>
  reviewResources.includes(resource)
    ? {
        ...body,
        kind: resource.kind,
        apiVersion: `${resource.group}/${resource.version}`,
        metadata: {},
        status: statuses(user)[resource.kind] ?? {}
      }
    : undefined
