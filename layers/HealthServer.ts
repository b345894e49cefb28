/** `/healthz` and `/readyz` for the kubelet, `/metrics` for Prometheus. Plain `node:http`: three paths need no router. */
import { Duration, Effect, Layer, type Scope } from "effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { createServer, type ServerResponse } from "node:http"

import { type Bind, type BindError, listen } from "./listen.ts"

/** Something that must hold; it fails with why it does not. */
export interface Check {
  readonly name: string
  readonly check: Effect.Effect<void, { readonly message: string }>
}

export interface Options {
  readonly health: Bind
  readonly metrics: Bind
  /** What `/healthz` asks: only what a restart would cure. */
  readonly live?: ReadonlyArray<Check>
  /** What `/readyz` asks. */
  readonly ready?: ReadonlyArray<Check>
}

type Paths = Readonly<Record<string, Effect.Effect<Page>>>
interface Page {
  readonly code: 200 | 500
  readonly type: string
  readonly text: string
}

/** A probe gives up after a second by default, so a check that takes longer has failed. */
const checkTimeout = Duration.seconds(1)

const text = "text/plain; charset=utf-8"

/** Listens until the scope closes; the ports are those that were bound, for an address that ends in `:0`. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<
  { readonly health: number | undefined; readonly metrics: number | undefined },
  BindError,
  Scope.Scope
> {
  const context = yield* Effect.context<never>()
  const health: Paths = {
    "/healthz": checked("healthz", options.live ?? []),
    "/readyz": checked("readyz", options.ready ?? [])
  }
  const metrics: Paths = {
    "/metrics": Effect.map(PrometheusMetrics.format(), (text) => ({
      code: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      text
    }))
  }

  const serve = (paths: Paths) =>
    createServer((request, response) => {
      const page = paths[new URL(request.url ?? "/", "http://localhost").pathname]
      if (page === undefined) return answer(response, 404, text, "not found\n")
      Effect.runCallbackWith(context)(page, {
        onExit: (exit) =>
          exit._tag === "Success"
            ? answer(response, exit.value.code, exit.value.type, exit.value.text)
            : answer(response, 500, text, "a check broke\n")
      })
    })

  if (options.health.address === options.metrics.address) {
    const port = yield* listen(serve({ ...health, ...metrics }), options.health)
    return { health: port, metrics: port }
  }
  return {
    health: yield* listen(serve(health), options.health),
    metrics: yield* listen(serve(metrics), options.metrics)
  }
})

export const layer = (options: Options): Layer.Layer<never, BindError> => Layer.effectDiscard(make(options))

const answer = (response: ServerResponse, code: number, type: string, body: string): void => {
  response.writeHead(code, { "content-type": type }).end(body)
}

/** `ok`, or each check on its own line, as Kubernetes' own servers say it. */
const checked = (name: string, checks: ReadonlyArray<Check>): Effect.Effect<Page> =>
  Effect.gen(function* () {
    const lines = yield* Effect.forEach(checks, ({ check, name }) =>
      check.pipe(
        Effect.timeoutOrElse({
          duration: checkTimeout,
          orElse: () => Effect.fail({ message: `no answer within ${Duration.format(checkTimeout)}` })
        }),
        Effect.match({
          onSuccess: () => `[+]${name} ok`,
          onFailure: ({ message }) => `[-]${name} failed: ${message}`
        })
      )
    )
    return lines.every((line) => line.startsWith("[+]"))
      ? { code: 200, type: text, text: "ok" }
      : { code: 500, type: text, text: `${[...lines, `${name} check failed`].join("\n")}\n` }
  })
