/** Where the API server is and who we are to it, from a kubeconfig file or from the pod we run in. */
import { type Effect, Schema, type Redacted } from "effect"
import * as Runtime from "effect/Runtime"

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
