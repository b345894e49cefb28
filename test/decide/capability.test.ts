import { assert, describe, it } from "@effect/vitest"

import { clampInt32, parseLabels, sanitizeName, splitCSV } from "../../src/decide/capability.ts"

describe("flags become a FleetNode", () => {
  it.each([
    [-1, 0],
    [0, 0],
    [7.9, 7],
    [2_147_483_647, 2_147_483_647],
    [2 ** 40, 2_147_483_647],
    [Number.NaN, 0]
  ])("clampInt32(%s) is %s", (value, expected) => assert.strictEqual(clampInt32(value), expected))

  it.each([
    ["M5-Max.local", "m5-max-local"],
    ["a  b__c", "a-b-c"],
    ["--x--", "x"],
    ["", "fleetnode"],
    ["éé", "fleetnode"],
    [`${"a".repeat(62)}-b`, "a".repeat(62)]
  ])("sanitizeName(%s) is %s", (name, expected) => assert.strictEqual(sanitizeName(name), expected))

  it("splitCSV: nothing but separators is absent", () => {
    assert.deepStrictEqual(
      [splitCSV(""), splitCSV(",,"), splitCSV(" a , ,b")],
      [undefined, undefined, ["a", "b"]]
    )
  })

  it("parseLabels: a part without a key is a mistake", () => {
    assert.deepStrictEqual(parseLabels("a=1,b=x=y"), { a: "1", b: "x=y" })
    assert.deepStrictEqual(parseLabels(""), {})
    assert.isUndefined(parseLabels("a"))
  })
})
