import { assert, describe, it } from "@effect/vitest"

import { reasonOf } from "../../../layers/kube/status.ts"

describe("a metav1.Status becomes one reason", () => {
  it.each([
    [400, "BadRequest", "Invalid"],
    [401, "Unauthorized", "Unauthorized"],
    [403, "Forbidden", "Forbidden"],
    [404, "NotFound", "NotFound"],
    [409, "AlreadyExists", "AlreadyExists"],
    [409, "Conflict", "Conflict"],
    [410, "Expired", "Gone"],
    [413, "RequestEntityTooLarge", "Invalid"],
    [415, "UnsupportedMediaType", "Invalid"],
    [422, "Invalid", "Invalid"],
    [429, "TooManyRequests", "TooManyRequests"],
    [500, "InternalError", "Unavailable"],
    [502, undefined, "Unavailable"],
    [504, "Timeout", "Unavailable"]
  ])("%d %s is %s", (code, reason, tag) => {
    const answer = reasonOf({ code, reason, message: "why" })
    assert.deepStrictEqual([answer._tag, answer.message], [tag, "why"])
  })

  it("keeps how long the server asks to wait", () => {
    const answer = reasonOf({ code: 429, message: "busy", retryAfterSeconds: 7 })
    assert.deepStrictEqual(answer._tag === "TooManyRequests" && answer.retryAfterSeconds, 7)
  })
})
