import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { configMaps } from "../../schema/Core.ts"
import * as Transcript from "../../src/executors/Transcript.ts"
import { Unavailable } from "../../src/services/KubeClient.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { task } from "../builders.ts"
import * as FakeCluster from "../fakes/FakeCluster.ts"

const message = (content: string) => JSON.stringify({ role: "user", content })
const parse = (json: string): { readonly messages: ReadonlyArray<{ readonly content: string }> } =>
  JSON.parse(json)

describe("a transcript", () => {
  it("within the cap is whole", () => {
    const { json, truncated } = Transcript.truncate(["a", "b"].map(message), 1)
    assert.isFalse(truncated)
    assert.deepStrictEqual(JSON.parse(json), {
      schemaVersion: "foreman.transcript.v1",
      turnCount: 1,
      truncated: false,
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "b" }
      ]
    })
  })

  it("over the cap keeps the first two and the last ten, around a marker", () => {
    const many = Array.from({ length: 100 }, (_, index) => message(`m${index} ${"x".repeat(100)}`))
    const { json } = Transcript.truncate(many, 50, 8000)
    const contents = parse(json).messages.map(({ content }) => content.split(" ")[0])
    assert.deepStrictEqual(contents, [
      "m0",
      "m1",
      "(88",
      ...Array.from({ length: 10 }, (_, index) => `m${index + 90}`)
    ])
  })

  it.prop(
    "ends, is JSON and fits, for any sizes of messages and any cap that holds a marker",
    {
      sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3000 }))),
      letter: Schema.Literals(["x", "é", "🙂", '"', "\u0000"]),
      cap: Schema.Int.check(Schema.isBetween({ minimum: 250, maximum: 6000 }))
    },
    ({ cap, letter, sizes }) => {
      const { bytes, json } = Transcript.truncate(
        sizes.map((size) => message(letter.repeat(size))),
        3,
        cap
      )
      assert.isAtMost(Buffer.byteLength(json), cap)
      assert.strictEqual(Buffer.byteLength(json), bytes)
      assert.isArray(parse(json).messages)
    }
  )

  it.layer(FakeCluster.layer)((it) => {
    it.effect("is created, then replaced; a long task name still makes a label", () =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster.FakeCluster
        const kube = yield* KubeClient
        const name = "a".repeat(100)
        yield* cluster.seed(agenticTasks, task(name))
        const owner = yield* kube.get(agenticTasks, { name, namespace: "default" })
        yield* Transcript.store(owner, [message("one")], 1)
        const ref = yield* Transcript.store(owner, [message("one"), message("two")], 2)
        const stored = yield* kube.get(configMaps, {
          name: `foreman-transcript-${name}`,
          namespace: "default"
        })
        assert.deepStrictEqual(ref, {
          kind: "ConfigMap",
          apiVersion: "v1",
          namespace: "default",
          name: `foreman-transcript-${name}`
        })
        assert.strictEqual(parse(stored.data?.["transcript.json"] ?? "{}").messages.length, 2)
        assert.strictEqual(stored.metadata.labels?.["foreman.llmkube.dev/transcript-of"]?.length, 63)
        assert.deepStrictEqual(stored.metadata.ownerReferences?.[0], {
          apiVersion: "foreman.llmkube.dev/v1alpha1",
          kind: "AgenticTask",
          name,
          uid: owner.metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true
        })
      })
    )

    it.effect("that cannot be stored is no failure of the run", () =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster.FakeCluster
        yield* cluster.failNext(new Unavailable({ message: "down" }))
        assert.strictEqual(yield* Transcript.store(task("t"), [], 0), undefined)
      })
    )
  })
})
