/** The environment of a container, and the `$(VAR)` in its command, as the kubelet makes them. */
import type { Container, EnvVar, Pod } from "../../../schema/Job.ts"

/** What a reference points at. `undefined`: there is no such object. */
export interface References {
  readonly secret: (name: string) => Readonly<Record<string, string>> | undefined
  readonly configMap: (name: string) => Readonly<Record<string, string>> | undefined
}

export type Environment =
  | { readonly _tag: "Env"; readonly env: Readonly<Record<string, string>> }
  /** The sentence that the kubelet says under `CreateContainerConfigError`. */
  | { readonly _tag: "Missing"; readonly message: string }

/** `$(NAME)` becomes the value, or stays as it is when there is none; `$$` is one `$`. */
export const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$(?:\$|\(([^)]*)\))/gu, (match, name: string | undefined) => {
    if (name === undefined) return "$"
    return Object.hasOwn(env, name) ? (env[name] ?? match) : match
  })

/** Later variables see earlier ones. An optional reference to nothing leaves its variable out. */
export const containerEnv = (pod: Pod, container: Container, references: References): Environment => {
  const env: Record<string, string> = {}
  for (const variable of container.env ?? []) {
    const value = resolve(pod, variable, references)
    if (typeof value === "object") return { _tag: "Missing", message: value.missing }
    if (value === undefined) continue
    env[variable.name] = variable.valueFrom === undefined ? expand(value, env) : value
  }
  return { _tag: "Env", env }
}

const resolve = (
  pod: Pod,
  variable: EnvVar,
  references: References
): string | undefined | { readonly missing: string } => {
  const { secretKeyRef, configMapKeyRef, fieldRef } = variable.valueFrom ?? {}
  const namespace = pod.metadata.namespace ?? ""
  if (secretKeyRef !== undefined)
    return keyOf("secret", "Secret", namespace, secretKeyRef, references.secret(secretKeyRef.name))
  if (configMapKeyRef !== undefined)
    return keyOf(
      "configmap",
      "ConfigMap",
      namespace,
      configMapKeyRef,
      references.configMap(configMapKeyRef.name)
    )
  if (fieldRef !== undefined)
    return fieldOf(pod, fieldRef.fieldPath) ?? { missing: `unsupported fieldPath: ${fieldRef.fieldPath}` }
  return variable.value ?? ""
}

const keyOf = (
  noun: string,
  kind: string,
  namespace: string,
  ref: { readonly name: string; readonly key: string; readonly optional?: boolean },
  data: Readonly<Record<string, string>> | undefined
): string | undefined | { readonly missing: string } => {
  const value = data !== undefined && Object.hasOwn(data, ref.key) ? data[ref.key] : undefined
  if (value !== undefined || ref.optional === true) return value
  return {
    missing:
      data === undefined
        ? `${noun} "${ref.name}" not found`
        : `couldn't find key ${ref.key} in ${kind} ${namespace}/${ref.name}`
  }
}

const fieldOf = (pod: Pod, path: string): string | undefined => {
  const { metadata, spec } = pod
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/u.exec(path)
  if (keyed !== null)
    return (keyed[1] === "labels" ? metadata.labels : metadata.annotations)?.[keyed[2] ?? ""] ?? ""
  switch (path) {
    case "metadata.name":
      return metadata.name
    case "metadata.namespace":
      return metadata.namespace ?? ""
    case "metadata.uid":
      return metadata.uid ?? ""
    case "spec.nodeName":
      return spec.nodeName ?? ""
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "default"
    case "status.podIP":
    case "status.hostIP":
      return "127.0.0.1"
    default:
      return undefined
  }
}
