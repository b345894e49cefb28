/**
 * What every KubeClient must do, whatever is behind it. A real kube-apiserver with Foreman's CRDs is the judge of this suite: where a
 * backend differs from it, the backend is wrong. Each test has a namespace of its own.
 */
import { assert, layer as withLayer } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Schedule, Stream } from "effect"

import { agents } from "../../schema/Agent.ts"
import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { configMaps, leases, namespaces, secrets } from "../../schema/Core.ts"
import { jobs, pods } from "../../schema/Job.ts"
import type { OwnerReference } from "../../schema/Meta.ts"
import type { KubeObject } from "../../schema/Resource.ts"
import { KubeClient, type KubeError, type Manifest, type WatchEvent } from "../../src/services/KubeClient.ts"

interface Options<R> {
  /** Makes versions from before now too old to watch from. A server that forgets by itself leaves it out. */
  readonly expire?: Effect.Effect<void, never, R>
}

/** A live server's controllers need a moment; ours has done it already. */
const soon = Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 200 }))
const eventually = <A, R>(
  effect: Effect.Effect<A, KubeError, R>,
  holds: (value: A) => boolean
): Effect.Effect<A, KubeError | "not yet", R> =>
  effect.pipe(
    Effect.filterOrFail(holds, () => "not yet" as const),
    Effect.retry({ schedule: soon, while: (error) => error === "not yet" })
  )

export const task = (namespace: string, name: string, more: Partial<Manifest> = {}): Manifest => ({
  spec: { kind: "freeform", payload: { prompt: "say hello" } },
  ...more,
  metadata: { namespace, name, ...more.metadata }
})

const ownerOf = (owner: KubeObject, apiVersion: string, kind: string): OwnerReference => ({
  apiVersion,
  kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid ?? "",
  blockOwnerDeletion: true
})

export const reason = <A>(effect: Effect.Effect<A, KubeError, KubeClient>) =>
  effect.pipe(
    Effect.flip,
    Effect.map((error) => error.reason)
  )

const told = (event: WatchEvent<AgenticTask>): string =>
  event.type === "BOOKMARK" || event.type === "UNDECODABLE"
    ? event.type
    : `${event.type} ${event.object.metadata.name}`

/** A namespace for one test, gone after it. */
export const inNamespace = <A, E, R>(
  body: (kube: KubeClient["Service"], namespace: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const kube = yield* KubeClient
    const { metadata } = yield* kube.create(namespaces, { metadata: { generateName: "contract-" } })
    const ending = kube.delete(namespaces, { name: metadata.name }).pipe(Effect.ignore)
    return yield* body(kube, metadata.name).pipe(Effect.ensuring(ending))
  })

export const kubeClientContract = <E, R = never>(
  name: string,
  layer: Layer.Layer<KubeClient | R, E>,
  options: Options<R> = {}
): void => {
  withLayer(layer, { excludeTestServices: true })(`${name} keeps the contract of KubeClient`, (it) => {
    const test = <A, X>(
      rule: string,
      body: (kube: KubeClient["Service"], namespace: string) => Effect.Effect<A, X, KubeClient | R>
    ) => it.effect(rule, () => inNamespace(body))

    test("a new object gets a uid, a version, a time and a generation", (kube, namespace) =>
      Effect.gen(function* () {
        const made = yield* kube.create(agenticTasks, task(namespace, "t"))
        assert.match(made.metadata.uid ?? "", /^[0-9a-f]{8}-/u)
        assert.match(made.metadata.resourceVersion ?? "", /^\d+$/u)
        assert.match(made.metadata.creationTimestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u)
        assert.strictEqual(made.metadata.generation, 1)
        assert.deepStrictEqual(yield* kube.get(agenticTasks, { namespace, name: "t" }), made)
      }))

    test("generateName makes names that differ", (kube, namespace) =>
      Effect.gen(function* () {
        const manifest = { metadata: { namespace, generateName: "g-" }, data: { a: "b" } }
        const one = yield* kube.create(configMaps, manifest)
        const two = yield* kube.create(configMaps, manifest)
        assert.match(one.metadata.name, /^g-[a-z0-9]{5}$/u)
        assert.notStrictEqual(one.metadata.name, two.metadata.name)
      }))

    test("failures have a type and the server's words", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const missing = yield* reason(kube.get(agenticTasks, ref))
        assert.deepStrictEqual(
          [missing._tag, missing.message],
          ["NotFound", 'agentictasks.foreman.llmkube.dev "t" not found']
        )
        assert.strictEqual((yield* reason(kube.delete(agenticTasks, ref)))._tag, "NotFound")
        yield* kube.create(agenticTasks, task(namespace, "t"))
        const again = yield* reason(kube.create(agenticTasks, task(namespace, "t")))
        assert.deepStrictEqual(
          [again._tag, again.message],
          ["AlreadyExists", 'agentictasks.foreman.llmkube.dev "t" already exists']
        )
        const homeless = yield* reason(
          kube.create(configMaps, { metadata: { namespace: "no-such", name: "c" } })
        )
        assert.deepStrictEqual(
          [homeless._tag, homeless.message],
          ["NotFound", 'namespaces "no-such" not found']
        )
      }))

    test("an invalid object is refused with every cause", (kube, namespace) =>
      Effect.gen(function* () {
        const spec = { kind: "freeform", payload: { issue: 0 }, timeoutSeconds: -1 }
        const refused = yield* reason(kube.create(agenticTasks, task(namespace, "t", { spec })))
        assert.strictEqual(refused._tag, "Invalid")
        assert.include(refused.message, 'AgenticTask.foreman.llmkube.dev "t" is invalid: [')
        assert.include(
          refused.message,
          "spec.payload.issue: Invalid value: 0: spec.payload.issue in body should be greater than or equal to 1"
        )
        assert.include(
          refused.message,
          "spec.timeoutSeconds: Invalid value: -1: spec.timeoutSeconds in body should be greater than or equal to 0"
        )
      }))

    test("an unknown word of an enum is refused, and the known ones are named", (kube, namespace) =>
      Effect.gen(function* () {
        const spec = { kind: "foo", payload: {} }
        const refused = yield* reason(kube.create(agenticTasks, task(namespace, "t", { spec })))
        assert.match(
          refused.message,
          /^AgenticTask\.foreman\.llmkube\.dev "t" is invalid: spec\.kind: Unsupported value: "foo": supported values: "issue-fix", /u
        )
      }))

    test("a required field and a type are asked for", (kube, namespace) =>
      Effect.gen(function* () {
        const missing = yield* reason(
          kube.create(agenticTasks, task(namespace, "t", { spec: { payload: {} } }))
        )
        assert.strictEqual(
          missing.message,
          'AgenticTask.foreman.llmkube.dev "t" is invalid: spec.kind: Required value'
        )
        const spec = { kind: "freeform", payload: { issue: "seven" } }
        const typed = yield* reason(kube.create(agenticTasks, task(namespace, "t", { spec })))
        assert.strictEqual(
          typed.message,
          'AgenticTask.foreman.llmkube.dev "t" is invalid: spec.payload.issue: Invalid value: "string": spec.payload.issue in body must be of type integer: "string"'
        )
      }))

    test("names and labels follow DNS and the label syntax", (kube, namespace) =>
      Effect.gen(function* () {
        const name = yield* reason(kube.create(configMaps, { metadata: { namespace, name: "Not_A_Name" } }))
        assert.deepStrictEqual(
          [name._tag, name.message.slice(0, 94)],
          [
            "Invalid",
            'ConfigMap "Not_A_Name" is invalid: metadata.name: Invalid value: "Not_A_Name": a lowercase RFC'
          ]
        )
        const labels = { long: "x".repeat(64) }
        const label = yield* reason(kube.create(configMaps, { metadata: { namespace, name: "c", labels } }))
        assert.deepStrictEqual(
          [label._tag, label.message],
          [
            "Invalid",
            `ConfigMap "c" is invalid: metadata.labels: Invalid value: "${labels.long}": must be no more than 63 characters`
          ]
        )
      }))

    test("defaults are filled and unknown fields pruned", (kube, namespace) =>
      Effect.gen(function* () {
        const spec = { kind: "freeform", payload: { prompt: "x", nonsense: 1 }, more: true }
        yield* kube.create(agenticTasks, task(namespace, "t", { spec }))
        const { spec: stored } = yield* kube.get(agenticTasks, { namespace, name: "t" })
        assert.notProperty(stored, "more")
        assert.deepStrictEqual(stored.payload, { prompt: "x", branchStrategy: "reset" })
        const agent = { metadata: { namespace, name: "a" }, spec: { role: "coder", tools: ["bash"] } }
        const { spec: filled } = yield* kube.create(agents, agent)
        assert.strictEqual(filled.maxTurns, 50)
      }))

    test("status is written through its subresource alone", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const made = yield* kube.create(agenticTasks, task(namespace, "t", { status: { phase: "Failed" } }))
        assert.notProperty(made, "status")
        const both = { spec: { priority: 7 }, status: { phase: "Pending" } }
        const reported = yield* kube.patch(
          agenticTasks,
          ref,
          { type: "merge", body: both },
          { subresource: "status" }
        )
        assert.deepStrictEqual(
          [reported.spec.priority, reported.status?.phase, reported.metadata.generation],
          [undefined, "Pending", 1]
        )
        const asked = { spec: { priority: 7 }, status: { phase: "Failed" } }
        const changed = yield* kube.patch(agenticTasks, ref, { type: "merge", body: asked })
        assert.deepStrictEqual(
          [changed.spec.priority, changed.status?.phase, changed.metadata.generation],
          [7, "Pending", 2]
        )
      }))

    test("labels do not count as a generation", (kube, namespace) =>
      Effect.gen(function* () {
        yield* kube.create(agenticTasks, task(namespace, "t"))
        const body = { metadata: { labels: { a: "b" } } }
        const changed = yield* kube.patch(agenticTasks, { namespace, name: "t" }, { type: "merge", body })
        assert.deepStrictEqual([changed.metadata.labels, changed.metadata.generation], [{ a: "b" }, 1])
      }))

    test("a write that changes nothing keeps the version", (kube, namespace) =>
      Effect.gen(function* () {
        const made = yield* kube.create(agenticTasks, task(namespace, "t"))
        const body = { spec: { kind: "freeform" } }
        const same = yield* kube.patch(agenticTasks, { namespace, name: "t" }, { type: "merge", body })
        assert.deepStrictEqual(same, made)
      }))

    test("a stale version is a conflict, in patches and in replace", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const made = yield* kube.create(agenticTasks, task(namespace, "t"))
        yield* kube.patch(agenticTasks, ref, { type: "merge", body: { spec: { priority: 1 } } })
        const { resourceVersion } = made.metadata
        const body = { metadata: { resourceVersion }, status: { phase: "Running" } }
        const patch = { type: "merge", body } as const
        const stale = yield* reason(kube.patch(agenticTasks, ref, patch, { subresource: "status" }))
        const words =
          'Operation cannot be fulfilled on agentictasks.foreman.llmkube.dev "t": the object has been modified; please apply your changes to the latest version and try again'
        assert.deepStrictEqual([stale._tag, stale.message], ["Conflict", words])
        const replaced = yield* reason(
          kube.replace(agenticTasks, task(namespace, "t", { metadata: { resourceVersion } }))
        )
        assert.deepStrictEqual([replaced._tag, replaced.message], ["Conflict", words])
        assert.strictEqual((yield* kube.get(agenticTasks, ref)).status, undefined)
      }))

    test("of two writers with the same version one wins", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "l" }
        const made = yield* kube.create(leases, { metadata: ref, spec: { holderIdentity: "" } })
        const { resourceVersion } = made.metadata
        const claims = yield* Effect.forEach(
          ["a", "b", "c", "d"],
          (holderIdentity) =>
            kube.replace(leases, { metadata: { ...ref, resourceVersion }, spec: { holderIdentity } }).pipe(
              Effect.match({
                onSuccess: () => "won",
                onFailure: (error) => error.reason._tag as string
              })
            ),
          { concurrency: 4 }
        )
        assert.deepStrictEqual([...claims].sort(), ["Conflict", "Conflict", "Conflict", "won"])
      }))

    test("a merge patch clears with null and replaces lists whole", (kube, namespace) =>
      Effect.gen(function* () {
        const spec = { kind: "freeform", payload: { prompt: "x" }, priority: 3, dependsOn: ["a", "b"] }
        yield* kube.create(agenticTasks, task(namespace, "t", { spec }))
        const body = { spec: { priority: null, dependsOn: ["c"] } }
        const { spec: left } = yield* kube.patch(
          agenticTasks,
          { namespace, name: "t" },
          { type: "merge", body }
        )
        assert.deepStrictEqual([left.priority, left.dependsOn], [undefined, ["c"]])
      }))

    test("a JSON patch is all or nothing, and a failed test is Invalid", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "c" }
        yield* kube.create(configMaps, { metadata: ref, data: { a: "1" } })
        const failed = yield* reason(
          kube.patch(configMaps, ref, {
            type: "json",
            body: [
              { op: "add", path: "/data/b", value: "2" },
              { op: "test", path: "/data/a", value: "other" }
            ]
          })
        )
        assert.strictEqual(failed._tag, "Invalid")
        const after = yield* kube.patch(configMaps, ref, {
          type: "json",
          body: [
            { op: "test", path: "/data/a", value: "1" },
            { op: "add", path: "/data/c.d", value: "3" },
            { op: "remove", path: "/data/a" }
          ]
        })
        assert.deepStrictEqual(after.data, { "c.d": "3" })
      }))

    test("a strategic patch merges containers by name, and custom kinds refuse it", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "p" }
        const containers = [
          { name: "a", image: "one", env: [{ name: "X", value: "1" }] },
          { name: "b", image: "two" }
        ]
        yield* kube.create(pods, { metadata: ref, spec: { containers } })
        const body = {
          metadata: { labels: { l: "1" } },
          spec: { containers: [{ name: "b", image: "three" }] }
        }
        const { metadata, spec } = yield* kube.patch(pods, ref, { type: "strategic", body })
        assert.deepStrictEqual(
          [metadata.labels, spec.containers.map(({ env, image, name }) => ({ name, image, env }))],
          [
            { l: "1" },
            [
              { name: "a", image: "one", env: [{ name: "X", value: "1" }] },
              { name: "b", image: "three", env: undefined }
            ]
          ]
        )
        yield* kube.create(agenticTasks, task(namespace, "t"))
        const custom = { namespace, name: "t" }
        const refused = yield* reason(
          kube.patch(agenticTasks, custom, { type: "strategic", body: { spec: { priority: 1 } } })
        )
        assert.strictEqual(refused._tag, "Invalid")
      }))

    test("apply creates, owns, and takes back what it no longer says", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "c" }
        const apply = (fieldManager: string, data: Record<string, string>, force = false) =>
          kube.patch(configMaps, ref, {
            type: "apply",
            body: { metadata: ref, data },
            fieldManager,
            force
          })
        assert.deepStrictEqual((yield* apply("one", { a: "1", b: "1" })).data, { a: "1", b: "1" })
        const shared = yield* apply("two", { b: "1", c: "2" })
        assert.deepStrictEqual(shared.data, { a: "1", b: "1", c: "2" })
        const refused = yield* reason(apply("two", { b: "2" }))
        assert.deepStrictEqual(
          [refused._tag, refused.message],
          ["Conflict", 'Apply failed with 1 conflict: conflict with "one": .data.b']
        )
        assert.deepStrictEqual((yield* apply("two", { b: "2" }, true)).data, { a: "1", b: "2" })
        assert.deepStrictEqual((yield* apply("one", { a: "1" })).data, { a: "1", b: "2" })
        const once = yield* kube.get(configMaps, ref)
        assert.deepStrictEqual(yield* apply("one", { a: "1" }), once)
      }))

    test("labels and fields select, and an unknown field is refused", (kube, namespace) =>
      Effect.gen(function* () {
        yield* kube.create(agenticTasks, task(namespace, "a", { metadata: { labels: { team: "x" } } }))
        yield* kube.create(agenticTasks, task(namespace, "b", { metadata: { labels: { team: "y" } } }))
        yield* kube.create(agenticTasks, task(namespace, "c"))
        const status = { status: { assignedNode: "n1" } }
        const place = { type: "merge", body: status } as const
        yield* kube.patch(agenticTasks, { namespace, name: "b" }, place, { subresource: "status" })
        const names = (selection: { readonly labelSelector?: string; readonly fieldSelector?: string }) =>
          kube
            .list(agenticTasks, { namespace, ...selection })
            .pipe(Effect.map(({ items }) => items.map(({ metadata }) => metadata.name)))
        assert.deepStrictEqual(yield* names({}), ["a", "b", "c"])
        assert.deepStrictEqual(yield* names({ labelSelector: "team" }), ["a", "b"])
        assert.deepStrictEqual(yield* names({ labelSelector: "!team" }), ["c"])
        assert.deepStrictEqual(yield* names({ labelSelector: "team in (x,z)" }), ["a"])
        assert.deepStrictEqual(yield* names({ labelSelector: "team notin (x),team!=z" }), ["b", "c"])
        assert.deepStrictEqual(yield* names({ fieldSelector: "metadata.name=c" }), ["c"])
        assert.deepStrictEqual(yield* names({ fieldSelector: "status.assignedNode=n1" }), ["b"])
        assert.deepStrictEqual(yield* names({ fieldSelector: "status.assignedNode!=n1" }), ["a", "c"])
        const refused = yield* reason(names({ fieldSelector: "spec.nonsense=1" }))
        assert.deepStrictEqual(
          [refused._tag, refused.message],
          ["Invalid", "field label not supported: spec.nonsense"]
        )
      }))

    test("a watch says when the server has accepted it, though nothing happens", (kube, namespace) =>
      Effect.gen(function* () {
        const { resourceVersion } = yield* kube.list(agenticTasks, { namespace })
        const opened = yield* Deferred.make<void>()
        const onOpen = Effect.asVoid(Deferred.succeed(opened, undefined))
        const watching = yield* kube
          .watch(agenticTasks, { namespace, resourceVersion, onOpen })
          .pipe(Stream.runDrain, Effect.forkChild({ startImmediately: true }))
        yield* Deferred.await(opened)
        yield* Fiber.interrupt(watching)
      }))

    test("a watch resumes from a list and misses nothing", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "b" }
        yield* kube.create(agenticTasks, task(namespace, "a"))
        const { resourceVersion } = yield* kube.list(agenticTasks, { namespace })
        yield* kube.create(agenticTasks, task(namespace, "b"))
        const watching = yield* kube.watch(agenticTasks, { namespace, resourceVersion }).pipe(
          Stream.filter(({ type }) => type !== "BOOKMARK"),
          Stream.take(3),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        yield* kube.patch(agenticTasks, ref, { type: "merge", body: { spec: { priority: 1 } } })
        yield* kube.delete(agenticTasks, ref)
        const events = yield* Fiber.join(watching)
        assert.deepStrictEqual(events.map(told), ["ADDED b", "MODIFIED b", "DELETED b"])
        const versions = events.map((event) => Number(event.resourceVersion))
        assert.deepStrictEqual(
          versions,
          [...versions].sort((x, y) => x - y)
        )
        const last = yield* kube
          .watch(agenticTasks, { namespace, resourceVersion: events[1]?.resourceVersion ?? "" })
          .pipe(Stream.take(1), Stream.runCollect)
        assert.deepStrictEqual(last.map(told), ["DELETED b"])
      }))

    test("an object that leaves a field selector is DELETED for that watch, and ADDED when it enters", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const made = yield* kube.create(agenticTasks, task(namespace, "t"))
        const assign = (assignedNode: string | null) =>
          kube.patch(
            agenticTasks,
            ref,
            { type: "merge", body: { status: { assignedNode } } },
            { subresource: "status" }
          )
        yield* assign("n1")
        yield* assign("n2")
        const left = yield* assign("n1").pipe(Effect.andThen(assign(null)))
        const resourceVersion = made.metadata.resourceVersion ?? ""
        const events = yield* kube
          .watch(agenticTasks, { namespace, resourceVersion, fieldSelector: "status.assignedNode=n1" })
          .pipe(
            Stream.filter(({ type }) => type !== "BOOKMARK"),
            Stream.take(4),
            Stream.runCollect
          )
        assert.deepStrictEqual(events.map(told), ["ADDED t", "DELETED t", "ADDED t", "DELETED t"])
        assert.strictEqual(events[3]?.resourceVersion, left.metadata.resourceVersion)
      }))

    test("a version that is forgotten is Gone", (kube, namespace) =>
      Effect.gen(function* () {
        yield* kube.create(agenticTasks, task(namespace, "t"))
        yield* options.expire ?? Effect.void
        const gone = yield* reason(
          kube.watch(agenticTasks, { namespace, resourceVersion: "1" }).pipe(Stream.runDrain)
        )
        assert.strictEqual(gone._tag, "Gone")
      }))

    test("a delete holds to its preconditions", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        yield* kube.create(agenticTasks, task(namespace, "t"))
        const preconditions = { uid: "00000000-0000-0000-0000-000000000000" }
        const refused = yield* reason(kube.delete(agenticTasks, ref, { preconditions }))
        assert.strictEqual(refused._tag, "Conflict")
        assert.strictEqual((yield* kube.get(agenticTasks, ref)).metadata.name, "t")
      }))

    test("a finalizer holds a dying object until it is taken off", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const finalizers = ["test.llmkube.dev/hold"]
        yield* kube.create(agenticTasks, task(namespace, "t", { metadata: { finalizers } }))
        yield* kube.delete(agenticTasks, ref)
        const dying = yield* kube.get(agenticTasks, ref)
        assert.isString(dying.metadata.deletionTimestamp)
        assert.strictEqual(dying.metadata.generation, 2)
        const more = { metadata: { finalizers: [...finalizers, "test.llmkube.dev/more"] } }
        const refused = yield* reason(kube.patch(agenticTasks, ref, { type: "merge", body: more }))
        assert.strictEqual(refused._tag, "Invalid")
        yield* kube.patch(agenticTasks, ref, { type: "merge", body: { metadata: { finalizers: null } } })
        assert.strictEqual((yield* reason(kube.get(agenticTasks, ref)))._tag, "NotFound")
      }))

    test("the garbage of an owner is collected, also of one that never was", (kube, namespace) =>
      Effect.gen(function* () {
        const owner = yield* kube.create(configMaps, { metadata: { namespace, name: "owner" } })
        const own = ownerOf(owner, "v1", "ConfigMap")
        const other = yield* kube.create(configMaps, { metadata: { namespace, name: "other" } })
        const dependent = (name: string, ownerReferences: ReadonlyArray<OwnerReference>) =>
          kube.create(configMaps, { metadata: { namespace, name, ownerReferences } })
        yield* dependent("child", [own])
        yield* dependent("shared", [own, ownerOf(other, "v1", "ConfigMap")])
        yield* dependent("stray", [{ ...own, uid: "00000000-0000-0000-0000-000000000000" }])
        yield* kube.delete(configMaps, { namespace, name: "owner" })
        const names = kube
          .list(configMaps, { namespace })
          .pipe(
            Effect.map(({ items }) =>
              items.map(({ metadata }) => metadata.name).filter((found) => found !== "kube-root-ca.crt")
            )
          )
        const left = yield* eventually(names, (found) => found.length === 2)
        assert.deepStrictEqual(left, ["other", "shared"])
        const shared = yield* eventually(
          kube.get(configMaps, { namespace, name: "shared" }),
          ({ metadata }) => metadata.ownerReferences?.length === 1
        )
        assert.strictEqual(shared.metadata.ownerReferences?.[0]?.name, "other")
      }))

    test("Orphan leaves dependents, Foreground goes after them", (kube, namespace) =>
      Effect.gen(function* () {
        const family = Effect.fnUntraced(function* (name: string) {
          const owner = yield* kube.create(configMaps, { metadata: { namespace, name } })
          const ownerReferences = [ownerOf(owner, "v1", "ConfigMap")]
          yield* kube.create(configMaps, { metadata: { namespace, name: `${name}-child`, ownerReferences } })
        })
        yield* family("a")
        yield* family("b")
        yield* kube.delete(configMaps, { namespace, name: "a" }, { propagationPolicy: "Orphan" })
        yield* kube.delete(configMaps, { namespace, name: "b" }, { propagationPolicy: "Foreground" })
        const names = kube
          .list(configMaps, { namespace })
          .pipe(Effect.map(({ items }) => items.map(({ metadata }) => metadata.name)))
        yield* eventually(names, (found) => !found.includes("b") && !found.includes("a"))
        assert.deepStrictEqual(
          (yield* names).filter((found) => found !== "kube-root-ca.crt"),
          ["a-child"]
        )
        const child = yield* kube.get(configMaps, { namespace, name: "a-child" })
        assert.strictEqual(child.metadata.ownerReferences, undefined)
      }))

    test("a Secret takes plain text and keeps base64", (kube, namespace) =>
      Effect.gen(function* () {
        const manifest = { metadata: { namespace, name: "s" }, stringData: { token: "hush" } }
        const made = yield* kube.create(secrets, manifest)
        assert.deepStrictEqual(
          [made.type, made.data, made.stringData],
          ["Opaque", { token: "aHVzaA==" }, undefined]
        )
      }))

    test("a Job gets its defaults and its template its labels", (kube, namespace) =>
      Effect.gen(function* () {
        const template = {
          spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i", command: ["true"] }] }
        }
        const spec = { template, suspend: true }
        const made = yield* kube.create(jobs, { metadata: { namespace, name: "j" }, spec })
        const { backoffLimit, completions, parallelism } = made.spec
        const labels = made.spec.template.metadata?.labels ?? {}
        assert.deepStrictEqual(
          [backoffLimit, completions, parallelism, labels],
          [
            6,
            1,
            1,
            {
              "batch.kubernetes.io/controller-uid": made.metadata.uid,
              "batch.kubernetes.io/job-name": "j",
              "controller-uid": made.metadata.uid,
              "job-name": "j"
            }
          ]
        )
        const always = { template: { spec: { containers: [{ name: "c", image: "i" }] } } }
        const refused = yield* reason(kube.create(jobs, { metadata: { namespace, name: "k" }, spec: always }))
        assert.strictEqual(
          refused.message,
          'Job.batch "k" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
        )
      }))

    test("a namespace takes its content with it", (kube, namespace) =>
      Effect.gen(function* () {
        yield* kube.create(agenticTasks, task(namespace, "t"))
        yield* kube.delete(namespaces, { name: namespace })
        const left = yield* eventually(
          kube.list(agenticTasks, { namespace }),
          ({ items }) => items.length === 0
        )
        assert.deepStrictEqual(left.items, [])
      }))
  })
}
