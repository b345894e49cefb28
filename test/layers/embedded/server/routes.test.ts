import { assert, describe, it } from "@effect/vitest"

import { negotiate, offersDiscovery, offersMeta } from "../../../../layers/embedded/server/accept.ts"
import { parseRoute } from "../../../../layers/embedded/server/routes.ts"

const resource = (more: object) => ({
  kind: "resource",
  group: "",
  version: "v1",
  namespace: undefined,
  name: undefined,
  subresource: undefined,
  ...more
})

describe("parseRoute", () => {
  it.each([
    ["/api", { kind: "discovery", root: "api" }],
    ["/api/v1", { kind: "discovery", root: "api", group: "", version: "v1" }],
    ["/apis/", { kind: "discovery", root: "apis" }],
    ["/apis/batch", { kind: "discovery", root: "apis", group: "batch" }],
    ["/apis/batch/v1", { kind: "discovery", root: "apis", group: "batch", version: "v1" }],
    ["/openapi/v3", { kind: "openapi" }],
    ["/openapi/v3/api/v1", { kind: "openapi", group: "", version: "v1" }],
    ["/openapi/v3/apis/batch/v1", { kind: "openapi", group: "batch", version: "v1" }],
    ["/openapi/v2", undefined],
    ["/version", { kind: "version" }],
    ["/readyz/ping", { kind: "health" }],
    ["/api/v1/pods", resource({ plural: "pods" })],
    ["/api/v1/namespaces", resource({ plural: "namespaces" })],
    ["/api/v1/namespaces/a", resource({ plural: "namespaces", name: "a" })],
    ["/api/v1/namespaces/a/status", resource({ plural: "namespaces", name: "a", subresource: "status" })],
    ["/api/v1/namespaces/a/pods", resource({ namespace: "a", plural: "pods" })],
    [
      "/api/v1/namespaces/a/pods/p/log",
      resource({ namespace: "a", plural: "pods", name: "p", subresource: "log" })
    ],
    [
      "/apis/x.dev/v1/nodes/n/status",
      resource({ group: "x.dev", plural: "nodes", name: "n", subresource: "status" })
    ],
    ["/api/v1/namespaces/a/pods/p/log/more", undefined],
    ["/", undefined],
    ["/favicon.ico", undefined]
  ])("%s", (path, route) => assert.deepStrictEqual(parseRoute(path) as unknown, route))
})

describe("negotiate", () => {
  const table = { as: "Table", group: "meta.k8s.io", version: "v1" }
  const plain = { as: "", group: "", version: "" }
  it.each([
    ["nothing", undefined, plain],
    ["anything", "*/*", plain],
    ["kubectl get", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", table],
    ["an older form only", "application/json;as=Table;v=v1beta1;g=meta.k8s.io", undefined],
    ["an older form first", "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", plain],
    ["client-go", "application/vnd.kubernetes.protobuf,application/json", plain],
    ["protobuf only", "application/vnd.kubernetes.protobuf", undefined]
  ])("gives who asks for %s what is offered", (_, header, form) =>
    assert.deepStrictEqual(negotiate(header, offersMeta) as unknown, form)
  )

  it("offers aggregated discovery in v2 alone", () => {
    const asked = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    assert.deepStrictEqual(negotiate(asked, offersDiscovery) as unknown, plain)
  })
})
