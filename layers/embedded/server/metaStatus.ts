/** Failures and successes as metav1.Status, the shape that every Kubernetes client reads. */
import { ApiError, type JsonObject } from "../Apiserver.ts"

export const failure = (error: ApiError): JsonObject => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message: error.message,
  ...(error.reason === "" ? {} : { reason: error.reason }),
  ...(error.details === undefined ? {} : { details: error.details }),
  code: error.code
})

export const success = (details: JsonObject): JsonObject => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  details
})

const make = (code: number, reason: string) => (message: string) => new ApiError({ code, reason, message })

export const unauthorized = make(401, "Unauthorized")
const methodNotAllowed = make(405, "MethodNotAllowed")
export const notAcceptable = make(406, "NotAcceptable")
export const tooLarge = make(413, "RequestEntityTooLarge")
export const internal = make(500, "InternalError")
/** Soon again: what clients read from `Retry-After`. */
export const unavailable = (message: string) =>
  new ApiError({ code: 503, reason: "ServiceUnavailable", message, details: { retryAfterSeconds: 1 } })

export const wrongMethod = (method: string) =>
  methodNotAllowed(`the server does not allow this method on the requested resource: ${method}`)
