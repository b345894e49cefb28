/** A kubeconfig file: what of it we understand, and what each mistake in it is called. */
import { Effect, Redacted, Result, Schema } from "effect"
import { dirname, resolve } from "node:path"
import { parse } from "yaml"

import { bearerFile, type KubeConfig, KubeConfigError, readText } from "./KubeConfig.ts"

const text = Schema.optionalKey(Schema.NullOr(Schema.String))

const Cluster = Schema.Struct({
  server: Schema.NonEmptyString,
  "certificate-authority": text,
  "certificate-authority-data": text,
  "tls-server-name": text,
  "insecure-skip-tls-verify": Schema.optionalKey(Schema.Boolean),
  "proxy-url": text
})
const Context = Schema.Struct({ cluster: Schema.String, user: text, namespace: text })
const User = Schema.Struct({
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  exec: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json))),
  "auth-provider": Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json)))
})
type User = typeof User.Type

const list = <S extends Schema.Constraint>(item: S) => Schema.optionalKey(Schema.NullOr(Schema.Array(item)))

const Kubeconfig = Schema.Struct({
  "current-context": text,
  clusters: list(Schema.Struct({ name: Schema.String, cluster: Cluster })),
  contexts: list(Schema.Struct({ name: Schema.String, context: Context })),
  users: list(Schema.Struct({ name: Schema.String, user: Schema.optionalKey(Schema.NullOr(User)) }))
})
const decode = Schema.decodeUnknownResult(Kubeconfig)

/** Relative paths in the file are relative to its folder, as kubectl has it. */
export const parseKubeconfig = Effect.fnUntraced(function* (file: {
  readonly path: string
  readonly text: string
  readonly context: string | undefined
}) {
  const wrong = (field: string, message: string) =>
    new KubeConfigError({ source: `${file.path} ${field}`.trim(), message: `${file.path}: ${message}` })

  const raw = yield* Effect.try({
    try: (): unknown => parse(file.text),
    catch: (cause) => wrong("", `not YAML: ${cause instanceof Error ? cause.message : String(cause)}`)
  })
  const decoded = decode(raw)
  if (Result.isFailure(decoded)) return yield* wrong("", `not a kubeconfig: ${decoded.failure.message}`)
  const { clusters, contexts, users } = decoded.success

  const wanted = file.context || decoded.success["current-context"]
  const known = (contexts ?? []).map((one) => one.name).join(", ") || "none"
  if (!wanted) {
    return yield* wrong("current-context", `no current-context: pass --kube-context, one of: ${known}`)
  }
  const context = contexts?.find((one) => one.name === wanted)?.context
  if (context === undefined) return yield* wrong("contexts", `no context "${wanted}", only: ${known}`)
  const cluster = clusters?.find((one) => one.name === context.cluster)?.cluster
  if (cluster === undefined)
    return yield* wrong(
      "clusters",
      `context "${wanted}" names cluster "${context.cluster}", which is not there`
    )
  const entry = users?.find((one) => one.name === context.user)
  if (context.user && entry === undefined) {
    return yield* wrong("users", `context "${wanted}" names user "${context.user}", which is not there`)
  }
  const user: User = entry?.user ?? {}

  if (cluster["proxy-url"]) {
    return yield* wrong(
      "proxy-url",
      "proxy-url is not supported: connect directly, or forward a port and name it as the server"
    )
  }
  if (!URL.canParse(cluster.server)) return yield* wrong("server", `server is not a URL: ${cluster.server}`)

  /** What `<field>-data` holds in base64, or the file that `<field>` names. */
  const pem = Effect.fnUntraced(function* (
    field: string,
    data: string | null | undefined,
    path: string | null | undefined
  ) {
    if (data) return Buffer.from(data, "base64").toString("utf8")
    return path ? yield* readText(resolve(dirname(file.path), path), `${file.path} ${field}`) : undefined
  })

  const ca = yield* pem(
    "certificate-authority",
    cluster["certificate-authority-data"],
    cluster["certificate-authority"]
  )
  const certificate = yield* pem(
    "client-certificate",
    user["client-certificate-data"],
    user["client-certificate"]
  )
  const key = yield* pem("client-key", user["client-key-data"], user["client-key"])
  if ((certificate === undefined) !== (key === undefined)) {
    return yield* wrong("client-key", "a client certificate needs both client-certificate and client-key")
  }
  const own =
    certificate && key ? { certificate, key: Redacted.make(key, { label: "client key" }) } : undefined
  const plugin = user.exec || user["auth-provider"] ? yield* pluginLogin(file.path, user) : undefined
  const client = plugin?.client ?? own

  const config: KubeConfig = {
    server: cluster.server,
    namespace: context.namespace || "default",
    tls: {
      insecureSkipVerify: cluster["insecure-skip-tls-verify"] ?? false,
      ...(ca === undefined ? {} : { ca }),
      ...(cluster["tls-server-name"] ? { serverName: cluster["tls-server-name"] } : {}),
      ...(client === undefined ? {} : { client })
    },
    authorization: plugin?.authorization ?? authorization(user, dirname(file.path))
  }
  return config
})

const authorization = (user: User, folder: string): KubeConfig["authorization"] => {
  if (user.tokenFile) return bearerFile(resolve(folder, user.tokenFile))
  if (user.token) return Effect.succeed(Redacted.make(`Bearer ${user.token}`, { label: "token" }))
  if (user.username) {
    const pair = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64")
    return Effect.succeed(Redacted.make(`Basic ${pair}`, { label: "password" }))
  }
  return Effect.undefined
}

/** Users that a command or an OpenID provider logs in; the library for it is large, so it is loaded for them only. */
const pluginLogin = (path: string, user: User) =>
  Effect.flatMap(
    Effect.promise(() => import("./pluginLogin.ts")),
    ({ login }) => login(path, user)
  )
