/** Listens at an address that a flag gave, as Go programs write it. */
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"

import { Effect, Schema, type Scope } from "effect"
import * as Runtime from "effect/Runtime"

export interface Bind {
  /** `:8081`, `127.0.0.1:8081`, `[::1]:8081`; empty or `0`: not served. */
  readonly address: string
  /** The flag that gave it, for the error: `--health-probe-bind-address`. */
  readonly flag: string
}

/** We cannot listen where we were told to. */
export class BindError extends Schema.TaggedError<BindError>()("BindError", {
  address: Schema.String,
  flag: Schema.String,
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78
}

/** Until the scope closes; the port that was bound, `undefined` where nothing is served. */
export const listen = (
  server: Server,
  bind: Bind
): Effect.Effect<number | undefined, BindError, Scope.Scope> => {
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
