/** Today's CRDs beside those of releases: objects that were stored under an older schema must stay valid and whole under the newer one. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { parse } from "yaml"

const root = join(import.meta.dirname, "..", "..")
const archive = join(import.meta.dirname, "v0.1.0", "charts-and-crds.tar.gz")
const tar = (...args: ReadonlyArray<string>) => execFileSync("tar", args, { encoding: "utf8" })
const crds = tar("-tzf", archive)
  .split("\n")
  .filter((path) => /^crds\/.*\.yaml$/u.test(path))

/** What an object that is valid under `before` would lose, or be refused for, under `after`. */
const losses = (before: any, after: any, path: string): ReadonlyArray<string> => {
  if (after === undefined) return [`${path} is gone`]
  const child = (name: string, old: unknown, now: unknown) => ({ name, old, now })
  const children = [
    ...Object.entries(before.properties ?? {}).map(([name, old]) =>
      child(name, old, after.properties?.[name])
    ),
    ...(before.items === undefined ? [] : [child("[]", before.items, after.items)]),
    ...(typeof before.additionalProperties === "object"
      ? [child("*", before.additionalProperties, after.additionalProperties)]
      : [])
  ]
  return [
    ...(before.type === after.type ? [] : [`${path} was ${before.type}, is ${after.type}`]),
    ...(after.required ?? [])
      .filter((name: string) => !(before.required ?? []).includes(name))
      .map((name: string) => `${path}.${name} is required now`),
    ...(before.enum === undefined ? [] : before.enum)
      .filter((value: unknown) => after.enum !== undefined && !after.enum.includes(value))
      .map((value: unknown) => `${path} may not be ${JSON.stringify(value)} any more`),
    ...children.flatMap(({ name, old, now }) => losses(old, now, `${path}.${name}`))
  ]
}

describe("a schema", () => {
  it("loses a field that is gone, of another type, newly required or narrower", () => {
    const before = { properties: { a: { type: "string", enum: ["x", "y"] }, b: { type: "string" } } }
    const after = { required: ["c"], properties: { a: { type: "integer", enum: ["x"] } } }
    assert.sameMembers(
      [...losses(before, after, "")],
      [".c is required now", ".a was string, is integer", '.a may not be "y" any more', ".b is gone"]
    )
    assert.deepStrictEqual(losses(before, before, ""), [])
  })
})

describe("the CRDs of 0.1.0", () => {
  it("are all there", () => assert.strictEqual(crds.length, 8))

  it.each(crds)("%s describes no object that today's refuses or cuts", (path) => {
    const before = parse(tar("-xzOf", archive, path))
    const after = parse(readFileSync(join(root, path), "utf8"))
    assert.deepStrictEqual(after.spec.names, before.spec.names)
    assert.strictEqual(after.spec.scope, before.spec.scope)
    for (const { name, schema } of before.spec.versions) {
      const now = after.spec.versions.find((version: any) => version.name === name)
      assert.isTrue(now?.served, `${name} is not served any more`)
      assert.deepStrictEqual(losses(schema.openAPIV3Schema, now.schema.openAPIV3Schema, name), [])
    }
  })
})
