/** A request path as what it names. Pure. */
import { Option } from "effect"

export type Route =
  /** /api, /apis and what lies under them down to a version: discovery. */
  | {
      readonly kind: "discovery"
      readonly group?: string
      readonly version?: string
      readonly root: "api" | "apis"
    }
  | { readonly kind: "openapi"; readonly group?: string; readonly version?: string }
  | { readonly kind: "version" }
  | { readonly kind: "health" }
  | ResourceRoute

export interface ResourceRoute {
  readonly kind: "resource"
  readonly group: string
  readonly version: string
  readonly namespace: string | undefined
  readonly plural: string
  readonly name: string | undefined
  readonly subresource: string | undefined
}

const decode = Option.liftThrowable(decodeURIComponent)

/** Undefined: nothing lies there. */
export const parseRoute = (pathname: string): Route | undefined => {
  const segments: Array<string> = []
  for (const part of pathname.split("/").filter((part) => part !== "")) {
    const segment = decode(part)
    // A slash that was escaped would name something else further in.
    if (Option.isNone(segment) || segment.value.includes("/")) return undefined
    segments.push(segment.value)
  }
  const [root, ...rest] = segments
  switch (root) {
    case "version":
      return rest.length === 0 ? { kind: "version" } : undefined
    case "healthz":
    case "readyz":
    case "livez":
      return { kind: "health" }
    case "openapi":
      return openapi(rest)
    case "api": {
      const [version, ...path] = rest
      if (version === undefined) return { kind: "discovery", root }
      return path.length === 0 ? { kind: "discovery", root, group: "", version } : resource("", version, path)
    }
    case "apis": {
      const [group, version, ...path] = rest
      if (group === undefined) return { kind: "discovery", root }
      if (version === undefined) return { kind: "discovery", root, group }
      return path.length === 0 ? { kind: "discovery", root, group, version } : resource(group, version, path)
    }
    default:
      return undefined
  }
}

const openapi = (path: ReadonlyArray<string>): Route | undefined => {
  const [version, root, first, second] = path
  if (version !== "v3") return undefined
  if (path.length === 1) return { kind: "openapi" }
  if (root === "api" && first !== undefined && path.length === 3)
    return { kind: "openapi", group: "", version: first }
  return root === "apis" && first !== undefined && second !== undefined && path.length === 4
    ? { kind: "openapi", group: first, version: second }
    : undefined
}

/** Namespaces are a kind themselves: `namespaces/x` and `namespaces/x/status` are that object, anything longer lies inside it. */
const resource = (group: string, version: string, path: ReadonlyArray<string>): ResourceRoute | undefined => {
  const isInside =
    path[0] === "namespaces" &&
    path.length >= 3 &&
    !(group === "" && path.length === 3 && path[2] === "status")
  const namespace = isInside ? path[1] : undefined
  const [plural, name, subresource, ...more] = isInside ? path.slice(2) : path
  return plural === undefined || more.length > 0
    ? undefined
    : { kind: "resource", group, version, namespace, plural, name, subresource }
}
