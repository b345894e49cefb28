import assert from "node:assert/strict"
import { test } from "node:test"

import { sum, tax } from "../src/sum.js"

test("an empty invoice is free", () => {
  assert.equal(sum([]), 0)
})

test("each line counts as often as it says", () => {
  assert.equal(sum([{ cents: 250, count: 2 }, { cents: 99, count: 1 }]), 599)
})

test("tax is rounded to whole cents", () => {
  assert.equal(tax(1050, 19), 200)
})
