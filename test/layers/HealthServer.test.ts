import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"

import * as HealthServer from "../../layers/HealthServer.ts"

const here = "127.0.0.1:0"
const health = { address: here, flag: "--health-probe-bind-address" }
const metrics = { address: "0", flag: "--metrics-bind-address" }
const read = (port: number | undefined, path: string) =>
  Effect.promise(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } })
    return [answer.status, await answer.text()] as const
  })

describe("HealthServer", () => {
  it.live("answers probes with what its checks say", () =>
    Effect.gen(function* () {
      let isReady = false
      const check = Effect.suspend(() => (isReady ? Effect.void : Effect.fail({ message: "no list yet" })))
      const ports = yield* HealthServer.make({ health, metrics, ready: [{ name: "cache", check }] })
      assert.deepStrictEqual(yield* read(ports.health, "/healthz"), [200, "ok"])
      assert.deepStrictEqual(yield* read(ports.health, "/readyz"), [
        500,
        "[-]cache failed: no list yet\nreadyz check failed\n"
      ])
      isReady = true
      assert.deepStrictEqual(yield* read(ports.health, "/readyz?verbose"), [200, "ok"])
      assert.deepStrictEqual(yield* read(ports.health, "/metrics"), [404, "not found\n"])
      assert.strictEqual(ports.metrics, undefined)
    })
  )

  it.live("serves the metrics of the program, beside the probes where the address is one", () =>
    Effect.gen(function* () {
      yield* Metric.update(Metric.counter("foreman_test_total", { description: "Counts" }), 3)
      const ports = yield* HealthServer.make({ health, metrics: { ...metrics, address: here } })
      assert.strictEqual(ports.metrics, ports.health)
      const [code, text] = yield* read(ports.metrics, "/metrics")
      assert.strictEqual(code, 200)
      assert.match(text, /^foreman_test_total 3/mu)
    })
  )

  it.live("a taken port names the port and the flag", () =>
    Effect.gen(function* () {
      const { health: port } = yield* HealthServer.make({ health, metrics })
      const address = `127.0.0.1:${port}`
      const error = yield* Effect.flip(HealthServer.make({ health: { ...health, address }, metrics }))
      assert.strictEqual(
        error.message,
        `cannot listen on ${address}: port ${port} is in use; give another with --health-probe-bind-address`
      )
    })
  )

  it.live.each(["8081", "host:99999", "a:b:1"])("%s is no address", (address) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HealthServer.make({ health, metrics: { ...metrics, address } }))
      assert.strictEqual(
        error.message,
        `--metrics-bind-address: "${address}" is no address; say for example ":8081"`
      )
    })
  )
})
