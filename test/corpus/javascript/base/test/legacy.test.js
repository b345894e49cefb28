import assert from "node:assert/strict"
import { test } from "node:test"

import { roman } from "../src/legacy.js"

test("three is III", () => {
  assert.equal(roman(3), "III")
})
