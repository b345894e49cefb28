/** The kubeconfig that `foreman up` writes: the embedded cluster's address, CA and token, for the owner's eyes alone. */
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { dirname } from "node:path"

import { Effect, Redacted, Schema } from "effect"
import * as Runtime from "effect/Runtime"

import { writeAtomically } from "../../atomicFile.ts"
import type { Certificates } from "./Certificates.ts"

/** Name of its one cluster, user and context. */
const contextName = "foreman"

export class KubeconfigError extends Schema.TaggedError<KubeconfigError>()("KubeconfigError", {
  path: Schema.String,
  why: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78

  override get message(): string {
    return `kubeconfig ${this.path}: ${this.why}`
  }
}

/** `ca` and `token` are all that a client needs. */
type Access = Pick<Certificates, "ca" | "token">

const render = (url: string, { ca, token }: Access): string => `apiVersion: v1
kind: Config
clusters:
  - name: ${contextName}
    cluster:
      server: ${url}
      certificate-authority-data: ${Buffer.from(ca).toString("base64")}
users:
  - name: ${contextName}
    user:
      token: ${Redacted.value(token)}
contexts:
  - name: ${contextName}
    context:
      cluster: ${contextName}
      user: ${contextName}
      namespace: default
current-context: ${contextName}
`

/** Somebody's own kubeconfig names other clusters; it is never written over. Ours begins with what `render` writes. */
const isOurs = (path: string): boolean => {
  const content = existsSync(path) ? readFileSync(path, "utf8") : ""
  if (content.trim() === "") return true
  const clusters = /^clusters:\n(?:[ -].*\n)*/mu.exec(content)?.[0] ?? ""
  const names = [...clusters.matchAll(/^(?: {2})?(?:- | {2})name: *(.*)$/gmu)].map((match) => match[1])
  return names.length > 0 && names.every((name) => name === contextName)
}

/** Writes the file anew at each start: the port may have changed. */
export const write = Effect.fn("Kubeconfig.write")(function* (path: string, url: string, access: Access) {
  const written = yield* Effect.try({
    try: () => {
      if (!isOurs(path)) return false
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeAtomically(path, render(url, access))
      return true
    },
    catch: (cause) =>
      new KubeconfigError({ path, why: cause instanceof Error ? cause.message : String(cause) })
  })
  if (!written) {
    return yield* new KubeconfigError({
      path,
      why: "it names clusters that foreman did not write: choose another file with --kubeconfig"
    })
  }
})
