/** Who may approve (design §3.15): what the chart's ValidatingAdmissionPolicy asks of a real API server. Pure. */
import { agenticTasks } from "../../../schema/AgenticTask.ts"
import { groupResource } from "../../../schema/Resource.ts"
import type { JsonObject, ServedResource } from "../Apiserver.ts"
import { forbidden } from "./errors.ts"
import { equal, isObject, listAt, nameOf, objectAt, textAt } from "./json.ts"

/** User names of those whose tokens the server knows. */
export const users = {
  /** Whoever holds the token of the kubeconfig. */
  owner: "foreman-admin",
  /** The operator, the node and the pods of the same `foreman up`. */
  own: "system:foreman"
} as const

const approvalsOf = (object: JsonObject | undefined) => listAt(objectAt(object ?? {}, "spec"), "approvals")

/**
 * Throws ApiError 403 when a write adds or changes an approval that is not the user's own, or is one of Foreman's own clients.
 * Without a user nothing is asked: that is a caller inside the process.
 */
export const checkApprovals = (
  resource: ServedResource,
  user: string | undefined,
  before: JsonObject | undefined,
  after: JsonObject
): void => {
  if (user === undefined || groupResource(resource) !== groupResource(agenticTasks)) return
  const known = approvalsOf(before)
  for (const [index, approval] of approvalsOf(after).entries()) {
    if (known.some((each) => equal(each, approval))) continue
    const field = `spec.approvals[${index}]`
    if (user === users.own) {
      throw forbidden(resource, nameOf(after), `${field}: Foreman's own clients may not approve`)
    }
    if (!isObject(approval) || textAt(approval, "by") !== user) {
      throw forbidden(resource, nameOf(after), `${field}.by: must be ${user}, who writes it`)
    }
  }
}
