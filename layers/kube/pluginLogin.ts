/** Logging in by an exec plugin or an OpenID provider, through the Kubernetes client of others: it knows their dialects. */
import { KubeConfig as ClientNodeConfig } from "@kubernetes/client-node"
import { Effect, Redacted } from "effect"
import type { RequestOptions } from "node:https"

import { KubeConfigError } from "./KubeConfig.ts"

/** A command that waits for a person would wait for ever. */
const patience = "60 seconds"

export const login = Effect.fnUntraced(function* (
  path: string,
  user: { readonly exec?: unknown; readonly "auth-provider"?: unknown }
) {
  const field = user.exec ? "exec" : "auth-provider"
  const fail = (message: string) =>
    new KubeConfigError({
      source: `${path} ${field}`,
      message: `${path}: the ${field} of this user failed: ${message}`
    })

  const theirs = new ClientNodeConfig()
  theirs.loadFromOptions({
    // Never connected to: only the login is asked of it.
    clusters: [{ name: "c", server: "https://localhost", skipTLSVerify: true }],
    users: [{ name: "u", exec: user.exec, authProvider: user["auth-provider"] }],
    contexts: [{ name: "x", cluster: "c", user: "u" }],
    currentContext: "x"
  })

  const ask = Effect.tryPromise({
    try: async () => {
      const options: RequestOptions = { headers: {} }
      await theirs.applyToHTTPSOptions(options)
      const headers = new Headers()
      for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, String(value))
      return { header: headers.get("authorization"), certificate: options.cert, key: options.key }
    },
    catch: (cause) => fail(cause instanceof Error ? cause.message : String(cause))
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(fail(`no answer within ${patience}; run kubectl once to log in`))
    })
  )

  const first = yield* ask
  if (first.header === null && !first.certificate) {
    return yield* fail("it gave neither a token nor a certificate; run kubectl once to log in")
  }
  return {
    client:
      first.certificate && first.key
        ? {
            certificate: String(first.certificate),
            key: Redacted.make(String(first.key), { label: "client key" })
          }
        : undefined,
    authorization: Effect.map(ask, ({ header }) =>
      header === null ? undefined : Redacted.make(header, { label: "token" })
    )
  }
})
