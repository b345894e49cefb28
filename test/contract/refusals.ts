/** What every API server refuses, in its words, and what it lets through: people and programs act on both. Judged as `kubeClient.ts` is. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Effect, type Layer } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { configMaps, events, leases, secrets } from "../../schema/Core.ts"
import { type Job, jobs } from "../../schema/Job.ts"
import type { KubeClient, Manifest } from "../../src/services/KubeClient.ts"
import { inNamespace, reason, task } from "./kubeClient.ts"

type Kube = KubeClient["Service"]

const stranger = "00000000-0000-0000-0000-000000000001"

const job = (namespace: string, name: string, container: object = {}, template: object = {}): Manifest => ({
  metadata: { namespace, name },
  spec: {
    suspend: true,
    template: {
      ...template,
      spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i", ...container }] }
    }
  }
})

const long = "x".repeat(64)

/** What is wrong with a Job's container, and why it is refused, after `Job.batch "j" is invalid: `. */
const badJobs: ReadonlyArray<readonly [what: string, container: object, why: string]> = [
  ["a container without an image", { image: "" }, "spec.template.spec.containers[0].image: Required value"],
  ["a container without a name", { name: "" }, "spec.template.spec.containers[0].name: Required value"],
  [
    "a variable without a name",
    { env: [{ value: "1" }] },
    "spec.template.spec.containers[0].env[0].name: Required value"
  ],
  [
    "a mount of no volume",
    { volumeMounts: [{ name: "v", mountPath: "/v" }] },
    'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"'
  ]
]

export const refusalsContract = <E>(name: string, layer: Layer.Layer<KubeClient, E>): void => {
  withLayer(layer, { excludeTestServices: true })(`${name} refuses what a real API server refuses`, (it) => {
    const test = <A, X>(
      rule: string,
      body: (kube: Kube, namespace: string) => Effect.Effect<A, X, KubeClient>
    ) => it.effect(rule, () => inNamespace(body))

    test("a status write takes the version from metadata and nothing else", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        yield* kube.create(agenticTasks, task(namespace, "t"))
        const write = (metadata: object) =>
          kube.patch(
            agenticTasks,
            ref,
            { type: "merge", body: { metadata, status: { phase: "Pending" } } },
            { subresource: "status" }
          )
        const written = yield* write({ uid: stranger, labels: { a: "b" } })
        assert.deepStrictEqual(
          [written.status?.phase, written.metadata.labels, written.metadata.uid === stranger],
          ["Pending", undefined, false]
        )
        assert.strictEqual((yield* reason(write({ resourceVersion: "1" })))._tag, "Conflict")
      }))

    test("the uid and the name of an object stay", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        yield* kube.create(agenticTasks, task(namespace, "t"))
        const patch = (metadata: object) =>
          reason(kube.patch(agenticTasks, ref, { type: "merge", body: { metadata } }))
        const other = yield* patch({ uid: stranger })
        assert.deepStrictEqual(
          [other._tag, other.message],
          [
            "Invalid",
            `AgenticTask.foreman.llmkube.dev "t" is invalid: metadata.uid: Invalid value: "${stranger}": field is immutable`
          ]
        )
        const renamed = yield* patch({ name: "u" })
        assert.deepStrictEqual(
          [renamed._tag, renamed.message],
          ["Invalid", "the name of the object (u) does not match the name on the URL (t)"]
        )
      }))

    test("a new object comes without a version", (kube, namespace) =>
      Effect.gen(function* () {
        const metadata = { namespace, name: "c", resourceVersion: "5" }
        const refused = yield* reason(kube.create(configMaps, { metadata }))
        assert.strictEqual(refused.message, "resourceVersion should not be set on objects to be created")
        assert.strictEqual((yield* reason(kube.get(configMaps, metadata)))._tag, "NotFound")
      }))

    test("an apply of a field that the schema does not declare is refused, where other writes only lose it", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const spec = { kind: "freeform", payload: {}, nonsense: 1 }
        const body = { metadata: ref, spec }
        const refused = yield* reason(
          kube.patch(agenticTasks, ref, { type: "apply", body, fieldManager: "one" })
        )
        assert.strictEqual(
          refused.message,
          `failed to create typed patch object (${namespace}/t; foreman.llmkube.dev/v1alpha1, Kind=AgenticTask): .spec.nonsense: field not declared in schema`
        )
      }))

    test("an apply over what another wrote says which field is contested, and takes it by force", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        yield* kube.create(
          agenticTasks,
          task(namespace, "t", { spec: { kind: "freeform", payload: {}, priority: 1 } })
        )
        const apply = (priority: number, force: boolean) =>
          kube.patch(agenticTasks, ref, {
            type: "apply",
            body: { metadata: ref, spec: { priority } },
            fieldManager: "one",
            force
          })
        assert.strictEqual((yield* apply(1, false)).spec.priority, 1)
        const refused = yield* reason(apply(2, false))
        assert.strictEqual(refused._tag, "Conflict")
        assert.match(refused.message, /^Apply failed with 1 conflict: .*: \.spec\.priority$/u)
        const taken = yield* apply(2, true)
        assert.deepStrictEqual([taken.spec.priority, taken.spec.kind], [2, "freeform"])
      }))

    test("a delete of another life of the object, or of another version, names both", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        const { metadata } = yield* kube.create(agenticTasks, task(namespace, "t"))
        const refuse = (preconditions: object) =>
          Effect.map(reason(kube.delete(agenticTasks, ref, { preconditions })), ({ message }) => message)
        const start = 'Operation cannot be fulfilled on AgenticTask.foreman.llmkube.dev "t": the '
        assert.strictEqual(
          yield* refuse({ uid: stranger }),
          `${start}UID in the precondition (${stranger}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`
        )
        assert.strictEqual(
          yield* refuse({ resourceVersion: "1" }),
          `${start}ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`
        )
      }))

    test("a JSON patch that does not apply is refused without a word on which operation", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "t" }
        yield* kube.create(agenticTasks, task(namespace, "t"))
        for (const operation of [
          { op: "test", path: "/spec/kind", value: "issue-fix" },
          { op: "remove", path: "/spec/nothing" }
        ] as const) {
          const refused = yield* reason(kube.patch(agenticTasks, ref, { type: "json", body: [operation] }))
          assert.deepStrictEqual(
            [refused._tag, refused.message],
            ["Invalid", "the server rejected our request due to an error in our request"]
          )
        }
      }))

    test("a Lease's times have six digits, and it lasts", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "l" }
        const times = (renewTime: string) => ({ metadata: ref, spec: { renewTime } })
        const refused = yield* reason(kube.create(leases, times("2026-11-22T10:00:00.123Z")))
        assert.deepStrictEqual(
          [refused._tag, refused.message],
          [
            "Invalid",
            'Lease in version "v1" cannot be handled as a Lease: parsing time "2026-11-22T10:00:00.123Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse ".123Z" as ".000000"'
          ]
        )
        const made = yield* kube.create(leases, times("2026-11-22T10:00:00.123456Z"))
        assert.strictEqual(made.spec?.renewTime, "2026-11-22T10:00:00.123456Z")
        const patch = (spec: object) => reason(kube.patch(leases, ref, { type: "merge", body: { spec } }))
        assert.strictEqual((yield* patch({ renewTime: "2026-11-22T10:00:00Z" }))._tag, "Invalid")
        assert.strictEqual(
          (yield* patch({ leaseDurationSeconds: 0 })).message,
          'Lease.coordination.k8s.io "l" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'
        )
      }))

    test("an Event lies in the namespace of what it is about", (kube, namespace) =>
      Effect.gen(function* () {
        const event = (involvedObject: object) =>
          kube.create(events, { metadata: { namespace, name: "e" }, involvedObject, reason: "R" })
        for (const involved of [
          { kind: "FleetNode", name: "n" },
          { kind: "Pod", namespace: "other" }
        ]) {
          const refused = yield* reason(event(involved))
          assert.strictEqual(
            refused.message,
            `Event "e" is invalid: involvedObject.namespace: Invalid value: "${involved.namespace ?? ""}": does not match event.namespace`
          )
        }
        const made = yield* event({ kind: "Pod", name: "p", namespace })
        assert.strictEqual(made.reason, "R")
      }))

    test("a ConfigMap holds text under plain keys, and stays once it is immutable", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "c" }
        const made = (data: object) => kube.create(configMaps, { metadata: ref, data })
        assert.strictEqual(
          (yield* reason(made({ a: 1 }))).message,
          'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string'
        )
        assert.match(
          (yield* reason(made({ "a/b": "1" }))).message,
          /^ConfigMap "c" is invalid: data\[a\/b\]: Invalid value: "a\/b": a valid config key must consist of/u
        )
        yield* made({ a: "1" })
        const patch = (body: object) => kube.patch(configMaps, ref, { type: "merge", body })
        yield* patch({ immutable: true })
        assert.strictEqual(
          (yield* reason(patch({ data: { a: "2" } }))).message,
          'ConfigMap "c" is invalid: data: Forbidden: field is immutable when `immutable` is set'
        )
      }))

    test("a Secret holds base64, and keeps its type", (kube, namespace) =>
      Effect.gen(function* () {
        const ref = { namespace, name: "s" }
        const bad = yield* reason(kube.create(secrets, { metadata: ref, data: { a: "@@" } }))
        assert.strictEqual(
          bad.message,
          'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
        )
        yield* kube.create(secrets, { metadata: ref, data: { a: "YQ==" } })
        const retyped = yield* reason(kube.patch(secrets, ref, { type: "merge", body: { type: "other" } }))
        assert.strictEqual(
          retyped.message,
          'Secret "s" is invalid: type: Invalid value: "other": field is immutable'
        )
      }))

    for (const [what, container, why] of badJobs) {
      test(`a Job is refused for ${what}`, (kube, namespace) =>
        Effect.gen(function* () {
          const refused = yield* reason(kube.create(jobs, job(namespace, "j", container)))
          assert.deepStrictEqual(
            [refused._tag, refused.message],
            ["Invalid", `Job.batch "j" is invalid: ${why}`]
          )
        }))
    }

    test("a Job's name is a label of its pods, and its pods' labels are its own", (kube, namespace) =>
      Effect.gen(function* () {
        const refused = yield* reason(kube.create(jobs, job(namespace, long)))
        assert.include(
          refused.message,
          `spec.template.labels: Invalid value: "${long}": must be no more than 63 characters`
        )
        const made: Job = yield* kube.create(
          jobs,
          job(namespace, "j", {}, { metadata: { labels: { a: "b" } } })
        )
        assert.deepStrictEqual(made.metadata.labels, made.spec.template.metadata?.labels)
        assert.strictEqual(made.metadata.labels?.["a"], "b")
      }))
  })
}
