import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import {
  ApiError,
  type Json,
  type JsonObject,
  type ServedResource
} from "../../../../layers/embedded/Apiserver.ts"
import {
  changedPaths,
  fromFieldsV1,
  leavesOf,
  toFieldsV1
} from "../../../../layers/embedded/apiserver/fieldSet.ts"
import { equal } from "../../../../layers/embedded/apiserver/json.ts"
import { jsonPatch } from "../../../../layers/embedded/apiserver/jsonPatch.ts"
import { root } from "../../../../layers/embedded/apiserver/listKind.ts"
import { mergePatch } from "../../../../layers/embedded/apiserver/mergePatch.ts"
import { selects } from "../../../../layers/embedded/apiserver/selectors.ts"
import { strategicMerge } from "../../../../layers/embedded/apiserver/strategicMerge.ts"

describe("RFC 7386, the examples of its appendix", () => {
  it.each<[Json, Json, Json]>([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"]
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }]
  ])("%j with %j is %j", (target, patch, expected) => {
    assert.deepStrictEqual(mergePatch(target, patch), expected)
  })

  it.prop(
    "applying a patch again changes nothing",
    [Schema.Record(Schema.String, Schema.Json)],
    ([patch]) => {
      const once = mergePatch({ kept: 1 }, patch)
      assert.isTrue(equal(mergePatch(once, patch), once))
    }
  )
})

it("a patch cannot change what an object inherits", () => {
  const patch = JSON.parse('{"__proto__": {"status": "forged"}}') as JsonObject
  for (const patched of [mergePatch({ a: 1 }, patch), strategicMerge({ a: 1 }, patch)]) {
    assert.deepStrictEqual([Object.getPrototypeOf(patched), patched], [Object.prototype, { a: 1 }])
  }
})

describe("RFC 6902", () => {
  it.each<[string, Json, ReadonlyArray<JsonObject>, Json]>([
    ["add into an object", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
    ["add before an item", { a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
    ["add behind the last item", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
    ["remove an item", { a: [1, 2] }, [{ op: "remove", path: "/a/0" }], { a: [2] }],
    [
      "replace deep inside",
      { a: { b: [0] } },
      [{ op: "replace", path: "/a/b/0", value: 1 }],
      { a: { b: [1] } }
    ],
    ["move", { a: 1 }, [{ op: "move", from: "/a", path: "/b" }], { b: 1 }],
    ["copy", { a: 1 }, [{ op: "copy", from: "/a", path: "/b" }], { a: 1, b: 1 }],
    ["escaped names", { "x/y~z": 1 }, [{ op: "replace", path: "/x~1y~0z", value: 2 }], { "x/y~z": 2 }],
    ["the whole document", { a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
    ["a test that holds", { a: { b: 1 } }, [{ op: "test", path: "/a", value: { b: 1 } }], { a: { b: 1 } }]
  ])("%s", (_, document, patch, expected) => {
    assert.deepStrictEqual(jsonPatch(document, patch), expected)
  })

  it.each<[string, number, Json]>([
    ["a test that fails", 422, [{ op: "test", path: "/a", value: 2 }]],
    ["removing what is not there", 422, [{ op: "remove", path: "/b" }]],
    ["replacing what is not there", 422, [{ op: "replace", path: "/b", value: 1 }]],
    ["adding below what is not there", 422, [{ op: "add", path: "/b/c", value: 1 }]],
    ["an index beyond the end", 422, [{ op: "add", path: "/l/5", value: 1 }]],
    ["a pointer without a slash", 422, [{ op: "add", path: "b", value: 1 }]],
    ["an operation that nobody knows", 422, [{ op: "frob", path: "/a" }]],
    ["no list", 400, { op: "add", path: "/b", value: 1 }]
  ])("%s is refused with %d", (_, code, patch) => {
    const caught = (() => {
      try {
        return jsonPatch({ a: 1, l: [] }, patch)
      } catch (error) {
        return error
      }
    })()
    assert.strictEqual(caught instanceof ApiError ? caught.code : caught, code)
  })
})

describe("strategic merge", () => {
  const pod = (containers: Json): JsonObject => ({ spec: { containers } })
  const both = [
    { name: "a", image: "1", env: [{ name: "X", value: "1" }], args: ["x"] },
    { name: "b", image: "2" }
  ]

  it.each<[string, JsonObject, JsonObject, JsonObject]>([
    [
      "items merge by their key, inside them too",
      pod(both),
      pod([{ name: "a", env: [{ name: "Y", value: "2" }] }]),
      pod([
        {
          name: "a",
          image: "1",
          env: [
            { name: "X", value: "1" },
            { name: "Y", value: "2" }
          ],
          args: ["x"]
        },
        { name: "b", image: "2" }
      ])
    ],
    ["an item can be deleted", pod(both), pod([{ name: "a", $patch: "delete" }]), pod([both[1] ?? {}])],
    ["a list can be replaced", pod(both), pod([{ $patch: "replace" }, { name: "c" }]), pod([{ name: "c" }])],
    [
      "plain lists are replaced",
      pod(both),
      pod([{ name: "a", args: ["y"], env: null }]),
      pod([{ name: "a", image: "1", args: ["y"] }, both[1] ?? {}])
    ],
    [
      "kubectl edit says the order",
      pod(both),
      { spec: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] } },
      pod(both.toReversed())
    ],
    [
      "finalizers are a set, and one can be taken out",
      { metadata: { finalizers: ["a", "b"] } },
      { metadata: { finalizers: ["c"], "$deleteFromPrimitiveList/finalizers": ["a"] } },
      { metadata: { finalizers: ["b", "c"] } }
    ]
  ])("%s", (_, live, patch, expected) => {
    assert.deepStrictEqual(strategicMerge(live, patch), expected)
  })
})

describe("field sets", () => {
  it.prop("FieldsV1 and back is the same set", [Schema.Record(Schema.String, Schema.Json)], ([object]) => {
    const clean = JSON.parse(JSON.stringify(object).replaceAll("\\u0000", "")) as JsonObject
    const paths = new Set(leavesOf({ spec: clean }, root(undefined)).keys())
    assert.deepStrictEqual([...fromFieldsV1(toFieldsV1(paths))].sort(), [...paths].sort())
  })

  it("a change is a leaf, and an item of a map list has its key for a name", () => {
    const leaves = (image: string) =>
      leavesOf({ spec: { containers: [{ name: "a", image }], tags: ["x"] } }, root(undefined))
    assert.deepStrictEqual(toFieldsV1(leaves("1").keys()), {
      "f:spec": {
        "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:image": {} } },
        "f:tags": {}
      }
    })
    assert.deepStrictEqual(toFieldsV1(changedPaths(leaves("1"), leaves("2"))), {
      "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:image": {} } } }
    })
  })
})

describe("selectors", () => {
  const resource: ServedResource = {
    group: "",
    version: "v1",
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    shortNames: [],
    categories: [],
    namespaced: true,
    hasStatus: true,
    schema: undefined,
    columns: [],
    selectableFields: [".status.phase"],
    verbs: []
  }
  const object: JsonObject = {
    metadata: { name: "p", namespace: "n", labels: { app: "web", tier: "1", "x.io/y": "" } },
    status: { phase: "Running" }
  }

  it.each<[string, boolean]>([
    ["app=web", true],
    ["app==web", true],
    ["app = web", true],
    ["app!=web", false],
    ["none!=web", true],
    ["app in (web, api)", true],
    ["app notin (web)", false],
    ["none notin (web)", true],
    ["app", true],
    ["!app", false],
    ["!none", true],
    ["tier>0", true],
    ["tier<1", false],
    ["x.io/y=", true],
    ["app=web,tier in (1,2),!none", true],
    ["app=web,tier in (2,3)", false]
  ])("label selector %s is %s", (labelSelector, expected) => {
    assert.strictEqual(selects({ resource, labelSelector })(object), expected)
  })

  it.each<[string, boolean]>([
    ["metadata.name=p", true],
    ["metadata.namespace!=n", false],
    ["status.phase=Running,metadata.name=p", true],
    ["status.phase!=Running", false]
  ])("field selector %s is %s", (fieldSelector, expected) => {
    assert.strictEqual(selects({ resource, fieldSelector })(object), expected)
  })

  it.each<[string, object]>([
    ["field label not supported: spec.x", { fieldSelector: "spec.x=1" }],
    ["invalid selector: 'phase'; can't understand 'phase'", { fieldSelector: "phase" }],
    ['unable to parse requirement: "a b" is no label requirement', { labelSelector: "a b" }]
  ])("refuses: %s", (message, selection) => {
    assert.throws(() => selects({ resource, ...selection }), message)
  })
})
