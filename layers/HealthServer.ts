/** `/healthz` and `/readyz` for the kubelet, `/metrics` for Prometheus. Plain `node:http`: three paths need no router. */
import { Duration, Effect, Layer, Schema, type Scope } from "effect"
import * as Runtime from "effect/Runtime"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** Something that must hold; it fails with why it does not. */
export interface Check {
  readonly name: string
  readonly check: Effect.Effect<void, { readonly message: string }>
}

export interface Bind {
  /** `:8081`, `127.0.0.1:8081`, `[::1]:8081`; empty or `0`: not served. */
  readonly address: string
  /** The flag that gave it, for the error: `--health-probe-bind-address`. */
  readonly flag: string
}

export interface Options {
  readonly health: Bind
  readonly metrics: Bind
  /** What `/healthz` asks: only what a restart would cure. */
  readonly live?: ReadonlyArray<Check>
  /** What `/readyz` asks. */
  readonly ready?: ReadonlyArray<Check>
}

/** We cannot listen where we were told to. */
export class BindError extends Schema.TaggedError<BindError>()("BindError", {
  address: Schema.String,
  flag: Schema.String,
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78
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

const listen = (server: Server, bind: Bind): Effect.Effect<number | undefined, BindError, Scope.Scope> => {
  if (bind.address === "" || bind.address === "0") return Effect.undefined
  const at = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/u.exec(bind.address)
  const port = Number(at?.[3])
  if (at === null || port > 65_535) {
    const message = `${bind.flag}: "${bind.address}" is no address; say for example ":8081"`
    return Effect.fail(new BindError({ ...bind, message }))
  }
  const host = at[1] || at[2]
  return Effect.acquireRelease(
    Effect.callback<Server, BindError>((resume) => {
      server.once("error", (cause) => {
        const isTaken = "code" in cause && cause.code === "EADDRINUSE"
        const why = isTaken ? `port ${port} is in use; give another with ${bind.flag}` : cause.message
        resume(Effect.fail(new BindError({ ...bind, message: `cannot listen on ${bind.address}: ${why}` })))
      })
      server.listen({ port, ...(host ? { host } : {}) }, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => boundPort(server.address())))
}

const boundPort = (address: AddressInfo | string | null): number | undefined =>
  address === null || typeof address === "string" ? undefined : address.port
