import { assert, describe, it } from "@effect/vitest"

import { formatAge, formatSpan } from "../../../../layers/embedded/server/age.ts"
import type { JsonObject, ServedResource } from "../../../../layers/embedded/Apiserver.ts"
import { columnsOf } from "../../../../layers/embedded/server/columns.ts"
import { find } from "../../../../layers/embedded/server/jsonPath.ts"
import { showEvent, showList, showObject, type View } from "../../../../layers/embedded/server/table.ts"

const resource = (more: Partial<ServedResource>): ServedResource => ({
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
  selectableFields: [],
  verbs: ["get"],
  ...more
})

const at = (time: string) => Date.parse(time)
const now = at("2026-01-01T01:00:00Z")
const created = "2026-01-01T00:00:00Z"

const cells = (served: ServedResource, object: JsonObject) =>
  columnsOf(served)
    .filter((column) => (column.priority ?? 0) === 0)
    .map((column) => column.cell(object, now))

describe("formatSpan", () => {
  it.each([
    [-5, "<invalid>"],
    [-1.5, "0s"],
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [130, "2m10s"],
    [10 * 60 + 5, "10m"],
    [179 * 60, "179m"],
    [3 * 3_600, "3h"],
    [3 * 3_600 + 60, "3h1m"],
    [8 * 3_600 + 60, "8h"],
    [47 * 3_600, "47h"],
    [49 * 3_600, "2d1h"],
    [8 * 86_400 + 3_600, "8d"],
    [729 * 86_400, "729d"],
    [735 * 86_400, "2y5d"],
    [9 * 365 * 86_400, "9y"]
  ])("shows %d seconds as %s", (seconds, text) => assert.strictEqual(formatSpan(seconds * 1_000), text))

  it("shows what is no time as unknown", () => {
    assert.deepStrictEqual(
      [undefined, "soon", 3].map((time) => formatAge(time, now)),
      ["<unknown>", "<unknown>", "<unknown>"]
    )
  })
})

describe("find", () => {
  const object = {
    a: {
      b: [
        { n: "x", v: 1 },
        { n: "y", v: 2 }
      ],
      "c.d": true
    },
    conditions: [
      { type: "Ready", status: "False" },
      { type: "Validated", status: "True" }
    ]
  }
  it.each([
    [".a.b[0].n", ["x"]],
    [".a.b[-1].v", [2]],
    [".a.b[*].v", [1, 2]],
    [".a.c\\.d", [true]],
    [".a['c.d']", [true]],
    ["{.a.b[1].n}", ["y"]],
    [".conditions[?(@.type=='Validated')].status", ["True"]],
    ['.conditions[?(@.type == "Ready")].status', ["False"]],
    [".conditions[?(@.type!='Ready')].type", ["Validated"]],
    [".a.b[?(@.v==2)].n", ["y"]],
    [".a.missing.deeper", []],
    [".toString", []],
    [".a[", []],
    ["a..b", []]
  ])("%s", (path, found) => assert.deepStrictEqual(find(path, object), found))
})

describe("columnsOf", () => {
  it("shows a CRD's own columns by their type, and leaves out what is not there or not of it", () => {
    const agents = resource({
      group: "foreman.llmkube.dev",
      plural: "agents",
      columns: [
        { name: "Validated", type: "string", jsonPath: ".status.conditions[?(@.type=='Validated')].status" },
        { name: "Turns", type: "integer", jsonPath: ".spec.maxTurns" },
        { name: "Wrong", type: "integer", jsonPath: ".spec.role" },
        { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
      ]
    })
    const object = {
      metadata: { name: "coder", creationTimestamp: created },
      spec: { maxTurns: 50, role: "coder" },
      status: { conditions: [{ type: "Validated", status: "True" }] }
    }
    assert.deepStrictEqual(cells(agents, object), ["coder", "True", 50, null, "60m"])
    assert.deepStrictEqual(cells(agents, { metadata: { name: "new" } }), ["new", null, null, null, null])
  })

  it.each([
    {
      rule: "running",
      status: {
        phase: "Running",
        containerStatuses: [{ ready: true, restartCount: 2, state: { running: {} } }]
      },
      row: ["p", "1/2", "Running", "2", "60m"]
    },
    {
      rule: "waiting for what cannot come",
      status: {
        phase: "Pending",
        containerStatuses: [
          { ready: false, restartCount: 0, state: { waiting: { reason: "ImagePullBackOff" } } }
        ]
      },
      row: ["p", "0/2", "ImagePullBackOff", "0", "60m"]
    },
    {
      rule: "ended in an error",
      status: {
        phase: "Failed",
        containerStatuses: [{ ready: false, restartCount: 0, state: { terminated: { reason: "OOMKilled" } } }]
      },
      row: ["p", "0/2", "OOMKilled", "0", "60m"]
    },
    {
      rule: "ended well",
      status: {
        phase: "Succeeded",
        containerStatuses: [{ ready: false, restartCount: 0, state: { terminated: { reason: "Completed" } } }]
      },
      row: ["p", "0/2", "Completed", "0", "60m"]
    },
    {
      rule: "evicted",
      status: { phase: "Failed", reason: "Evicted" },
      row: ["p", "0/2", "Evicted", "0", "60m"]
    }
  ])("shows a pod that is $rule", ({ status, row }) => {
    const pod = {
      metadata: { name: "p", creationTimestamp: created },
      spec: { containers: [{}, {}] },
      status
    }
    assert.deepStrictEqual(cells(resource({}), pod), row)
  })

  it("shows a pod that is being deleted, whatever its phase", () => {
    const pod = {
      metadata: { name: "p", creationTimestamp: created, deletionTimestamp: created },
      status: { phase: "Running" }
    }
    assert.strictEqual(cells(resource({}), pod)[2], "Terminating")
  })

  it.each([
    {
      rule: "runs",
      status: { startTime: "2026-01-01T00:59:00Z" },
      row: ["j", "Running", "0/1", "60s", "60m"]
    },
    {
      rule: "is complete",
      status: {
        startTime: created,
        completionTime: "2026-01-01T00:00:09Z",
        succeeded: 1,
        conditions: [{ type: "Complete", status: "True" }]
      },
      row: ["j", "Complete", "1/1", "9s", "60m"]
    },
    {
      rule: "failed",
      status: {
        startTime: created,
        conditions: [{ type: "Failed", status: "True", lastTransitionTime: "2026-01-01T00:00:05Z" }]
      },
      row: ["j", "Failed", "0/1", "5s", "60m"]
    }
  ])("shows a Job that $rule", ({ status, row }) => {
    const job = { metadata: { name: "j", creationTimestamp: created }, spec: { completions: 1 }, status }
    assert.deepStrictEqual(cells(resource({ group: "batch", plural: "jobs" }), job), row)
  })
})

describe("the forms of an answer", () => {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", resourceVersion: "7" },
    data: { token: "eA==" }
  }
  const view = (as: View["form"]["as"], includeObject: View["includeObject"] = "Metadata"): View => ({
    resource: resource({ kind: "Secret", plural: "secrets" }),
    form: { as, group: "meta.k8s.io", version: "v1" },
    includeObject,
    now
  })
  const partial = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: secret.metadata }

  it("carry of a row's object what was asked for, so that a table of secrets holds none", () => {
    const objects = (["Metadata", "None", "Object"] as const).map((include) => {
      const table = showObject(view("Table", include), secret)
      return (table["rows"] as ReadonlyArray<JsonObject>)[0]?.["object"]
    })
    assert.deepStrictEqual(objects, [partial, undefined, secret])
  })

  it("are a list of bare metadata", () => {
    const list = { items: [secret], resourceVersion: "9", continue: "next", remainingItemCount: 3 }
    assert.deepStrictEqual(showList(view("PartialObjectMetadata"), list), {
      kind: "PartialObjectMetadataList",
      apiVersion: "meta.k8s.io/v1",
      metadata: { resourceVersion: "9", continue: "next", remainingItemCount: 3 },
      items: [partial]
    })
  })

  it("leave the Status of an ERROR event as it is", () => {
    const event = { type: "ERROR", object: { kind: "Status", code: 410 } } as const
    assert.deepStrictEqual(showEvent(view("Table"), event, true), event)
  })
})
