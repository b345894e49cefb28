import { assert, describe, it } from "@effect/vitest"

import { branchOf, outsidePaths, remoteOf, upstreamOf } from "../../src/decide/source.ts"
import { task } from "../builders.ts"

const of = (payload: object, metadata: object = {}) =>
  task("t", { metadata, spec: { kind: "issue-fix", payload: { branchStrategy: "reset", ...payload } } })

describe("a task's source", () => {
  const workload = { labels: { "foreman.llmkube.dev/workload": "w" } }

  it("its branch is the payload's, else the issue's within its Workload, else its own", () => {
    assert.deepStrictEqual(
      [of({ branch: "b", issue: 1 }), of({ issue: 1 }), of({ issue: 1 }, workload), of({})].map(branchOf),
      ["b", "foreman/issue-1", "foreman/w/issue-1", "foreman/t"]
    )
  })

  it("its remote is the node's, but never another repository on GitHub", () => {
    const { payload } = of({ repo: "acme/demo" }).spec
    assert.deepStrictEqual(
      [
        "/srv/other.git",
        "https://github.com/me/demo.git",
        "https://github.com/me/else.git",
        undefined,
        ""
      ].map((url) => remoteOf(payload, url)),
      [
        "/srv/other.git",
        "https://github.com/me/demo.git",
        "https://github.com/acme/demo.git",
        undefined,
        undefined
      ]
    )
  })

  it("a fork on GitHub takes its base from the repository that the task names, and nothing else does", () => {
    const { payload } = of({ repo: "acme/demo" }).spec
    assert.deepStrictEqual(
      [
        "https://github.com/me/demo.git",
        "git@github.com:me/demo.git",
        "https://github.com/Acme/demo",
        "https://git.example.com/me/demo.git",
        "/srv/me/demo.git"
      ].map((url) => upstreamOf(payload, url)),
      ["https://github.com/acme/demo.git", "git@github.com:acme/demo.git", undefined, undefined, undefined]
    )
    assert.isUndefined(upstreamOf(of({ repo: "Acme/demo" }).spec.payload, "https://github.com/acme/demo.git"))
    assert.isUndefined(upstreamOf(of({}).spec.payload, "https://github.com/me/demo.git"))
  })

  it("paths are globs, and a folder covers what is in it", () => {
    const files = ["README.md", "src/a.ts", "src/deep/b.ts", "test/a.ts"]
    assert.deepStrictEqual(outsidePaths(files, ["src", "*.md"]), ["test/a.ts"])
    assert.deepStrictEqual(outsidePaths(files, ["**/a.ts"]), ["README.md", "src/deep/b.ts"])
    assert.deepStrictEqual(outsidePaths(files, ["src/*"]), ["README.md", "test/a.ts"])
    assert.deepStrictEqual(outsidePaths(files, []), [])
  })
})
