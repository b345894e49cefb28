/** discovery.k8s.io/v1 EndpointSlice: where a service answers. Read for nodes outside the cluster (contract §1.8). */
import { Schema } from "effect"

import { ObjectMeta } from "./Meta.ts"
import type { Resource } from "./Resource.ts"

const opt = Schema.optionalKey

export const EndpointSlice = Schema.Struct({
  metadata: ObjectMeta,
  endpoints: opt(
    Schema.NullOr(
      Schema.Array(
        Schema.Struct({
          conditions: opt(Schema.Struct({ ready: opt(Schema.NullOr(Schema.Boolean)) }))
        })
      )
    )
  ),
  ports: opt(Schema.NullOr(Schema.Array(Schema.Struct({ port: opt(Schema.NullOr(Schema.Int)) }))))
})
export interface EndpointSlice extends Schema.Schema.Type<typeof EndpointSlice> {}

export const endpointSlices: Resource<EndpointSlice> = {
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  singular: "endpointslice",
  shortNames: [],
  namespaced: true,
  schema: EndpointSlice
}
