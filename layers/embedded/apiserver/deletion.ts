/**
 * How objects go: preconditions, grace, finalizers, the three propagation policies, and the garbage that their going leaves.
 * Each step is one write that can be taken again, and `sweep` takes up at start what a crash left half done.
 */
import { groupResource } from "../../../schema/Resource.ts"
import { formatTime } from "../../../schema/Time.ts"
import type { JsonObject } from "../Apiserver.ts"
import {
  checkPreconditions,
  type DeleteOptions,
  finalizersOf,
  foreground,
  graceSeconds,
  isTaken,
  isTerminating,
  kept,
  kindOfDefinition,
  ownersOf
} from "./deletionRules.ts"
import { forbidden } from "./errors.ts"
import { metadataOf, nameOf, namespaceOf, objectAt, textAt, withMetadata, without } from "./json.ts"
import { definitionsKey, type Kinds } from "./Kinds.ts"
import type { Kind } from "./kind.ts"
import type { Store } from "./Store.ts"

export class Deletion {
  readonly #store: Store
  readonly #kinds: Kinds
  /** What a removal leaves to do. A list, not recursion: a chain of owners may be long. */
  readonly #left: Array<() => void> = []
  #isSettling = false

  constructor(store: Store, kinds: Kinds) {
    this.#store = store
    this.#kinds = kinds
  }

  /** Deletes or marks an object, and all that follows from it. Throws ApiError. */
  remove(kind: Kind, object: JsonObject, options: DeleteOptions, now: number): JsonObject {
    const { resource } = kind
    const name = nameOf(object)
    const metadata = metadataOf(object)
    checkPreconditions(kind, object, options)
    if (resource.group === "" && resource.plural === "namespaces" && kept.includes(name)) {
      throw forbidden(resource, name, "this namespace may not be deleted")
    }
    if (options.dryRun === true) return object

    const uid = textAt(metadata, "uid")
    const isJob = resource.group === "batch" && resource.plural === "jobs"
    const policy = options.propagationPolicy ?? (isJob ? "Orphan" : "Background")
    if (policy === "Orphan") this.#orphan(uid, now)
    const waits = policy === "Foreground" && this.#store.dependents(uid).length > 0
    const finalizers = [
      ...finalizersOf(object).filter((finalizer) => finalizer !== foreground || policy === "Foreground"),
      ...(waits && !finalizersOf(object).includes(foreground) ? [foreground] : [])
    ]
    const grace = graceSeconds(kind, object, options)
    const isContainer = resource.plural === "namespaces" || groupResource(resource) === definitionsKey
    if (finalizers.length === 0 && grace === 0 && !isContainer) return this.drop(kind, object, now)

    const marked = this.#mark(kind, object, { finalizers, grace, now })
    this.#later(() => {
      if (waits) this.#deleteDependents(uid, now)
      if (resource.plural === "namespaces") this.#empty(kind, name, now)
      if (groupResource(resource) === definitionsKey) this.#emptyDefinition(kind, name, now)
    })
    return this.#store.get(groupResource(resource), `${namespaceOf(object)}/${name}`) ?? marked
  }

  /** Takes an object out, and settles what depended on it or waited for it. */
  drop(kind: Kind, object: JsonObject, now: number): JsonObject {
    const resource = groupResource(kind.resource)
    const gone = this.#store.commit({ resource, before: object, after: undefined }, now)
    if (resource === definitionsKey) this.#kinds.reload()
    this.#later(() => {
      for (const found of this.#store.dependents(textAt(metadataOf(object), "uid"))) this.collect(found, now)
      for (const owner of ownersOf(object)) this.#finishForeground(owner, namespaceOf(object), now)
      this.#finishContainers(kind, object, now)
    })
    return gone
  }

  /** `collect`, after a write that named owners. The write is done, so what becomes of its object is no failure of it. */
  settle(found: { readonly resource: string; readonly key: string }, now: number): void {
    this.#later(() => this.collect(found, now))
  }

  /** Deletes an object whose owners are all gone; takes the names of absent owners off one that has another. */
  collect({ resource, key }: { readonly resource: string; readonly key: string }, now: number): void {
    const object = this.#store.get(resource, key)
    const kind = this.#kinds.ofStored(resource)
    if (object === undefined || kind === undefined || isTerminating(object)) return
    const owners = ownersOf(object)
    const states = owners.map((owner) => this.#ownerState(owner, namespaceOf(object)))
    if (owners.length === 0 || states.every((state) => state === "solid")) return
    if (states.includes("solid")) {
      const solid = owners.filter((_, i) => states[i] === "solid")
      this.#store.commit(
        { resource, before: object, after: withMetadata(object, { ownerReferences: solid }) },
        now
      )
      return
    }
    const uid = textAt(metadataOf(object), "uid")
    const isWaitedFor = states.includes("waiting") && this.#store.dependents(uid).length > 0
    this.remove(kind, object, { propagationPolicy: isWaitedFor ? "Foreground" : "Background" }, now)
  }

  /** What a crash left: garbage not collected, namespaces and definitions not emptied, owners that wait for nobody. */
  sweep(now: number): void {
    for (const kind of this.#kinds.all()) {
      const resource = groupResource(kind.resource)
      for (const object of this.#store.all(resource)) {
        const key = `${namespaceOf(object)}/${nameOf(object)}`
        if (ownersOf(object).length > 0) this.collect({ resource, key }, now)
        if (!isTerminating(object)) continue
        const uid = textAt(metadataOf(object), "uid")
        if (finalizersOf(object).includes(foreground)) {
          this.#later(() => this.#deleteDependents(uid, now))
          this.#later(() => this.#release(kind, uid, key, now))
        }
        if (resource === "namespaces") this.#later(() => this.#empty(kind, nameOf(object), now))
        if (resource === definitionsKey) this.#later(() => this.#emptyDefinition(kind, nameOf(object), now))
      }
    }
  }

  #later(step: () => void): void {
    this.#left.push(step)
    if (this.#isSettling) return
    this.#isSettling = true
    try {
      for (let next = this.#left.shift(); next !== undefined; next = this.#left.shift()) {
        if (!isTaken(next)) {
          this.#left.unshift(next)
          return
        }
      }
    } finally {
      this.#isSettling = false
    }
  }

  #mark(
    kind: Kind,
    object: JsonObject,
    to: {
      readonly finalizers: ReadonlyArray<JsonObject[string]>
      readonly grace: number
      readonly now: number
    }
  ): JsonObject {
    const metadata = metadataOf(object)
    const { deletionTimestamp, generation } = metadata
    const isMarked = deletionTimestamp !== undefined
    const seconds = isMarked ? Math.min(to.grace, Number(metadata["deletionGracePeriodSeconds"])) : to.grace
    const marked = withMetadata(object, {
      deletionTimestamp: isMarked ? deletionTimestamp : formatTime(to.now + seconds * 1000),
      deletionGracePeriodSeconds: seconds,
      ...(typeof generation === "number" && !isMarked ? { generation: generation + 1 } : {}),
      ...(to.finalizers.length > 0 ? { finalizers: to.finalizers } : {})
    })
    const isNamespace = kind.resource.group === "" && kind.resource.plural === "namespaces"
    const after = isNamespace
      ? { ...marked, status: { ...objectAt(marked, "status"), phase: "Terminating" } }
      : marked
    if (isMarked && finalizersOf(object).length === to.finalizers.length) return object
    const resource = groupResource(kind.resource)
    const written = this.#store.commit({ resource, before: object, after }, to.now)
    if (resource === definitionsKey) this.#kinds.reload()
    return written
  }

  #ownerState(owner: JsonObject, namespace: string): "solid" | "absent" | "waiting" {
    const kind = this.#kinds.named(textAt(owner, "apiVersion"), textAt(owner, "kind"))
    // An owner of a kind that nobody serves cannot be looked up, so it cannot be called absent.
    if (kind === undefined || (kind.resource.namespaced && namespace === "")) return "solid"
    const key = `${kind.resource.namespaced ? namespace : ""}/${textAt(owner, "name")}`
    const found = this.#store.get(groupResource(kind.resource), key)
    if (found === undefined || metadataOf(found)["uid"] !== owner["uid"]) return "absent"
    return isTerminating(found) && finalizersOf(found).includes(foreground) ? "waiting" : "solid"
  }

  #orphan(uid: string, now: number): void {
    for (const { key, resource } of this.#store.dependents(uid)) {
      const object = this.#store.get(resource, key)
      if (object === undefined) continue
      const left = ownersOf(object).filter((owner) => owner["uid"] !== uid)
      const metadata = without(metadataOf(object), "ownerReferences")
      const after = {
        ...object,
        metadata: left.length > 0 ? { ...metadata, ownerReferences: left } : metadata
      }
      this.#store.commit({ resource, before: object, after }, now)
    }
  }

  #deleteDependents(uid: string, now: number): void {
    for (const found of this.#store.dependents(uid)) this.collect(found, now)
  }

  /** An owner that waits for its dependents goes once none is left that blocks it. */
  #finishForeground(owner: JsonObject, namespace: string, now: number): void {
    const kind = this.#kinds.named(textAt(owner, "apiVersion"), textAt(owner, "kind"))
    if (kind === undefined) return
    const key = `${kind.resource.namespaced ? namespace : ""}/${textAt(owner, "name")}`
    this.#release(kind, textAt(owner, "uid"), key, now)
  }

  #release(kind: Kind, uid: string, key: string, now: number): void {
    const resource = groupResource(kind.resource)
    const object = this.#store.get(resource, key)
    if (object === undefined || metadataOf(object)["uid"] !== uid) return
    if (!finalizersOf(object).includes(foreground)) return
    const isBlocked = this.#store.dependents(uid).some((found) => {
      const dependent = this.#store.get(found.resource, found.key)
      return (
        dependent !== undefined &&
        ownersOf(dependent).some((owner) => owner["uid"] === uid && owner["blockOwnerDeletion"] === true)
      )
    })
    if (isBlocked) return
    const finalizers = finalizersOf(object).filter((finalizer) => finalizer !== foreground)
    if (finalizers.length === 0) this.drop(kind, object, now)
    else this.#store.commit({ resource, before: object, after: withMetadata(object, { finalizers }) }, now)
  }

  #finishContainers(kind: Kind, removed: JsonObject, now: number): void {
    const namespaces = this.#kinds.ofStored("namespaces")
    const name = namespaceOf(removed)
    const home = name === "" ? undefined : this.#store.get("namespaces", `/${name}`)
    if (home !== undefined && namespaces !== undefined && isTerminating(home))
      this.#empty(namespaces, name, now)
    const definition = this.#store.get(definitionsKey, `/${groupResource(kind.resource)}`)
    const definitions = this.#kinds.ofStored(definitionsKey)
    if (definition !== undefined && definitions !== undefined && isTerminating(definition)) {
      this.#emptyDefinition(definitions, nameOf(definition), now)
    }
  }

  /** Deletes what is in a terminating namespace; the namespace follows when nothing is left. */
  #empty(kind: Kind, name: string, now: number): void {
    let left = 0
    for (const resource of this.#store.resources()) {
      const found = this.#kinds.ofStored(resource)
      if (found === undefined || !found.resource.namespaced) continue
      const inside = this.#store.all(resource).filter((object) => namespaceOf(object) === name)
      left += this.#clear(found, inside, now)
    }
    const object = this.#store.get("namespaces", `/${name}`)
    if (left === 0 && object !== undefined) this.drop(kind, object, now)
  }

  #emptyDefinition(kind: Kind, name: string, now: number): void {
    const definition = this.#store.get(definitionsKey, `/${name}`)
    if (definition === undefined) return
    const served = kindOfDefinition(definition, kind)
    if (this.#clear(served, this.#store.all(name), now) === 0) this.drop(kind, definition, now)
  }

  /** How many of the objects are still there afterwards. */
  #clear(kind: Kind, objects: ReadonlyArray<JsonObject>, now: number): number {
    const resource = groupResource(kind.resource)
    for (const object of objects) {
      if (!isTerminating(object)) this.remove(kind, object, { propagationPolicy: "Background" }, now)
    }
    return objects.filter(
      (object) => this.#store.get(resource, `${namespaceOf(object)}/${nameOf(object)}`) !== undefined
    ).length
  }
}
