/** What decides how an object goes. */
import { ApiError, type JsonObject } from "../Apiserver.ts"
import { conflict } from "./errors.ts"
import { isObject, listAt, metadataOf, nameOf, objectAt, textAt } from "./json.ts"
import type { Kind } from "./kind.ts"

export interface DeleteOptions {
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan"
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly gracePeriodSeconds?: number
  readonly dryRun?: boolean
}

/** The finalizer of an owner that waits for its dependents. */
export const foreground = "foregroundDeletion"
/** Namespaces that stay. */
export const kept = ["default", "kube-system", "kube-public"]

export const finalizersOf = (object: JsonObject) => listAt(metadataOf(object), "finalizers")
export const ownersOf = (object: JsonObject) => listAt(metadataOf(object), "ownerReferences").filter(isObject)

export const isTerminating = (object: JsonObject): boolean =>
  metadataOf(object)["deletionTimestamp"] !== undefined

/** A dying definition is no longer served, but its last objects still have a name. */
export const kindOfDefinition = (definition: JsonObject, like: Kind): Kind => {
  const spec = objectAt(definition, "spec")
  const plural = textAt(objectAt(spec, "names"), "plural")
  return { ...like, resource: { ...like.resource, group: textAt(spec, "group"), plural } }
}

/** Throws ApiError 409 when the object is not the one that was meant. */
export const checkPreconditions = (kind: Kind, object: JsonObject, options: DeleteOptions): void => {
  const metadata = metadataOf(object)
  const { resourceVersion, uid } = options.preconditions ?? {}
  // Here, and nowhere else, a conflict names the kind.
  const named = { group: kind.resource.group, plural: kind.resource.kind }
  if (uid !== undefined && uid !== metadata["uid"]) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${textAt(metadata, "uid")}). The object might have been deleted and then recreated`
    throw conflict(named, nameOf(object), why)
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata["resourceVersion"]) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${textAt(metadata, "resourceVersion")}). The object might have been modified`
    throw conflict(named, nameOf(object), why)
  }
}

/** Only a pod that runs somewhere is given time: its kubelet ends it, then deletes it with zero. */
export const graceSeconds = (kind: Kind, object: JsonObject, options: DeleteOptions): number => {
  if (kind.resource.group !== "" || kind.resource.plural !== "pods") return 0
  const spec = objectAt(object, "spec")
  const phase = textAt(objectAt(object, "status"), "phase")
  if (textAt(spec, "nodeName") === "" || phase === "Succeeded" || phase === "Failed") return 0
  const asked = options.gracePeriodSeconds ?? Number(spec["terminationGracePeriodSeconds"] ?? 30)
  return Math.max(0, asked)
}

/**
 * Takes a step of cleaning up. False when the disk has no room: the step can be taken again, by the next deletion or the next start.
 * A refusal (a namespace that stays) is an answer, and the other steps go on.
 */
export const isTaken = (step: () => void): boolean => {
  try {
    step()
    return true
  } catch (cause) {
    if (!(cause instanceof ApiError)) throw cause
    return cause.code !== 507
  }
}
