import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"

import type {
  ApiEvent,
  Apiserver,
  JsonObject,
  PatchType,
  ServedResource
} from "../../../../layers/embedded/Apiserver.ts"
import { make } from "../../../../layers/embedded/apiserver/EmbeddedApiserver.ts"
import { objectAt } from "../../../../layers/embedded/apiserver/json.ts"
import { open } from "../../../../layers/embedded/apiserver/Store.ts"
import { foremanResources, toCrd } from "../../../../schema/Crd.ts"

type Server = Apiserver["Service"]

const customResources = foremanResources.map(toCrd)
const memory = make({ path: ":memory:", customResources })

const served = (server: Server, plural: string) =>
  Effect.map(server.resources, (all) => {
    const found = all.find((resource) => resource.plural === plural)
    if (found === undefined) throw new Error(`${plural} is not served`)
    return found
  })

const names = (server: Server, resource: ServedResource) =>
  Effect.map(server.list({ resource }), ({ items }) =>
    items.map((item) => objectAt(item, "metadata")["name"])
  )

const configMap = (name: string, more: JsonObject = {}): JsonObject => ({ metadata: { name }, ...more })
const merge = (body: JsonObject) => ({ type: "application/merge-patch+json" as PatchType, body })
const apply = (body: JsonObject) => ({ type: "application/apply-patch+yaml" as PatchType, body })
const told = ({ object, type }: ApiEvent) =>
  `${type} ${String(objectAt(object, "metadata")["name"] ?? "")}`.trim()

const widgets = (spec: JsonObject = {}): JsonObject => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    names: { kind: "Widget", plural: "widgets" },
    scope: "Namespaced",
    versions: ["v1", "v2"].map((name) => ({
      name,
      served: true,
      storage: name === "v1",
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: { spec: { type: "object", properties: { size: { type: "integer" } } } }
        }
      }
    })),
    ...spec
  }
})

describe("field validation of custom resources", () => {
  const body = (name: string): JsonObject => ({
    metadata: { name },
    spec: { kind: "freeform", payload: {}, x: 1 }
  })

  it.effect("Strict refuses unknown fields, Warn tells, Ignore prunes in silence", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "agenticTasks".toLowerCase())
      const create = (name: string, fieldValidation?: "Strict" | "Warn" | "Ignore") =>
        apiserver.create({
          resource,
          namespace: "default",
          body: body(name),
          ...(fieldValidation === undefined ? {} : { fieldValidation })
        })
      const refused = yield* Effect.flip(create("a", "Strict"))
      assert.deepStrictEqual(
        [refused.code, refused.reason, refused.message],
        [
          400,
          "BadRequest",
          'AgenticTask in version "v1alpha1" cannot be handled as a AgenticTask: strict decoding error: unknown field "spec.x"'
        ]
      )
      assert.deepStrictEqual((yield* create("b", "Warn")).warnings, ['unknown field "spec.x"'])
      assert.deepStrictEqual((yield* create("c", "Ignore")).warnings, [])
      const stored = yield* apiserver.get({ resource, namespace: "default", name: "b" })
      assert.deepStrictEqual(stored["spec"], { kind: "freeform", payload: { branchStrategy: "reset" } })
      const target = { resource, namespace: "default", name: "b" }
      const patched = yield* Effect.flip(
        apiserver.patch(target, merge({ spec: { y: 1 } }), { fieldValidation: "Strict" })
      )
      assert.deepStrictEqual([patched.code, patched.message.includes('unknown field "spec.y"')], [422, true])
    })
  )

  it.effect("an invalid object names its causes for programs", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "agentictasks")
      const refused = yield* Effect.flip(
        apiserver.create({
          resource,
          namespace: "default",
          body: { metadata: { name: "t" }, spec: { kind: "freeform", payload: {}, timeoutSeconds: -1 } }
        })
      )
      assert.deepStrictEqual(refused.details, {
        name: "t",
        group: "foreman.llmkube.dev",
        kind: "AgenticTask",
        causes: [
          {
            reason: "FieldValueInvalid",
            field: "spec.timeoutSeconds",
            message: "Invalid value: -1: spec.timeoutSeconds in body should be greater than or equal to 0"
          }
        ]
      })
    })
  )

  it.effect("a dry run answers as the write would, and writes nothing", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const before = yield* apiserver.revision
      const { created, object } = yield* apiserver.create({
        resource,
        namespace: "default",
        body: configMap("c"),
        dryRun: true
      })
      assert.deepStrictEqual([created, objectAt(object, "metadata")["name"]], [true, "c"])
      assert.deepStrictEqual([yield* names(apiserver, resource), yield* apiserver.revision], [[], before])
    })
  )

  it.effect("a custom resource is not replaced without a version", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "agentictasks")
      const task = { metadata: { name: "t" }, spec: { kind: "freeform", payload: {} } }
      yield* apiserver.create({ resource, namespace: "default", body: task })
      const target = { resource, namespace: "default", name: "t" }
      const refused = yield* Effect.flip(apiserver.replace(target, task, {}))
      assert.deepStrictEqual(
        [refused.code, refused.message],
        [
          422,
          'agentictasks.foreman.llmkube.dev "t" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
        ]
      )
    })
  )
})

describe("pages", () => {
  it.effect("show the moment of the first, whatever is written between", () =>
    Effect.gen(function* () {
      const { apiserver, compact } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const target = (name: string) => ({ resource, namespace: "default", name })
      for (const name of ["a", "b", "c", "d", "e"]) {
        yield* apiserver.create({
          resource,
          namespace: "default",
          body: configMap(name, { data: { v: "1" } })
        })
      }
      const first = yield* apiserver.list({ resource, limit: 2 })
      yield* apiserver.delete(target("c"), {})
      yield* apiserver.patch(target("d"), merge({ data: { v: "2" } }), {})
      yield* apiserver.create({ resource, namespace: "default", body: configMap("cc") })
      const second = yield* apiserver.list({ resource, limit: 9, continue: first.continue ?? "" })
      const shown = [...first.items, ...second.items].map((item) => [
        objectAt(item, "metadata")["name"],
        objectAt(item, "data")["v"]
      ])
      assert.deepStrictEqual(shown, [
        ["a", "1"],
        ["b", "1"],
        ["c", "1"],
        ["d", "1"],
        ["e", "1"]
      ])
      assert.deepStrictEqual(
        [first.remainingItemCount, second.continue, second.resourceVersion],
        [3, undefined, first.resourceVersion]
      )
      yield* compact
      const expired = yield* Effect.flip(apiserver.list({ resource, continue: first.continue ?? "" }))
      assert.deepStrictEqual([expired.code, expired.reason], [410, "Expired"])
      const ahead = yield* Effect.flip(apiserver.list({ resource, resourceVersion: "99999" }))
      assert.strictEqual(ahead.code, 504)
    })
  )
})

describe("watches", () => {
  it.effect("a WatchList sends what is there, says that this was all, then goes on", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      yield* apiserver.create({ resource, namespace: "default", body: configMap("a") })
      const watching = yield* apiserver
        .watch({ resource, sendInitialEvents: true, allowWatchBookmarks: true })
        .pipe(Stream.take(3), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      yield* apiserver.create({ resource, namespace: "default", body: configMap("b") })
      const events = yield* Fiber.join(watching)
      assert.deepStrictEqual(events.map(told), ["ADDED a", "BOOKMARK", "ADDED b"])
      const bookmark = events[1]?.object ?? {}
      assert.deepStrictEqual(objectAt(objectAt(bookmark, "metadata"), "annotations"), {
        "k8s.io/initial-events-end": "true"
      })
    })
  )

  it.effect("a silent watch is told each 15 seconds where it stands", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const resourceVersion = yield* apiserver.revision
      const watching = yield* apiserver
        .watch({ resource, resourceVersion, allowWatchBookmarks: true })
        .pipe(Stream.take(1), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      const leases = yield* served(apiserver, "leases")
      yield* apiserver.create({ resource: leases, namespace: "default", body: configMap("other-kind") })
      yield* TestClock.adjust("15 seconds")
      const [bookmark] = yield* Fiber.join(watching)
      assert.deepStrictEqual(
        [bookmark?.type, objectAt(bookmark?.object ?? {}, "metadata")["resourceVersion"]],
        ["BOOKMARK", yield* apiserver.revision]
      )
    })
  )

  it.effect("a reader that falls too far behind is told to list again", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const target = { resource, namespace: "default", name: "c" }
      yield* apiserver.create({ resource, namespace: "default", body: configMap("c") })
      const resourceVersion = yield* apiserver.revision
      let read = 0
      const wakes = yield* Deferred.make<void>()
      const slow = yield* apiserver.watch({ resource, resourceVersion }).pipe(
        Stream.tap(() =>
          Effect.andThen(
            Effect.sync(() => read++),
            Deferred.await(wakes)
          )
        ),
        Stream.runDrain,
        Effect.flip,
        Effect.forkChild({ startImmediately: true })
      )
      for (let i = 0; i < 8300; i++) {
        yield* apiserver.patch(target, merge({ data: { i: String(i) } }), {})
      }
      yield* Deferred.succeed(wakes, undefined)
      const failure = yield* Fiber.join(slow)
      assert.deepStrictEqual([failure.code, failure.reason], [410, "Expired"])
      assert.isBelow(read, 8300)
    })
  )

  it.effect("a version that is not ours yet is Gone, so that nobody waits for it in silence", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const gone = yield* apiserver
        .watch({ resource, resourceVersion: "99999" })
        .pipe(Stream.runDrain, Effect.flip)
      assert.strictEqual(gone.code, 410)
    })
  )
})

describe("definitions", () => {
  it.effect("one that is written is served at once, in all its versions, and takes its objects along", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const crds = yield* served(apiserver, "customresourcedefinitions")
      const { object } = yield* apiserver.create({ resource: crds, body: widgets() })
      const conditions = objectAt(object, "status")["conditions"] as ReadonlyArray<JsonObject>
      assert.deepStrictEqual(
        conditions.map(({ status, type }) => [type, status]),
        [
          ["NamesAccepted", "True"],
          ["Established", "True"]
        ]
      )
      const versions = (yield* apiserver.resources).filter(({ plural }) => plural === "widgets")
      assert.deepStrictEqual(
        versions.map(({ singular, version }) => [version, singular]),
        [
          ["v1", "widget"],
          ["v2", "widget"]
        ]
      )
      const [v1, v2] = versions
      if (v1 === undefined || v2 === undefined) return assert.fail("two versions are served")
      yield* apiserver.create({
        resource: v1,
        namespace: "default",
        body: configMap("w", { spec: { size: 1 } })
      })
      const other = yield* apiserver.get({ resource: v2, namespace: "default", name: "w" })
      assert.deepStrictEqual([other["apiVersion"], other["spec"]], ["example.com/v2", { size: 1 }])
      yield* apiserver.delete({ resource: crds, name: "widgets.example.com" }, {})
      const gone = yield* Effect.flip(apiserver.list({ resource: v1 }))
      assert.strictEqual(gone.message, "the server could not find the requested resource")
      yield* apiserver.create({ resource: crds, body: widgets() })
      assert.deepStrictEqual(yield* names(apiserver, v1), [])
    })
  )

  it.effect("one whose name does not fit its names is refused", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const crds = yield* served(apiserver, "customresourcedefinitions")
      const refused = yield* Effect.flip(
        apiserver.create({ resource: crds, body: widgets({ group: "other.com" }) })
      )
      assert.strictEqual(
        refused.message,
        'CustomResourceDefinition.apiextensions.k8s.io "widgets.example.com" is invalid: metadata.name: Invalid value: "widgets.example.com": must be spec.names.plural+"."+spec.group'
      )
    })
  )
})

describe("apply", () => {
  it.effect("over what kubectl wrote without it names kubectl as the owner", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const target = { resource, namespace: "default", name: "c" }
      yield* apiserver.create({
        resource,
        namespace: "default",
        body: configMap("c", { data: { a: "1", b: "1" } }),
        fieldManager: "kubectl-client-side-apply"
      })
      const body = configMap("c", { data: { a: "2", b: "1" } })
      const refused = yield* Effect.flip(apiserver.patch(target, apply(body), { fieldManager: "kubectl" }))
      assert.deepStrictEqual(
        [refused.code, refused.message],
        [
          409,
          'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1 at 2027-01-15T08:00:00Z: .data.a'
        ]
      )
      const forced = yield* apiserver.patch(
        target,
        { ...apply(body), force: true },
        { fieldManager: "kubectl" }
      )
      assert.deepStrictEqual(forced.object["data"], { a: "2", b: "1" })
      const managed = objectAt(forced.object, "metadata")["managedFields"] as ReadonlyArray<JsonObject>
      assert.deepStrictEqual(
        managed.map(({ fieldsV1, manager, operation }) => ({ manager, operation, fieldsV1 })),
        [
          {
            manager: "kubectl-client-side-apply",
            operation: "Update",
            fieldsV1: { "f:data": { "f:b": {} } }
          },
          { manager: "kubectl", operation: "Apply", fieldsV1: { "f:data": { "f:a": {}, "f:b": {} } } }
        ]
      )
    })
  )

  it.effect("shares a list of a map kind by its keys", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "pods")
      const target = { resource, namespace: "default", name: "p" }
      const pod = (...containers: ReadonlyArray<JsonObject>) => configMap("p", { spec: { containers } })
      const by = (fieldManager: string, body: JsonObject) =>
        Effect.map(apiserver.patch(target, apply(body), { fieldManager }), ({ object }) =>
          (objectAt(object, "spec")["containers"] as ReadonlyArray<JsonObject>).map(({ image, name }) => [
            name,
            image
          ])
        )
      yield* by("one", pod({ name: "a", image: "1" }))
      assert.deepStrictEqual(yield* by("two", pod({ name: "b", image: "2" })), [
        ["a", "1"],
        ["b", "2"]
      ])
      assert.deepStrictEqual(yield* by("two", pod({ name: "c", image: "3" })), [
        ["a", "1"],
        ["c", "3"]
      ])
    })
  )

  it.effect("needs a field manager", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "configmaps")
      const target = { resource, namespace: "default", name: "c" }
      const refused = yield* Effect.flip(apiserver.patch(target, apply(configMap("c")), {}))
      assert.deepStrictEqual(
        [refused.code, refused.message.includes("fieldManager: Required value")],
        [422, true]
      )
    })
  )
})

describe("namespaces and pods", () => {
  it.effect("the first namespaces are there, and three of them stay", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "namespaces")
      assert.deepStrictEqual(yield* names(apiserver, resource), [
        "default",
        "foreman-system",
        "kube-public",
        "kube-system"
      ])
      const refused = yield* Effect.flip(apiserver.delete({ resource, name: "default" }, {}))
      assert.deepStrictEqual(
        [refused.code, refused.message],
        [403, 'namespaces "default" is forbidden: this namespace may not be deleted']
      )
    })
  )

  it.effect("a terminating namespace takes nothing new and goes with its last object", () =>
    Effect.gen(function* () {
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "namespaces")
      const maps = yield* served(apiserver, "configmaps")
      yield* apiserver.create({ resource, body: configMap("n") })
      const held = { metadata: { name: "c", finalizers: ["test.llmkube.dev/hold"] } }
      yield* apiserver.create({ resource: maps, namespace: "n", body: held })
      const dying = yield* apiserver.delete({ resource, name: "n" }, {})
      assert.deepStrictEqual(dying["status"], { phase: "Terminating" })
      const refused = yield* Effect.flip(
        apiserver.create({ resource: maps, namespace: "n", body: configMap("d") })
      )
      assert.strictEqual(
        refused.message,
        'configmaps "d" is forbidden: unable to create new content in namespace n because it is being terminated'
      )
      yield* apiserver.patch(
        { resource: maps, namespace: "n", name: "c" },
        merge({ metadata: { finalizers: null } }),
        {}
      )
      const gone = yield* Effect.flip(apiserver.get({ resource, name: "n" }))
      assert.strictEqual(gone.message, 'namespaces "n" not found')
    })
  )

  it.effect("a pod that runs is given time, and its kubelet ends it with zero", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const { apiserver } = yield* memory
      const resource = yield* served(apiserver, "pods")
      const target = { resource, namespace: "default", name: "p" }
      const spec = { nodeName: "n1", containers: [{ name: "c", image: "i" }] }
      yield* apiserver.create({ resource, namespace: "default", body: configMap("p", { spec }) })
      const marked = objectAt(yield* apiserver.delete(target, {}), "metadata")
      assert.deepStrictEqual(
        [marked["deletionTimestamp"], marked["deletionGracePeriodSeconds"]],
        ["2027-01-15T08:00:30Z", 30]
      )
      yield* apiserver.delete(target, { gracePeriodSeconds: 0 })
      assert.deepStrictEqual(yield* names(apiserver, resource), [])
    })
  )
})

describe("a restart", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-apiserver-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )

  it.effect("finds objects, brings definitions up to date and collects what a crash left", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "store.db")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { apiserver } = yield* make({ path, customResources: [widgets()] })
          const resource = yield* served(apiserver, "configmaps")
          const { object } = yield* apiserver.create({
            resource,
            namespace: "default",
            body: configMap("owner")
          })
          const owner = {
            apiVersion: "v1",
            kind: "ConfigMap",
            name: "owner",
            uid: objectAt(object, "metadata")["uid"] ?? ""
          }
          const body = { metadata: { name: "child", ownerReferences: [owner] } }
          yield* apiserver.create({ resource, namespace: "default", body })
        })
      )
      // The process died between the owner's deletion and the collection of its child.
      yield* Effect.scoped(
        Effect.map(open({ path }), (store) => {
          const before = store.get("configmaps", "default/owner")
          store.commit({ resource: "configmaps", before, after: undefined }, 0)
        })
      )
      const { apiserver } = yield* make({ path, customResources: [widgets({ scope: "Cluster" })] })
      assert.deepStrictEqual(yield* names(apiserver, yield* served(apiserver, "configmaps")), [])
      assert.strictEqual((yield* served(apiserver, "widgets")).namespaced, false)
    })
  )
})
