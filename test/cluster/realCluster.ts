/** The API server of KUBECONFIG, with Foreman's and LLMKube's kinds on it. */
import { Effect, Layer, Schedule, Schema } from "effect"

import * as HttpKubeClient from "../../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../../layers/kube/KubeConfig.ts"
import { foremanResources, inferenceResources, toCrd } from "../../schema/Crd.ts"
import { ObjectMeta } from "../../schema/Meta.ts"
import { groupResource, type Resource } from "../../schema/Resource.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"

const Definition = Schema.Struct({
  metadata: ObjectMeta,
  status: Schema.optionalKey(
    Schema.Struct({
      // Null until the server has looked at it.
      conditions: Schema.NullOr(Schema.Array(Schema.Struct({ type: Schema.String, status: Schema.String })))
    })
  )
})

const definitions: Resource<typeof Definition.Type> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  singular: "customresourcedefinition",
  shortNames: ["crd", "crds"],
  namespaced: false,
  schema: Definition
}

/** A definition is served a moment after it is stored. */
const isEstablished = ({ status }: typeof Definition.Type): boolean =>
  status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true

const applyDefinitions = Effect.gen(function* () {
  const kube = yield* KubeClient
  for (const resource of [...foremanResources, ...inferenceResources]) {
    const ref = { name: groupResource(resource) }
    const { spec } = toCrd(resource)
    const body = { metadata: ref, spec }
    yield* kube.patch(definitions, ref, { type: "apply", body, fieldManager: "foreman-test", force: true })
    yield* kube
      .get(definitions, ref)
      .pipe(Effect.repeat({ until: isEstablished, schedule: Schedule.spaced("50 millis"), times: 200 }))
  }
})

export const layer = Layer.effectDiscard(applyDefinitions).pipe(
  Layer.provideMerge(Layer.unwrap(Effect.map(KubeConfig.load(), (config) => HttpKubeClient.layer(config))))
)
