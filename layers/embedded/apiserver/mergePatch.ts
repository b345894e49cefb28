/** RFC 7386: null clears, objects merge, everything else (lists too) replaces. What does not change keeps its identity. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { isObject } from "./json.ts"

export const mergePatch = (target: Json | undefined, patch: Json): Json => {
  if (!isObject(patch)) return patch
  const base: JsonObject = isObject(target) ? target : {}
  const merged: Record<string, Json> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    // No field of Kubernetes has this name, and assigning it would change what the object inherits.
    if (key === "__proto__") continue
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(base[key], value)
  }
  return merged
}
