import { Effect, Layer } from "effect"

import * as HttpKubeClient from "../../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../../layers/kube/KubeConfig.ts"
import { EmbeddedCluster, layer as cluster } from "../fakes/EmbeddedCluster.ts"
import { kubeClientContract } from "./kubeClient.ts"
import { refusalsContract } from "./refusals.ts"

/** By way of the kubeconfig that `foreman up` writes, as every program goes. */
const client = Layer.unwrap(
  Effect.gen(function* () {
    const { kubeconfig } = yield* EmbeddedCluster
    return HttpKubeClient.layer(yield* KubeConfig.load({ kubeconfig }))
  })
)

kubeClientContract("HttpKubeClient on the embedded server", client.pipe(Layer.provideMerge(cluster)), {
  expire: Effect.flatMap(EmbeddedCluster, ({ expire }) => expire)
})

refusalsContract("HttpKubeClient on the embedded server", client.pipe(Layer.provideMerge(cluster)))
