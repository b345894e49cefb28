import { assert, describe, it } from "@effect/vitest"

import { reasonOf, reasonOfStatus } from "../../../layers/kube/status.ts"

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
    const answer = reasonOfStatus({ code, reason, message: "why" })
    assert.deepStrictEqual([answer._tag, answer.message], [tag, "why"])
  })

  const told = (answer: Parameters<typeof reasonOf>[0]) => {
    const reason = reasonOf(answer)
    return [reason._tag, reason.message, "retryAfterSeconds" in reason ? reason.retryAfterSeconds : undefined]
  }

  it.each([
    [
      "a Status is read",
      { status: 409, body: '{"kind":"Status","reason":"AlreadyExists","message":"x already exists"}' },
      ["AlreadyExists", "x already exists", undefined]
    ],
    [
      "a proxy's page is quoted",
      { status: 502, body: "<html>bad gateway</html>\n" },
      ["Unavailable", "HTTP 502: <html>bad gateway</html>", undefined]
    ],
    ["an empty body leaves the code", { status: 404, body: "" }, ["NotFound", "HTTP 404", undefined]],
    [
      "the header says how long to wait",
      { status: 429, body: "", retryAfter: "7" },
      ["TooManyRequests", "HTTP 429", 7]
    ],
    [
      "the body's wait is nearer to the server than a header",
      { status: 503, body: '{"message":"busy","details":{"retryAfterSeconds":2}}', retryAfter: "7" },
      ["Unavailable", "busy", 2]
    ]
  ] as const)("%s", (_, answer, expected) => {
    assert.deepStrictEqual(told(answer), [...expected])
  })
})
