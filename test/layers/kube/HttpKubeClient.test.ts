import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Stream } from "effect"

import * as HttpKubeClient from "../../../layers/kube/HttpKubeClient.ts"
import { type KubeConfig, KubeConfigError } from "../../../layers/kube/KubeConfig.ts"
import { configMaps, type ConfigMap, namespaces } from "../../../schema/Core.ts"
import { configOf, json, server, status, type Answer } from "./misbehaving.ts"

const map = (name: string, resourceVersion = "1", data: unknown = { a: "1" }) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "here", resourceVersion },
  data
})
const decoded = (name: string, resourceVersion = "1"): ConfigMap => ({
  metadata: { name, namespace: "here", resourceVersion },
  data: { a: "1" }
})

const against = (
  answer: Answer,
  options: HttpKubeClient.Options = {},
  authorization?: KubeConfig["authorization"]
) =>
  Effect.gen(function* () {
    const api = yield* server(answer)
    const kube = yield* HttpKubeClient.make(configOf(api.url, authorization), options)
    return { api, kube }
  })

const failure = <A, E>(effect: Effect.Effect<A, E>) => Effect.flip(effect)

const listOf = (items: ReadonlyArray<unknown>, more?: string) => ({
  metadata: { resourceVersion: "9", ...(more === undefined ? {} : { continue: more }) },
  items
})
const event = (type: string, object: unknown) => Buffer.from(`${JSON.stringify({ type, object })}\n`)
const watching = (answer: Answer, options?: HttpKubeClient.Options) =>
  Effect.gen(function* () {
    const { api, kube } = yield* against(answer, options)
    const events: Array<unknown> = []
    const exit = yield* kube.watch(configMaps, { resourceVersion: "5" }).pipe(
      Stream.runForEach((one) => Effect.sync(() => events.push(one))),
      Effect.exit
    )
    return { api, events, exit }
  })
const reasonOf = (exit: Exit.Exit<void, { readonly reason: { readonly _tag: string } }>) =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail"
    ? exit.cause.reasons[0].error.reason._tag
    : "end"

describe("HttpKubeClient requests", () => {
  it.live("speaks each verb as Kubernetes wants it", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against((response) => json(response, 200, map("x")))
      const ref = { name: "x", namespace: "other" }
      yield* kube.get(configMaps, { name: "x" })
      yield* kube.get(namespaces, { name: "n" })
      yield* kube.create(configMaps, { metadata: { name: "x" }, data: {} })
      yield* kube.replace(configMaps, { metadata: ref })
      yield* kube.patch(configMaps, ref, { type: "merge", body: { data: null } }, { subresource: "status" })
      yield* kube.patch(configMaps, ref, { type: "json", body: [{ op: "remove", path: "/data" }] })
      yield* kube.patch(configMaps, ref, { type: "strategic", body: {} })
      yield* kube.patch(configMaps, ref, {
        type: "apply",
        body: { metadata: { name: "x" } },
        fieldManager: "foreman",
        force: true
      })
      yield* kube.delete(configMaps, ref, {
        propagationPolicy: "Background",
        preconditions: { resourceVersion: "7" }
      })
      const root = "/api/v1/namespaces/other/configmaps/x"
      assert.deepStrictEqual(
        api.seen.map(({ method, url, contentType, body }) => [method, url, contentType, body]),
        [
          ["GET", "/api/v1/namespaces/here/configmaps/x", undefined, ""],
          ["GET", "/api/v1/namespaces/n", undefined, ""],
          [
            "POST",
            "/api/v1/namespaces/here/configmaps",
            "application/json",
            '{"metadata":{"name":"x"},"data":{},"apiVersion":"v1","kind":"ConfigMap"}'
          ],
          [
            "PUT",
            root,
            "application/json",
            '{"metadata":{"name":"x","namespace":"other"},"apiVersion":"v1","kind":"ConfigMap"}'
          ],
          ["PATCH", `${root}/status`, "application/merge-patch+json", '{"data":null}'],
          ["PATCH", root, "application/json-patch+json", '[{"op":"remove","path":"/data"}]'],
          ["PATCH", root, "application/strategic-merge-patch+json", "{}"],
          [
            "PATCH",
            `${root}?fieldManager=foreman&force=true`,
            "application/apply-patch+yaml",
            '{"metadata":{"name":"x"},"apiVersion":"v1","kind":"ConfigMap"}'
          ],
          [
            "DELETE",
            root,
            "application/json",
            '{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background","preconditions":{"resourceVersion":"7"}}'
          ]
        ]
      )
    })
  )

  it.live("makes one typed reason of each refusal, with the server's patience", () =>
    Effect.gen(function* () {
      const codes: ReadonlyArray<readonly [number, string, string]> = [
        [404, "NotFound", "NotFound"],
        [409, "AlreadyExists", "AlreadyExists"],
        [409, "Conflict", "Conflict"],
        [410, "Expired", "Gone"],
        [422, "Invalid", "Invalid"],
        [403, "Forbidden", "Forbidden"],
        [429, "TooManyRequests", "TooManyRequests"]
      ]
      const { kube } = yield* against((response, _, nth) => {
        const [code, reason] = codes[nth] ?? [503, ""]
        if (reason === "") response.writeHead(503, { "retry-after": "7" }).end("<html>gone fishing</html>")
        else status(response, code, reason, { "retry-after": "60" })
      })
      const errors = yield* Effect.forEach([...codes, null], () =>
        failure(kube.get(configMaps, { name: "x" }))
      )
      assert.deepStrictEqual(
        errors.map((error) => error.reason._tag),
        [...codes.map(([, , tag]) => tag), "Unavailable"]
      )
      assert.deepStrictEqual(
        errors.flatMap(({ reason }) => ("retryAfterSeconds" in reason ? [reason.retryAfterSeconds] : [])),
        [60, 7]
      )
      assert.strictEqual(errors[7]?.message, "get configmaps here/x: HTTP 503: <html>gone fishing</html>")
      assert.deepStrictEqual(
        errors.map((error) => error.isTransient),
        [false, false, false, false, false, false, true, true]
      )
    })
  )

  it.live("asks again when the server said 429, after the time it said, and holds up nobody else", () =>
    Effect.gen(function* () {
      const startedAt = performance.now()
      const asked: Array<readonly [string, number]> = []
      const { kube } = yield* against((response, { url }) => {
        const name = url.split("/").at(-1) ?? ""
        const isFirst = !asked.some(([before]) => before === name)
        asked.push([name, performance.now() - startedAt])
        if (name !== "free" && isFirst) status(response, 429, "TooManyRequests", { "retry-after": "1" })
        else json(response, 200, map(name))
      })
      const busy = Array.from({ length: 40 }, (_, index) => `busy-${index}`)
      const all = yield* Effect.forkScoped(
        Effect.forEach(busy, (name) => kube.patch(configMaps, { name }, { type: "merge", body: {} }), {
          concurrency: "unbounded"
        })
      )
      yield* Effect.sleep("200 millis")
      yield* kube.get(configMaps, { name: "free" })
      const freeAt = asked.find(([name]) => name === "free")?.[1] ?? Number.POSITIVE_INFINITY
      assert.deepStrictEqual(
        (yield* Fiber.join(all)).map(({ metadata }) => metadata.name),
        busy
      )
      for (const name of busy) {
        const [first = 0, second = 0, ...more] = asked.flatMap(([one, at]) => (one === name ? [at] : []))
        assert.isAtLeast(second - first, 1_000)
        assert.isEmpty(more)
        // While they waited, with every connection's worth of them.
        assert.isBelow(freeAt, second)
      }
    })
  )

  it.live("calls an answer undecodable, cut, reset or late by what it is", () =>
    Effect.gen(function* () {
      const { kube } = yield* against(
        (response, _, nth) => {
          if (nth === 0) response.writeHead(200).end("not json")
          if (nth === 1) json(response, 200, map("x", "1", { a: 1 }))
          if (nth === 2)
            response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy())
          if (nth === 3) response.destroy()
        },
        { requestTimeout: "150 millis" }
      )
      const errors = yield* Effect.forEach([0, 1, 2, 3, 4], () =>
        failure(kube.get(configMaps, { name: "x" }))
      )
      assert.deepStrictEqual(
        errors.map((error) => error.reason._tag),
        ["Undecodable", "Undecodable", "Unavailable", "Unavailable", "Unavailable"]
      )
      assert.match(errors[1]?.message ?? "", /here\/x: .*\["data"\]\["a"\]/su)
      assert.match(errors[4]?.message ?? "", /within 150ms/u)
    })
  )

  it.live("a port where nobody listens is Unavailable and says which", () =>
    Effect.gen(function* () {
      const kube = yield* HttpKubeClient.make(configOf("http://127.0.0.1:9"))
      const error = yield* failure(kube.get(configMaps, { name: "x" }))
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.match(error.message, /127\.0\.0\.1:9.*ECONNREFUSED/u)
    })
  )

  it.live("reads the token again once, when a 401 says that it rotated", () =>
    Effect.gen(function* () {
      let token = "old"
      const { api, kube } = yield* against(
        (response, seen) => {
          if (seen.authorization === "Bearer new") return json(response, 200, map("x"))
          token = token === "old" ? "new" : "newer"
          return status(response, 401, "Unauthorized")
        },
        {},
        Effect.sync(() => Redacted.make(`Bearer ${token}`))
      )
      yield* kube.get(configMaps, { name: "x" })
      yield* kube.get(configMaps, { name: "x" })
      assert.deepStrictEqual(
        api.seen.map((one) => one.authorization),
        ["Bearer old", "Bearer new", "Bearer new"]
      )
    })
  )

  it.live("a credential that could not be had once is asked for again by the next request", () =>
    Effect.gen(function* () {
      let asked = 0
      const { kube } = yield* against(
        (response) => json(response, 200, map("x")),
        {},
        Effect.suspend(() =>
          asked++ === 0
            ? Effect.fail(new KubeConfigError({ source: "exec", message: "a blip" }))
            : Effect.succeed(Redacted.make("Bearer t"))
        )
      )
      assert.match((yield* failure(kube.get(configMaps, { name: "x" }))).message, /a blip/u)
      yield* kube.get(configMaps, { name: "x" })
      yield* kube.get(configMaps, { name: "x" })
      assert.strictEqual(asked, 2)
    })
  )

  it.live("a token that stays refused is Unauthorized after one request", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against(
        (response) => status(response, 401, "Unauthorized"),
        {},
        Effect.succeed(Redacted.make("Bearer bad"))
      )
      const error = yield* failure(kube.get(configMaps, { name: "x" }))
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.strictEqual(api.seen.length, 1)
    })
  )
})

describe("HttpKubeClient lists", () => {
  it.live("follows pages and sets aside what cannot be read", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against((response, _, nth) =>
        json(response, 200, nth === 0 ? listOf([map("a")], "more") : listOf([map("b", "2", 7), map("c")]))
      )
      const list = yield* kube.list(configMaps, { namespace: "here", fieldSelector: "metadata.name!=z" })
      assert.deepStrictEqual(list.items, [decoded("a"), decoded("c")])
      assert.strictEqual(list.resourceVersion, "9")
      assert.deepStrictEqual(
        list.undecodable.map((one) => one.ref),
        [{ name: "b", namespace: "here" }]
      )
      assert.deepStrictEqual(
        api.seen.map((one) => new URL(one.url, api.url).searchParams.toString()),
        [
          "fieldSelector=metadata.name%21%3Dz&limit=500",
          "fieldSelector=metadata.name%21%3Dz&limit=500&continue=more"
        ]
      )
    })
  )

  it.live("starts over without pages when the snapshot expires on the way", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against((response, _, nth) => {
        if (nth === 0) json(response, 200, listOf([map("old")], "more"))
        else if (nth === 1) status(response, 410, "Expired")
        else json(response, 200, listOf([map("a")]))
      })
      assert.deepStrictEqual((yield* kube.list(configMaps)).items, [decoded("a")])
      assert.strictEqual(api.seen[2]?.url, "/api/v1/configmaps")
    })
  )

  it.live("an empty list of Go is null", () =>
    Effect.gen(function* () {
      const { kube } = yield* against((response) =>
        json(response, 200, { metadata: { resourceVersion: "3" }, items: null })
      )
      assert.deepStrictEqual(yield* kube.list(configMaps), {
        items: [],
        resourceVersion: "3",
        undecodable: []
      })
    })
  )
})

describe("HttpKubeClient watches and logs", () => {
  it.live("reads events from chunks cut anywhere, in the middle of a character too", () =>
    Effect.gen(function* () {
      const bytes = Buffer.concat([
        event("ADDED", map("a", "6", { a: "é😀" })),
        event("MODIFIED", map("b", "7", { a: 1 })),
        event("BOOKMARK", { metadata: { resourceVersion: "8" } }),
        event("DELETED", map("a", "9"))
      ])
      const { api, events, exit } = yield* watching((response) => {
        response.writeHead(200)
        const next = (at: number): void => {
          if (at >= bytes.length) return void response.end()
          response.write(bytes.subarray(at, at + 7), () => setImmediate(next, at + 7))
        }
        next(0)
      })
      assert.strictEqual(reasonOf(exit), "end")
      assert.deepStrictEqual(
        events.map((one) => ({ ...(one as object), message: undefined })),
        [
          { type: "ADDED", object: { ...decoded("a", "6"), data: { a: "é😀" } }, resourceVersion: "6" },
          { type: "UNDECODABLE", ref: { name: "b", namespace: "here" }, resourceVersion: "7" },
          { type: "BOOKMARK", resourceVersion: "8" },
          { type: "DELETED", object: decoded("a", "9"), resourceVersion: "9" }
        ].map((one) => ({ ...one, message: undefined }))
      )
      const query = new URL(api.seen[0]?.url ?? "", api.url).searchParams
      assert.deepStrictEqual(
        [query.get("watch"), query.get("allowWatchBookmarks"), query.get("resourceVersion")],
        ["true", "true", "5"]
      )
    })
  )

  const cuts: ReadonlyArray<readonly [string, string, number, Answer]> = [
    ["a clean end", "end", 1, (response) => response.writeHead(200).end(event("ADDED", map("a")))],
    [
      "half an event and a clean end",
      "Unavailable",
      1,
      (response) =>
        response.writeHead(200).end(Buffer.concat([event("ADDED", map("a")), Buffer.from('{"type":"AD')]))
    ],
    [
      "a cut connection",
      "Unavailable",
      1,
      (response) =>
        void response
          .writeHead(200)
          .write(event("ADDED", map("a")), () => setTimeout(() => response.destroy(), 20))
    ],
    [
      "an ERROR event with 410",
      "Gone",
      1,
      (response) => {
        response.writeHead(200).write(event("ADDED", map("a")))
        response.end(event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" }))
      }
    ],
    ["410 at once", "Gone", 0, (response) => status(response, 410, "Expired")],
    ["a line that is no event", "Unavailable", 0, (response) => response.writeHead(200).end("<html>\n")],
    ["silence", "Unavailable", 1, (response) => void response.writeHead(200).write(event("ADDED", map("a")))]
  ]
  it.live.each(cuts)("%s ends as %s", ([, reason, count, answer]) =>
    Effect.gen(function* () {
      const { events, exit } = yield* watching(answer, { watchSilence: "200 millis" })
      assert.deepStrictEqual([reasonOf(exit), events.length], [reason, count])
    })
  )

  it.live("the server is asked to end a watch before its silence would look like a dead connection", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against((response) => response.writeHead(200).end())
      yield* kube.watch(configMaps, { resourceVersion: "5" }).pipe(Stream.runDrain)
      const url = new URL(api.seen[0]?.url ?? "", "http://localhost")
      const seconds = Number(url.searchParams.get("timeoutSeconds"))
      assert.isTrue(seconds >= 54 && seconds <= 72, `${seconds}`)
    })
  )

  it.live("an interrupted watch closes its connection", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against(
        (response) => void response.writeHead(200).write(event("ADDED", map("a")))
      )
      const fiber = yield* kube
        .watch(configMaps, { resourceVersion: "5" })
        .pipe(Stream.runDrain, Effect.forkChild)
      while (api.seen.length === 0) yield* Effect.sleep("5 millis")
      yield* Fiber.interrupt(fiber)
      while (api.open.size > 0) yield* Effect.sleep("5 millis")
    }).pipe(Effect.timeout("5 seconds"))
  )

  it.live("a log that is followed may begin later than any answer", () =>
    Effect.gen(function* () {
      const { kube } = yield* against(
        (response) => void setTimeout(() => response.writeHead(200).end("late"), 300),
        {
          requestTimeout: "100 millis"
        }
      )
      const log = kube.podLogs({ name: "p" }, { follow: true }).pipe(Stream.decodeText, Stream.mkString)
      assert.strictEqual(yield* log, "late")
    })
  )

  it.live("follows a log as bytes, and says when it broke off", () =>
    Effect.gen(function* () {
      const { api, kube } = yield* against((response, _, nth) => {
        response.writeHead(200).write("line 1\n")
        if (nth === 0) response.end("line 2")
        else setTimeout(() => response.destroy(), 20)
      })
      const read = kube
        .podLogs({ name: "p", namespace: "n" }, { container: "gate", follow: true, tailLines: 5 })
        .pipe(Stream.decodeText, Stream.mkString)
      assert.strictEqual(yield* read, "line 1\nline 2")
      assert.strictEqual((yield* failure(read)).reason._tag, "Unavailable")
      assert.strictEqual(
        api.seen[0]?.url,
        "/api/v1/namespaces/n/pods/p/log?container=gate&follow=true&tailLines=5"
      )
    })
  )
})
