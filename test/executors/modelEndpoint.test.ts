import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"

import type { AgentSpec } from "../../schema/Agent.ts"
import { secrets } from "../../schema/Core.ts"
import { endpointSlices } from "../../schema/EndpointSlice.ts"
import { inferenceServices } from "../../schema/InferenceService.ts"
import { RunnerConfig } from "../../src/executors/Executor.ts"
import { modelEndpoints } from "../../src/executors/modelEndpoint.ts"
import { agent } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"

const resolveAll = (spec: Partial<AgentSpec> = {}, config: Partial<RunnerConfig["Service"]> = {}) =>
  modelEndpoints(agent("coder", { spec: { model: "m", ...spec } }), "default").pipe(
    Effect.provideService(RunnerConfig, {
      workspaceRoot: "/nowhere",
      keepWorkspace: false,
      gitRemoteURL: undefined,
      gitToken: undefined,
      author: undefined,
      committer: undefined,
      inferenceBaseURLOverride: undefined,
      inferenceBaseURLHostOverride: undefined,
      foremanNamespace: "foreman-system",
      gateCachePVC: undefined,
      gateImage: "",
      stubSleepMillis: 0,
      ...config
    })
  )
const resolve = (...asked: Parameters<typeof resolveAll>) =>
  Effect.map(resolveAll(...asked), ([first]) => first)

const service = {
  metadata: { name: "qwen", namespace: "default" },
  status: { endpoint: "http://qwen.default.svc:8080/v1/chat/completions/" }
}
const slice = (name: string, port: number, ready: boolean) => ({
  metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": "qwen" } },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready } }],
  ports: [{ port }]
})
const overHost = { inferenceBaseURLHostOverride: "gpu.lan" }

describe("where a model answers", () => {
  it.effect("is what its InferenceService says, as a base URL", () =>
    Effect.gen(function* () {
      yield* (yield* FakeCluster).seed(inferenceServices, service)
      assert.deepStrictEqual(yield* resolve(), { baseURL: "http://qwen.default.svc:8080/v1", model: "m" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("43516088 off the cluster is the port of an endpoint that is ready now, read for each run", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      yield* cluster.seed(inferenceServices, service)
      const alone = yield* Effect.flip(resolve({}, overHost))
      yield* cluster.seed(endpointSlices, slice("a", 31_000, false), slice("b", 32_000, true))
      assert.deepStrictEqual(
        [alone.failureReason, (yield* resolve({}, overHost)).baseURL],
        ["InferenceServiceUnavailable", "http://gpu.lan:32000/v1"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a local one is opened by the Secret that the Agent names, before what the node was given", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      yield* cluster.seed(inferenceServices, service)
      const data = { token: Buffer.from("from-secret\n").toString("base64") }
      yield* cluster.seed(secrets, { metadata: { name: "key", namespace: "default" }, data })
      const apiKeySecretRef = { name: "key", key: "token" }
      const given = { overrideToken: Redacted.make("from-file") }
      const over = { ...given, inferenceBaseURLOverride: "http://gpu.lan/v1" }
      const keyOf = (spec: Partial<AgentSpec>, config: Partial<RunnerConfig["Service"]>) =>
        Effect.map(resolve(spec, config), ({ apiKey }) => apiKey && Redacted.value(apiKey))
      assert.deepStrictEqual(
        [
          yield* keyOf({ apiKeySecretRef }, {}),
          yield* keyOf({ apiKeySecretRef }, over),
          yield* keyOf({}, over),
          // The node's own key leaves for the endpoint that its owner named alone.
          yield* keyOf({}, given),
          yield* keyOf(
            { provider: "cloud-proxy", providerConfig: { baseURL: "http://elsewhere/v1", model: "m" } },
            over
          )
        ],
        ["from-secret", "from-secret", "from-file", undefined, undefined]
      )
      const missing = yield* Effect.flip(resolve({ apiKeySecretRef: { name: "gone", key: "token" } }))
      assert.strictEqual(missing.failureReason, "AuthUnavailable")
    }).pipe(Effect.provide(layer))
  )

  it.effect("is missing with the reason of what is missing", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const reasonOf = (spec: Partial<AgentSpec>) =>
        Effect.map(Effect.flip(resolve(spec)), ({ reason }) => reason)
      const none = yield* reasonOf({})
      yield* cluster.seed(inferenceServices, { metadata: service.metadata })
      assert.deepStrictEqual(
        [none, yield* reasonOf({}), yield* reasonOf({ inferenceServiceRef: { name: "" } })],
        Array.from({ length: 3 }, () => "InferenceServiceUnavailable")
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("ffe45d7e of a cloud model is opened by the key in its Secret, or is AuthUnavailable", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const cloud: Partial<AgentSpec> = {
        provider: "cloud-proxy",
        providerConfig: {
          baseURL: "https://models.example.com/v1",
          model: "large",
          apiKeySecretRef: { name: "models", key: "token" }
        }
      }
      const closed = yield* Effect.flip(resolve(cloud))
      yield* cluster.seed(secrets, {
        metadata: { name: "models", namespace: "default" },
        data: { token: Buffer.from("s3cr3t\n").toString("base64") }
      })
      const { apiKey, baseURL, model } = yield* resolve(cloud)
      assert.deepStrictEqual(
        [closed.failureReason, baseURL, model, apiKey && Redacted.value(apiKey)],
        ["AuthUnavailable", "https://models.example.com/v1", "large", "s3cr3t"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("of fallbacks follows in their order, each with the key that it names and no other", () =>
    Effect.gen(function* () {
      yield* (yield* FakeCluster).seed(secrets, {
        metadata: { name: "models", namespace: "default" },
        data: { token: Buffer.from("s3cr3t").toString("base64") }
      })
      const spec: Partial<AgentSpec> = {
        provider: "cloud-proxy",
        providerConfig: { baseURL: "https://one.example/v1", model: "large" },
        fallbackEndpoints: [
          {
            baseURL: "https://two.example/v1/",
            model: "b",
            apiKeySecretRef: { name: "models", key: "token" }
          },
          { baseURL: "https://three.example/v1", model: "c" }
        ]
      }
      const endpoints = yield* resolveAll(spec, { modelToken: Redacted.make("of the node") })
      assert.deepStrictEqual(
        endpoints.map(({ apiKey, baseURL, model }) => [baseURL, model, apiKey && Redacted.value(apiKey)]),
        [
          ["https://one.example/v1", "large", "of the node"],
          ["https://two.example/v1", "b", "s3cr3t"],
          ["https://three.example/v1", "c", undefined]
        ]
      )
      const absent = [{ baseURL: "e", model: "m", apiKeySecretRef: { name: "absent", key: "token" } }]
      const closed = yield* Effect.flip(resolveAll({ ...spec, fallbackEndpoints: absent }))
      assert.strictEqual(closed.failureReason, "AuthUnavailable")
    }).pipe(Effect.provide(layer))
  )
})
