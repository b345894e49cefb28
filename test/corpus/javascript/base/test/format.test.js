import assert from "node:assert/strict"
import { test } from "node:test"

import { format } from "../src/format.js"

test("an amount has two decimals", () => {
  assert.equal(format(5), "0.05")
  assert.equal(format(12345), "123.45")
})

test("a credit has a minus", () => {
  assert.equal(format(-250), "-2.50")
})
