import { assert, describe, it } from "@effect/vitest"

import { isExcluding } from "../../../src/gate/weakened/buildConstraint.ts"

describe("a build constraint of Go", () => {
  it.each([
    ["//go:build integration", true],
    ["//go:build ignore", true],
    ["//go:build linux && e2e", true],
    ["//go:build !(linux || e2e) && e2e", true],
    ["// +build integration", true],
    ["// +build linux,slow", true],
    ["//go:build !tinygo", false],
    ["//go:build !race && go1.20", false],
    ["//go:build windows", false],
    ["//go:build !windows", false],
    ["//go:build (darwin || linux) && !appengine", false],
    ["// +build !appengine slow", false],
    ["//go:build ((((", false],
    ["// a comment", false]
  ])("%s keeps its tests out of a plain go test: %s", (comment, expected) =>
    assert.strictEqual(isExcluding(comment), expected)
  )
})
