/** Where the API server is and who we are to it, from a kubeconfig file or from the pod we run in. */
import { Effect, Redacted, Schema } from "effect"
import * as Runtime from "effect/Runtime"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { delimiter, join } from "node:path"

/** The configuration cannot be used: a person must change a file, a flag or a variable. Ends a program with 78. */
export class KubeConfigError extends Schema.TaggedError<KubeConfigError>()("KubeConfigError", {
  /** The file, and the field in it where one is at fault. */
  source: Schema.String,
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78
}

export interface KubeConfig {
  /** Origin and, for a proxy, the path before `/api`: `https://10.0.0.1:6443`. */
  readonly server: string
  /** Where a namespaced object without a namespace goes. */
  readonly namespace: string
  readonly tls: {
    /** PEM. Replaces the system's certificate authorities. */
    readonly ca?: string
    readonly client?: { readonly certificate: string; readonly key: Redacted.Redacted }
    readonly serverName?: string
    readonly insecureSkipVerify: boolean
  }
  /** The Authorization header, read anew each time; undefined when the client certificate says who we are. */
  readonly authorization: Effect.Effect<Redacted.Redacted | undefined, KubeConfigError>
}

export interface Options {
  /** `--kubeconfig`; empty counts as absent, as all the strings here. */
  readonly kubeconfig?: string | undefined
  /** `--kube-context`; absent: the file's current-context. */
  readonly context?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly home?: string | undefined
  /** Where Kubernetes mounts a pod's token, CA and namespace. */
  readonly serviceAccount?: string | undefined
}

/** The flag, then the first file of KUBECONFIG that exists, then the pod we run in, then `~/.kube/config`: as client-go looks. */
export const load = Effect.fnUntraced(function* (options: Options = {}) {
  const env = options.env ?? process.env
  const fromFile = Effect.fnUntraced(function* (path: string) {
    const text = yield* readText(path, path)
    // The YAML parser is loaded for a file only; a pod has none.
    const { parseKubeconfig } = yield* Effect.promise(() => import("./kubeconfigFile.ts"))
    return yield* parseKubeconfig({ path, text, context: options.context })
  })
  if (options.kubeconfig) return yield* fromFile(options.kubeconfig)

  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "")
  const existing = listed.find((path) => existsSync(path))
  if (existing !== undefined) return yield* fromFile(existing)
  if (listed.length > 0) {
    return yield* new KubeConfigError({
      source: "KUBECONFIG",
      message: `KUBECONFIG names ${listed.join(", ")}, which does not exist: unset it or point it to a kubeconfig`
    })
  }

  const host = env["KUBERNETES_SERVICE_HOST"]
  const port = env["KUBERNETES_SERVICE_PORT"]
  if (host && port && !options.context) {
    return yield* inCluster(
      host,
      port,
      options.serviceAccount ?? "/var/run/secrets/kubernetes.io/serviceaccount"
    )
  }

  const ours = join(options.home ?? env["HOME"] ?? homedir(), ".kube", "config")
  if (existsSync(ours)) return yield* fromFile(ours)
  return yield* new KubeConfigError({
    source: ours,
    message: `no cluster is configured: pass --kubeconfig, set KUBECONFIG, or run "foreman up" for one on this machine`
  })
})

const inCluster = Effect.fnUntraced(function* (host: string, port: string, folder: string) {
  const token = join(folder, "token")
  const ca = yield* readText(join(folder, "ca.crt"), join(folder, "ca.crt"))
  const authorization = bearerFile(token)
  yield* authorization
  const namespace = yield* readText(join(folder, "namespace"), folder).pipe(
    Effect.orElseSucceed(() => "default")
  )
  const config: KubeConfig = {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim() || "default",
    tls: { ca, insecureSkipVerify: false },
    authorization
  }
  return config
})

/** A file's text; `source` is what the error names: the file, or the field that names it. */
export const readText = (path: string, source: string): Effect.Effect<string, KubeConfigError> =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) =>
      new KubeConfigError({
        source,
        message: `${source === path ? "" : `${source}: `}cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })

/** A token file is read each time, since whoever rotates the token replaces the file. */
export const bearerFile = (
  path: string,
  source: string = path
): Effect.Effect<Redacted.Redacted, KubeConfigError> =>
  readText(path, source).pipe(
    Effect.flatMap((text) => {
      const token = text.trim()
      return token === ""
        ? Effect.fail(new KubeConfigError({ source, message: `${path} is empty, but should hold a token` }))
        : Effect.succeed(Redacted.make(`Bearer ${token}`, { label: "token" }))
    })
  )
