import type { IncomingMessage } from "node:http"
import { request as httpsRequest } from "node:https"

import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Redacted, Scope, Stream } from "effect"

import type { Certificates } from "../../../../layers/embedded/server/Certificates.ts"
import { PodLogs } from "../../../../layers/embedded/PodLogs.ts"
import * as Server from "../../../../layers/embedded/server/Server.ts"
import { apiserver, EmbeddedCluster, layer as cluster } from "../../../fakes/EmbeddedCluster.ts"

interface Options {
  readonly method?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Resolves with the answer's head. */
const open = (
  server: { readonly port: number; readonly certificates: Certificates },
  path: string,
  options: Options = {}
) =>
  Effect.callback<IncomingMessage>((resume) => {
    const token = options.token ?? `Bearer ${Redacted.value(server.certificates.token)}`
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port: server.port,
        path,
        method: options.method ?? "GET",
        ca: server.certificates.ca,
        agent: false,
        headers: { ...(token === "" ? {} : { authorization: token }), ...options.headers }
      },
      (response) => resume(Effect.succeed(response))
    )
    request.on("error", (cause) => resume(Effect.die(cause)))
    request.end(options.body)
    return Effect.sync(() => request.destroy())
  })

const textOf = (response: IncomingMessage) =>
  Effect.promise(async () => Buffer.concat(await response.toArray()).toString())

const call = Effect.fnUntraced(function* (path: string, options?: Options) {
  const server = yield* EmbeddedCluster
  const response = yield* open(server, path, options)
  const body = yield* textOf(response)
  const type = response.headers["content-type"] ?? ""
  return {
    code: response.statusCode,
    headers: response.headers,
    body: type.startsWith("application/json") ? JSON.parse(body) : body
  }
})

const json = { "content-type": "application/json" }
const merge = { "content-type": "application/merge-patch+json" }
const configmaps = "/api/v1/namespaces/default/configmaps"
const tasks = "/apis/foreman.llmkube.dev/v1alpha1/namespaces/default/agentictasks"

const task = (name: string, spec: object = {}) =>
  JSON.stringify({
    apiVersion: "foreman.llmkube.dev/v1alpha1",
    kind: "AgenticTask",
    metadata: { name },
    spec: { kind: "freeform", payload: {}, ...spec }
  })

/** Lines of a watch, until `count` came. */
const watched = Effect.fnUntraced(function* (path: string, count: number, headers = {}) {
  const server = yield* EmbeddedCluster
  const response = yield* open(server, path, { headers })
  return yield* Effect.promise(async () => {
    let text = ""
    for await (const chunk of response) {
      text += String(chunk)
      if (text.split("\n").length > count) break
    }
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  })
})

layer(cluster, { excludeTestServices: true })("Server", (it) => {
  describe("who may ask", () => {
    it.effect.each([
      { rule: "no token", token: "" },
      { rule: "a wrong token", token: "Bearer wrong" },
      { rule: "another scheme", token: "Basic Zm9vOmJhcg==" }
    ])("is refused with 401 for $rule", ({ token }) =>
      Effect.gen(function* () {
        const { code, body } = yield* call(tasks, { token })
        assert.deepStrictEqual(
          [code, body],
          [
            401,
            {
              kind: "Status",
              apiVersion: "v1",
              metadata: {},
              status: "Failure",
              message: "Unauthorized",
              reason: "Unauthorized",
              code: 401
            }
          ]
        )
      })
    )

    it.effect.each(["/healthz", "/readyz", "/livez", "/version", "/metrics"])(
      "needs no token for %s",
      (path) => Effect.map(call(path, { token: "" }), ({ code }) => assert.strictEqual(code, 200))
    )
  })

  describe("who may approve", () => {
    const approval = (by: string) => ({
      rule: "weakened",
      path: "test/a.test.ts",
      commit: "a".repeat(40),
      reason: "the function was removed",
      by
    })
    const gate = (name: string, ...approvals: ReadonlyArray<object>) =>
      JSON.stringify({
        apiVersion: "foreman.llmkube.dev/v1alpha1",
        kind: "AgenticTask",
        metadata: { name },
        spec: { kind: "verify", payload: {}, approvals }
      })
    const ownToken = Effect.map(
      EmbeddedCluster,
      ({ certificates }) => `Bearer ${Redacted.value(certificates.ownToken)}`
    )
    const patch = (name: string, token: string | undefined, body: object) =>
      call(`${tasks}/${name}`, {
        method: "PATCH",
        headers: merge,
        body: JSON.stringify(body),
        ...(token !== undefined && { token })
      })

    const remove = (name: string) => call(`${tasks}/${name}`, { method: "DELETE" })

    it.effect("is the owner, in the owner's own name", () =>
      Effect.gen(function* () {
        yield* Effect.addFinalizer(() => remove("approved"))
        yield* call(tasks, { method: "POST", headers: json, body: gate("approved") })
        const mine = yield* patch("approved", undefined, {
          spec: { approvals: [approval("foreman-admin")] }
        })
        const anothers = yield* patch("approved", undefined, {
          spec: { approvals: [approval("foreman-admin"), approval("grace")] }
        })
        const created = yield* call(tasks, {
          method: "POST",
          headers: json,
          body: gate("born-approved", approval("grace"))
        })
        assert.deepStrictEqual([mine.code, anothers.code, created.code], [200, 403, 403])
        assert.strictEqual(
          anothers.body.message,
          'agentictasks.foreman.llmkube.dev "approved" is forbidden: spec.approvals[1].by: must be foreman-admin, who writes it'
        )
      })
    )

    it.effect("is never Foreman's own client, which may do all else and keep approvals that are there", () =>
      Effect.gen(function* () {
        yield* Effect.addFinalizer(() => remove("own"))
        const token = yield* ownToken
        const created = yield* call(tasks, { method: "POST", headers: json, body: gate("own"), token })
        const refused = [
          yield* patch("own", token, { spec: { approvals: [approval("foreman-admin")] } }),
          yield* patch("own", token, { spec: { approvals: [approval("system:foreman")] } })
        ]
        yield* patch("own", undefined, { spec: { approvals: [approval("foreman-admin")] } })
        const kept = yield* patch("own", token, { metadata: { labels: { a: "b" } } })
        const status = yield* call(`${tasks}/own/status`, {
          method: "PATCH",
          headers: merge,
          body: JSON.stringify({ status: { phase: "Pending" } }),
          token
        })
        assert.deepStrictEqual(
          [created.code, ...refused.map(({ code }) => code), kept.code, status.code],
          [201, 403, 403, 200, 200]
        )
        assert.match(refused[0]?.body.message, /Foreman's own clients may not approve$/u)
      })
    )

    it.effect("is told who it is", () =>
      Effect.gen(function* () {
        const whoami = (token: string | undefined) =>
          Effect.map(
            call("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
              method: "POST",
              headers: json,
              body: "{}",
              ...(token !== undefined && { token })
            }),
            ({ body }) => body.status.userInfo.username
          )
        assert.deepStrictEqual(
          [yield* whoami(undefined), yield* whoami(yield* ownToken)],
          ["foreman-admin", "system:foreman"]
        )
      })
    )
  })

  describe("what cannot be served", () => {
    it.effect.each([
      { rule: "an unknown path", path: "/nope", code: 404, reason: "NotFound" },
      {
        rule: "an unknown kind",
        path: "/apis/foreman.llmkube.dev/v1alpha1/namespaces/default/cats",
        code: 404,
        reason: "NotFound"
      },
      {
        rule: "an unknown version",
        path: "/apis/foreman.llmkube.dev/v9/agents",
        code: 404,
        reason: "NotFound"
      },
      { rule: "an escaped slash in a name", path: `${configmaps}/a%2Fb`, code: 404, reason: "NotFound" },
      { rule: "a path that is no text", path: `${configmaps}/%ff`, code: 404, reason: "NotFound" },
      { rule: "OpenAPI v2", path: "/openapi/v2", code: 404, reason: "NotFound" },
      {
        rule: "a namespace on a cluster-scoped kind",
        path: "/apis/foreman.llmkube.dev/v1alpha1/namespaces/default/fleetnodes",
        code: 404,
        reason: "NotFound"
      },
      { rule: "an unknown subresource", path: `${tasks}/x/scale`, code: 404, reason: "NotFound" },
      { rule: "an absent object", path: `${tasks}/x`, code: 404, reason: "NotFound" },
      { rule: "POST on discovery", path: "/apis", method: "POST", code: 405, reason: "MethodNotAllowed" },
      {
        rule: "POST on an object",
        path: `${tasks}/x`,
        method: "POST",
        body: task("x"),
        code: 405,
        reason: "MethodNotAllowed"
      },
      { rule: "PUT on a collection", path: tasks, method: "PUT", code: 405, reason: "MethodNotAllowed" },
      {
        rule: "DELETE on a status",
        path: `${tasks}/x/status`,
        method: "DELETE",
        code: 405,
        reason: "MethodNotAllowed"
      },
      {
        rule: "listing reviews",
        path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        code: 405,
        reason: "MethodNotAllowed"
      },
      {
        rule: "a body that is cut off",
        path: tasks,
        method: "POST",
        headers: json,
        body: '{"kind":',
        code: 400,
        reason: "BadRequest"
      },
      {
        rule: "a body that is no object",
        path: tasks,
        method: "POST",
        headers: json,
        body: "[]",
        code: 400,
        reason: "BadRequest"
      },
      {
        rule: "YAML that is none",
        path: tasks,
        method: "POST",
        headers: { "content-type": "application/yaml" },
        body: "a: [",
        code: 400,
        reason: "BadRequest"
      },
      {
        rule: "protobuf that is none",
        path: configmaps,
        method: "POST",
        headers: { "content-type": "application/vnd.kubernetes.protobuf" },
        body: "k8s\0\n\xff",
        code: 400,
        reason: "BadRequest"
      },
      {
        rule: "a form",
        path: tasks,
        method: "POST",
        headers: { "content-type": "text/plain" },
        body: "x",
        code: 415,
        reason: "UnsupportedMediaType"
      },
      {
        rule: "a patch of no known type",
        path: `${tasks}/x`,
        method: "PATCH",
        headers: json,
        body: "{}",
        code: 415,
        reason: "UnsupportedMediaType"
      },
      {
        rule: "an answer in XML",
        path: tasks,
        headers: { accept: "application/xml" },
        code: 406,
        reason: "NotAcceptable"
      },
      { rule: "a limit that is no number", path: `${tasks}?limit=many`, code: 400, reason: "BadRequest" },
      {
        rule: "a dry run of some stages",
        path: `${tasks}?dryRun=Some`,
        method: "POST",
        headers: json,
        body: task("x"),
        code: 422,
        reason: "Invalid"
      },
      { rule: "a selector that is none", path: `${tasks}?labelSelector=!!`, code: 400, reason: "BadRequest" },
      {
        rule: "a watch by a field that is not indexed",
        path: `${tasks}?watch=true&fieldSelector=spec.nope%3Dx`,
        code: 400,
        reason: "BadRequest"
      },
      {
        rule: "an apply without a manager",
        path: `${tasks}/x`,
        method: "PATCH",
        headers: { "content-type": "application/apply-patch+yaml" },
        body: "{}",
        code: 422,
        reason: "Invalid"
      }
    ])("is refused with $code for $rule", ({ path, code, reason, ...options }) =>
      Effect.gen(function* () {
        const answer = yield* call(path, options)
        assert.deepStrictEqual(
          [answer.code, answer.body.kind, answer.body.code, answer.body.reason],
          [code, "Status", code, reason]
        )
      })
    )

    it.effect("is a body above 3 MiB: 413, and the connection ends", () =>
      Effect.gen(function* () {
        const body = JSON.stringify({ metadata: { name: "big" }, data: { a: "x".repeat(3 * 1024 * 1024) } })
        const {
          code,
          headers,
          body: status
        } = yield* call(configmaps, { method: "POST", headers: json, body })
        assert.deepStrictEqual(
          [code, headers.connection, status.reason],
          [413, "close", "RequestEntityTooLarge"]
        )
        assert.strictEqual((yield* call(`${configmaps}/big`)).code, 404)
      })
    )
  })

  describe("writes", () => {
    it.effect("are create, read, replace, patch and delete", () =>
      Effect.gen(function* () {
        const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: life}\ndata: {a: '1'}\n"
        const created = yield* call(configmaps, {
          method: "POST",
          headers: { "content-type": "application/yaml" },
          body: yaml
        })
        assert.deepStrictEqual([created.code, created.body.data], [201, { a: "1" }])
        const replaced = yield* call(`${configmaps}/life`, {
          method: "PUT",
          headers: json,
          body: JSON.stringify({ ...created.body, data: { b: "2" } })
        })
        assert.deepStrictEqual([replaced.code, replaced.body.data], [200, { b: "2" }])
        const patched = yield* call(`${configmaps}/life`, {
          method: "PATCH",
          headers: merge,
          body: '{"data":{"c":"3"}}'
        })
        assert.deepStrictEqual([patched.code, patched.body.data], [200, { b: "2", c: "3" }])
        const deleted = yield* call(`${configmaps}/life`, { method: "DELETE" })
        assert.deepStrictEqual(deleted.body, {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Success",
          details: { name: "life", group: "", kind: "configmaps", uid: created.body.metadata.uid }
        })
        assert.strictEqual((yield* call(`${configmaps}/life`)).code, 404)
      })
    )

    it.effect("show an object that a finalizer holds, and not a Status", () =>
      Effect.gen(function* () {
        const body = JSON.stringify({ metadata: { name: "held", finalizers: ["example.com/hold"] } })
        yield* call(configmaps, { method: "POST", headers: json, body })
        const deleted = yield* call(`${configmaps}/held`, { method: "DELETE" })
        assert.deepStrictEqual(
          [deleted.body.metadata.name, typeof deleted.body.metadata.deletionTimestamp],
          ["held", "string"]
        )
        yield* call(`${configmaps}/held`, {
          method: "PATCH",
          headers: merge,
          body: '{"metadata":{"finalizers":null}}'
        })
        assert.strictEqual((yield* call(`${configmaps}/held`)).code, 404)
      })
    )

    it.effect(
      "warn of unknown fields in a header, refuse them when strict, and keep nothing of a dry run",
      () =>
        Effect.gen(function* () {
          const body = task("typo", { modelRf: "x" })
          const strict = yield* call(`${tasks}?fieldValidation=Strict`, {
            method: "POST",
            headers: json,
            body
          })
          assert.deepStrictEqual(
            [strict.code, strict.body.message],
            [
              400,
              'AgenticTask in version "v1alpha1" cannot be handled as a AgenticTask: strict decoding error: unknown field "spec.modelRf"'
            ]
          )
          const warned = yield* call(`${tasks}?fieldValidation=Warn&dryRun=All`, {
            method: "POST",
            headers: json,
            body
          })
          assert.deepStrictEqual(
            [warned.code, warned.headers["warning"]],
            [201, '299 - "unknown field \\"spec.modelRf\\""']
          )
          assert.strictEqual((yield* call(`${tasks}/typo`)).code, 404)
        })
    )

    it.effect("delete a collection by its labels", () =>
      Effect.gen(function* () {
        for (const [name, color] of [
          ["r1", "red"],
          ["r2", "red"],
          ["b1", "blue"]
        ] as const) {
          const body = JSON.stringify({ metadata: { name, labels: { color } } })
          yield* call(configmaps, { method: "POST", headers: json, body })
        }
        yield* call(`${configmaps}?labelSelector=color%3Dred`, { method: "DELETE" })
        const left = yield* call(`${configmaps}?labelSelector=color`)
        assert.deepStrictEqual(
          left.body.items.map((item: any) => item.metadata.name),
          ["b1"]
        )
      })
    )

    it.effect("answer reviews without storing them", () =>
      Effect.gen(function* () {
        const review = yield* call("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
          method: "POST",
          headers: json,
          body: JSON.stringify({ spec: { resourceAttributes: { verb: "delete", resource: "pods" } } })
        })
        assert.deepStrictEqual(
          [review.code, review.body.kind, review.body.status.allowed],
          [201, "SelfSubjectAccessReview", true]
        )
      })
    )
  })

  describe("a watch", () => {
    it.effect("sends its headers before anything happened", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedCluster
        const { body } = yield* call(tasks)
        const response = yield* open(
          server,
          `${tasks}?watch=true&resourceVersion=${body.metadata.resourceVersion}`
        )
        assert.deepStrictEqual([response.statusCode, response.headers["transfer-encoding"]], [200, "chunked"])
        response.destroy()
      })
    )

    it.effect("ends after timeoutSeconds", () =>
      Effect.gen(function* () {
        const { body } = yield* call(tasks)
        const lines = yield* watched(
          `${tasks}?watch=1&timeoutSeconds=1&resourceVersion=${body.metadata.resourceVersion}`,
          9
        )
        assert.deepStrictEqual(lines, [])
      })
    )

    it.effect("that begins with a list ends it with an annotated bookmark", () =>
      Effect.gen(function* () {
        const name = "watch-list"
        yield* call(configmaps, {
          method: "POST",
          headers: json,
          body: JSON.stringify({ metadata: { name } })
        })
        const lines = yield* watched(
          `${configmaps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3D${name}`,
          2
        )
        assert.deepStrictEqual(
          lines.map(({ type, object }) => [type, object.metadata.name, object.metadata.annotations]),
          [
            ["ADDED", name, undefined],
            ["BOOKMARK", undefined, { "k8s.io/initial-events-end": "true" }]
          ]
        )
      })
    )

    it.effect("shows rows when asked for a Table, and names the columns once", () =>
      Effect.gen(function* () {
        for (const name of ["row-1", "row-2"])
          yield* call(tasks, { method: "POST", headers: json, body: task(name) })
        const lines = yield* watched(`${tasks}?watch=1&resourceVersion=0`, 2, {
          accept: "application/json;as=Table;v=v1;g=meta.k8s.io"
        })
        assert.deepStrictEqual(
          lines.map(({ type, object }) => [
            type,
            object.kind,
            object.columnDefinitions?.map((column: any) => column.name),
            object.rows[0].cells.slice(0, 5)
          ]),
          [
            [
              "ADDED",
              "Table",
              ["Name", "Phase", "Kind", "Node", "Verdict", "Age"],
              ["row-1", null, "freeform", null, null]
            ],
            ["ADDED", "Table", undefined, ["row-2", null, "freeform", null, null]]
          ]
        )
      })
    )

    it.effect("from a version of the future, or of another store, is told so within or refused", () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedCluster
        const response = yield* open(server, `${tasks}?watch=1&resourceVersion=999999`)
        const body = yield* Effect.map(textOf(response), (text) => JSON.parse(text))
        const status = body.type === "ERROR" ? body.object : body
        assert.deepStrictEqual([status.kind, status.status], ["Status", "Failure"])
      }).pipe(Effect.timeout("5 seconds"))
    )
  })
})

describe("Server", () => {
  it.live("names the port that is taken and what to do", () =>
    Effect.gen(function* () {
      const { port, certificates } = yield* EmbeddedCluster
      const refused = yield* Effect.flip(
        Effect.scoped(Layer.build(Server.layer({ port, certificates }).pipe(Layer.provide(apiserver))))
      )
      assert.strictEqual(
        refused.message,
        `embedded server: port ${port} of 127.0.0.1 is in use: end what listens there, or choose another with --port (0 is any free one)`
      )
    }).pipe(Effect.provide(cluster))
  )

  it.live("ends what a client no longer reads", () =>
    Effect.gen(function* () {
      const { certificates } = yield* EmbeddedCluster
      const ended = yield* Deferred.make<void>()
      const endless = Stream.never.pipe(Stream.ensuring(Deferred.succeed(ended, undefined)))
      const logs = Layer.succeed(PodLogs, PodLogs.of({ open: () => Effect.succeed(endless) }))
      const context = yield* Layer.build(
        Server.layer({ port: 0, certificates }).pipe(Layer.provide(logs), Layer.provide(apiserver))
      )
      const server = { port: Context.get(context, Server.Endpoint).port, certificates }
      const pod = JSON.stringify({
        metadata: { name: "p" },
        spec: { containers: [{ name: "c", image: "none" }] }
      })
      const created = yield* open(server, "/api/v1/namespaces/default/pods", {
        method: "POST",
        headers: json,
        body: pod
      })
      assert.strictEqual(created.statusCode, 201)
      const log = yield* open(server, "/api/v1/namespaces/default/pods/p/log?follow=true")
      log.on("error", () => {}).destroy()
      yield* Deferred.await(ended).pipe(Effect.timeout("5 seconds"))
    }).pipe(Effect.provide(cluster))
  )

  it.live("answers a bug with 500 and goes on", () =>
    Effect.gen(function* () {
      const { certificates } = yield* EmbeddedCluster
      const routes = { "/bug": Effect.die("a bug") }
      const context = yield* Layer.build(
        Server.layer({ port: 0, certificates, routes }).pipe(Layer.provide(apiserver))
      )
      const server = { port: Context.get(context, Server.Endpoint).port, certificates }
      const broken = yield* open(server, "/bug")
      assert.deepStrictEqual(
        [broken.statusCode, JSON.parse(yield* textOf(broken)).reason],
        [500, "InternalError"]
      )
      assert.strictEqual((yield* open(server, "/healthz")).statusCode, 200)
    }).pipe(Effect.provide([cluster, Logger.layer([])]))
  )

  it.live("tells who still waits for an answer to come back, when it closes", () =>
    Effect.gen(function* () {
      const { certificates } = yield* EmbeddedCluster
      const scope = yield* Scope.make()
      const asked = yield* Deferred.make<void>()
      const routes = { "/slow": Effect.andThen(Deferred.succeed(asked, undefined), Effect.never) }
      const context = yield* Layer.build(
        Server.layer({ port: 0, certificates, routes }).pipe(Layer.provide(apiserver))
      ).pipe(Scope.provide(scope))
      const { port } = Context.get(context, Server.Endpoint)
      const answer = yield* Effect.forkChild(open({ port, certificates }, "/slow"))
      yield* Deferred.await(asked)
      yield* Scope.close(scope, Exit.void)
      const { statusCode, headers } = yield* Fiber.join(answer)
      assert.deepStrictEqual([statusCode, headers["retry-after"]], [503, "1"])
    }).pipe(Effect.provide(cluster))
  )

  it.live("ends its watches at once when it closes", () =>
    Effect.gen(function* () {
      const { certificates } = yield* EmbeddedCluster
      const scope = yield* Scope.make()
      const context = yield* Layer.build(
        Server.layer({ port: 0, certificates }).pipe(Layer.provide(apiserver))
      ).pipe(Scope.provide(scope))
      const { port } = Context.get(context, Server.Endpoint)
      const response = yield* open({ port, certificates }, "/api/v1/pods?watch=1")
      const body = textOf(response)
      const started = performance.now()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* body, "")
      assert.isBelow(performance.now() - started, 1_000)
    }).pipe(Effect.provide(cluster))
  )
})
