/** Where an Agent's model answers. Contract §1.8. */
import { Effect, Option, Redacted, Schema } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { Prices } from "../../schema/Budget.ts"
import { secrets } from "../../schema/Core.ts"
import { endpointSlices } from "../../schema/EndpointSlice.ts"
import { baseURLOf, inferenceServices } from "../../schema/InferenceService.ts"
import { FailureReason } from "../../schema/Verdict.ts"
import type { Endpoint } from "../services/InferenceClient.ts"
import { KubeClient } from "../services/KubeClient.ts"
import { RunnerConfig } from "./Executor.ts"

/** Something that must be there before a run can begin is not; a person must act. */
export class Precondition extends Schema.TaggedError<Precondition>()("Precondition", {
  reason: Schema.String,
  failureReason: FailureReason,
  message: Schema.String
}) {}

const unavailable = (message: string) =>
  new Precondition({
    reason: "InferenceServiceUnavailable",
    failureReason: "InferenceServiceUnavailable",
    message
  })
const noKey = (message: string) =>
  new Precondition({ reason: "AuthUnavailable", failureReason: "AuthUnavailable", message })

const decodeBase64 = Schema.decodeUnknownOption(Schema.StringFromBase64)

type SecretRef = NonNullable<NonNullable<Agent["spec"]["providerConfig"]>["apiKeySecretRef"]>

/** The key that a Secret holds, or `without` where none is named. */
const apiKey = Effect.fnUntraced(function* (
  agent: Agent,
  namespace: string,
  ref: SecretRef | undefined,
  without: Redacted.Redacted<string> | undefined
) {
  if (ref === undefined) return without
  const kube = yield* KubeClient
  const secret = yield* kube.get(secrets, { name: ref.name, namespace }).pipe(
    Effect.catchReason("KubeError", "NotFound", () => Effect.undefined),
    Effect.mapError((error) => noKey(`the API key of agent ${agent.metadata.name}: ${error.message}`))
  )
  const encoded = secret?.data?.[ref.key]
  const decoded = decodeBase64(encoded)
  if (Option.isSome(decoded)) return Redacted.make(decoded.value.trim())
  if (ref.optional === true) return undefined
  return yield* noKey(
    `secret ${namespace}/${ref.name} has no key ${ref.key} for agent ${agent.metadata.name}`
  )
})

/** Outside the cluster a service's name leads nowhere: another host, and the port that its endpoints really have. */
const overHost = Effect.fnUntraced(function* (
  baseURL: string,
  host: string,
  name: string,
  namespace: string
) {
  const kube = yield* KubeClient
  const { items } = yield* kube
    .list(endpointSlices, {
      namespace,
      labelSelector: `kubernetes.io/service-name=${name.replaceAll(".", "-")}`
    })
    .pipe(Effect.mapError((error) => unavailable(error.message)))
  const ready = items.find(
    (slice) => slice.endpoints?.some((one) => one.conditions?.ready !== false) === true
  )
  const port = ready?.ports?.find((candidate) => (candidate.port ?? 0) > 0)?.port
  const url = URL.canParse(baseURL) ? new URL(baseURL) : undefined
  if (port === undefined || port === null || url === undefined) {
    return yield* unavailable(
      `InferenceService ${namespace}/${name} has no ready endpoint to reach over ${host}`
    )
  }
  url.hostname = host
  url.port = String(port)
  return baseURLOf(url.href)
})

const firstEndpoint = Effect.fn("modelEndpoint")(function* (
  agent: Agent,
  namespace: string
): Effect.fn.Return<Endpoint, Precondition, KubeClient | RunnerConfig> {
  const config = yield* RunnerConfig
  const { apiKeySecretRef, inferenceServiceRef, model = "", provider, providerConfig } = agent.spec
  if (provider === "cloud-proxy") {
    if (providerConfig === undefined) {
      return yield* unavailable(`agent ${agent.metadata.name} is a cloud-proxy without providerConfig`)
    }
    const key = yield* apiKey(agent, namespace, providerConfig.apiKeySecretRef, config.modelToken)
    return {
      baseURL: baseURLOf(providerConfig.baseURL),
      model: providerConfig.model,
      ...(key === undefined ? {} : { apiKey: key })
    }
  }
  const { inferenceBaseURLHostOverride: host = "", inferenceBaseURLOverride: override = "" } = config
  const isOverridden = override !== ""
  const nodesKey = config.modelToken ?? (isOverridden ? config.overrideToken : undefined)
  const found = yield* apiKey(agent, namespace, apiKeySecretRef, nodesKey)
  const key = found === undefined ? {} : { apiKey: found }
  if (isOverridden) return { baseURL: baseURLOf(override), model, ...key }
  const name = inferenceServiceRef?.name ?? ""
  if (name === "") return yield* unavailable(`agent ${agent.metadata.name} names no InferenceService`)
  const kube = yield* KubeClient
  const service = yield* kube
    .get(inferenceServices, { name, namespace })
    .pipe(Effect.mapError((error) => unavailable(error.message)))
  const baseURL = baseURLOf(service.status?.endpoint ?? "")
  if (baseURL === "") return yield* unavailable(`InferenceService ${namespace}/${name} has no endpoint yet`)
  const reachable = host === "" ? baseURL : yield* overHost(baseURL, host, name, namespace)
  return { baseURL: reachable, model, ...key }
})

const priced = (endpoint: Endpoint, prices: Prices | undefined): Endpoint =>
  prices === undefined ? endpoint : { ...endpoint, prices }

/** Where an Agent's model answers, the first of them first. A fallback has the key that it names, and no other. */
export const modelEndpoints = Effect.fn("modelEndpoints")(function* (
  agent: Agent,
  namespace: string
): Effect.fn.Return<readonly [Endpoint, ...Array<Endpoint>], Precondition, KubeClient | RunnerConfig> {
  const { prices } = agent.spec
  const first = yield* Effect.map(firstEndpoint(agent, namespace), (endpoint) => priced(endpoint, prices))
  const others = yield* Effect.forEach(
    agent.spec.fallbackEndpoints ?? [],
    ({ apiKeySecretRef, baseURL, model, prices: own }) =>
      Effect.map(apiKey(agent, namespace, apiKeySecretRef, undefined), (key): Endpoint =>
        priced({ baseURL: baseURLOf(baseURL), model, ...(key === undefined ? {} : { apiKey: key }) }, own)
      )
  )
  return [first, ...others]
})
