/** The manifests of `examples/`, put into the demo's cluster as `kubectl apply` would. */
import { Effect } from "effect"
import { parseAllDocuments } from "yaml"

import { agents } from "../../schema/Agent.ts"
import { foremanResources, inferenceResources } from "../../schema/Crd.ts"
import { inferenceServices } from "../../schema/InferenceService.ts"
import { KubeClient, type Manifest } from "../../src/services/KubeClient.ts"
import { DemoError, readExample } from "./repository.ts"

const files = [
  "agents/coder.yaml",
  "agents/gate.yaml",
  "agents/reviewer.yaml",
  "inference-services.yaml",
  "pipeline.yaml"
]

const kinds = [...foremanResources, ...inferenceResources]

/** Applies every manifest, and says where the models are served before anything asks. */
export const applyExamples = Effect.fn("demo.applyExamples")(function* (model: {
  /** Base URL of the API, without `/chat/completions`. */
  readonly baseURL: string
  /** Replaces the models of the Agents. */
  readonly name: string | undefined
}) {
  const kube = yield* KubeClient
  for (const file of files) {
    for (const document of parseAllDocuments(yield* readExample(file))) {
      const manifest: Manifest & { readonly kind: string } = document.toJS()
      const resource = kinds.find((resource) => resource.kind === manifest.kind)
      if (resource === undefined)
        return yield* new DemoError({ message: `${file}: unknown kind ${manifest.kind}` })
      const { name, namespace } = manifest.metadata
      const ref = { name: name ?? "", namespace }
      yield* kube.patch(resource, ref, { type: "apply", body: manifest, fieldManager: "foreman-demo" })
      if (resource.plural === inferenceServices.plural) {
        const endpoint = `${model.baseURL.replace(/\/+$/u, "")}/chat/completions`
        yield* kube.patch(
          resource,
          ref,
          { type: "merge", body: { status: { endpoint } } },
          { subresource: "status" }
        )
      }
      if (
        resource.plural === agents.plural &&
        model.name !== undefined &&
        "model" in Object(manifest["spec"])
      ) {
        yield* kube.patch(resource, ref, { type: "merge", body: { spec: { model: model.name } } })
      }
    }
  }
})
