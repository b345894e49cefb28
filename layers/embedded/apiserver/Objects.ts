/**
 * What an API server does with one object: read, create, change, delete. Plain synchronous functions that throw ApiError;
 * `EmbeddedApiserver.ts` makes effects of them. `now` is milliseconds, since the clock belongs to the caller.
 */
import { groupResource, groupVersion } from "../../../schema/Resource.ts"
import type { JsonObject, ServedResource, Target, WriteOptions, Written } from "../Apiserver.ts"
import { checkApprovals } from "./approvalRules.ts"
import { Deletion } from "./deletion.ts"
import { type DeleteOptions, isTerminating } from "./deletionRules.ts"
import * as errors from "./errors.ts"
import { equal, listAt, metadataOf, textAt, withMetadata, without } from "./json.ts"
import { definitionsKey, Kinds } from "./Kinds.ts"
import type { Kind } from "./kind.ts"
import { trackUpdate } from "./managedFields.ts"
import { metadataRules, nameMissing, newMetadata, readMetadata } from "./metadata.ts"
import { applyOver, firstApply } from "./serverSideApply.ts"
import type { Store } from "./Store.ts"
import {
  checkDeclared,
  checkIdentity,
  composed,
  isFinished,
  namespaceFor,
  unknownFields,
  type UpdateVia,
  withGeneration,
  withKind
} from "./writeRules.ts"

export class Objects {
  readonly kinds: Kinds
  readonly store: Store
  readonly #deletion: Deletion

  constructor(store: Store) {
    this.store = store
    this.kinds = new Kinds(store)
    this.#deletion = new Deletion(store, this.kinds)
  }

  /** Finishes what a crash interrupted. */
  sweep(now: number): void {
    this.#deletion.sweep(now)
  }

  find({ resource, namespace, name }: Target): JsonObject | undefined {
    const kind = this.kinds.of(resource)
    const object = this.store.get(groupResource(resource), keyIn(kind, namespace, name))
    return object === undefined ? undefined : inVersion(object, resource)
  }

  get(target: Target): JsonObject {
    const object = this.find(target)
    if (object === undefined) throw errors.notFound(target.resource, target.name)
    return object
  }

  create(
    options: {
      readonly resource: ServedResource
      readonly namespace?: string | undefined
      readonly body: JsonObject
      /** An apply has noted its fields already. */
      readonly via?: "APPLY"
    } & WriteOptions,
    now: number
  ): Written {
    const { body, resource } = options
    const kind = this.kinds.of(resource)
    const read = readMetadata(withKind(body, resource))
    const namespace = kind.resource.namespaced ? namespaceFor(read, options.namespace) : undefined
    const metadata = newMetadata(metadataOf(read), {
      namespace,
      hasGeneration: kind.hasGeneration,
      now
    })
    const name = textAt(metadata, "name")
    if (name === "") throw errors.invalid(resource, "", [nameMissing])
    if (namespace !== undefined) this.#checkNamespace(resource, namespace, name)
    if (textAt(metadataOf(read), "resourceVersion") !== "") {
      throw errors.unexplained("resourceVersion should not be set on objects to be created")
    }
    if (this.find({ resource, namespace, name }) !== undefined) throw errors.alreadyExists(resource, name)

    // Status belongs to who reports it: a new object has none but what its kind begins with.
    const proposed = { ...(resource.hasStatus ? without(read, "status") : read), metadata }
    const unreadable = kind.unreadable?.(proposed)
    if (unreadable !== undefined) throw errors.cannotHandle(resource, unreadable)
    const admitted = kind.admit(proposed, undefined, now)
    const warnings = unknownFields(admitted.unknown, options, (why) =>
      errors.cannotHandle(resource, `strict decoding error: ${why}`)
    )
    const causes = [...metadataRules(admitted.object, undefined, kind.isNamedByLabel), ...admitted.causes]
    if (causes.length > 0) throw errors.invalid(resource, name, causes)
    checkApprovals(resource, options.user, undefined, admitted.object)
    const object =
      options.via === "APPLY"
        ? admitted.object
        : trackUpdate(undefined, admitted.object, { resource, options, now })
    if (options.dryRun === true) return { object, created: true, warnings }
    const written = this.#commit(kind, undefined, object, now)
    if (listAt(metadata, "ownerReferences").length > 0) {
      this.#deletion.settle({ resource: groupResource(resource), key: keyIn(kind, namespace, name) }, now)
    }
    return { object: written, created: true, warnings }
  }

  /**
   * PUT and all patches: `propose` makes the wanted object from the current one. Nothing is written when nothing would change.
   * A version in the proposal that is not the current one is a conflict, so a proposal that keeps the current one never is.
   */
  update(
    target: Target,
    propose: (current: JsonObject, kind: Kind) => JsonObject,
    options: WriteOptions & { readonly via: UpdateVia },
    now: number
  ): Written {
    const kind = this.kinds.of(target.resource)
    const current = this.get(target)
    const proposed = readMetadata(withKind(propose(current, kind), target.resource))
    checkIdentity(kind, target, current, proposed, options.via)
    const next = composed(target, current, proposed)
    const refused = (why: string) =>
      options.via === "PATCH" ? errors.invalidPatch(proposed, why) : errors.cannotHandle(target.resource, why)
    const unreadable = kind.unreadable?.(next)
    if (unreadable !== undefined) throw refused(unreadable)
    const admitted = kind.admit(next, current, now)
    const warnings = unknownFields(admitted.unknown, options, (why) =>
      refused(`strict decoding error: ${why}`)
    )
    const causes = [...metadataRules(admitted.object, current, kind.isNamedByLabel), ...admitted.causes]
    if (causes.length > 0) throw errors.invalid(target.resource, target.name, causes)
    checkApprovals(target.resource, options.user, current, admitted.object)
    if (equal(admitted.object, current)) return { object: current, created: false, warnings }

    const tracked =
      options.via === "APPLY"
        ? admitted.object
        : trackUpdate(current, admitted.object, {
            resource: target.resource,
            options,
            subresource: target.subresource,
            now
          })
    const object = withGeneration(kind, current, tracked)
    if (options.dryRun === true) return { object, created: false, warnings }
    if (isTerminating(object) && isFinished(object)) {
      return { object: this.#deletion.drop(kind, object, now), created: false, warnings }
    }
    const written = this.#commit(kind, current, object, now)
    if (!equal(metadataOf(current)["ownerReferences"], metadataOf(object)["ownerReferences"])) {
      this.#deletion.settle(
        { resource: groupResource(target.resource), key: keyIn(kind, target.namespace, target.name) },
        now
      )
    }
    return { object: written, created: false, warnings }
  }

  /** Server-side apply: creates what is not there. */
  apply(
    target: Target,
    body: JsonObject,
    options: WriteOptions & { readonly force: boolean },
    now: number
  ): Written {
    const { name, namespace, resource, subresource } = target
    const how = { resource, fieldManager: options.fieldManager, force: options.force, subresource, now }
    const read = readMetadata(withKind(body, resource))
    checkDeclared(read, resource)
    if (this.find(target) === undefined && subresource === undefined) {
      const named = withMetadata(firstApply(read, how), { name })
      return this.create({ resource, namespace, body: named, ...options, via: "APPLY" }, now)
    }
    return this.update(target, (current) => applyOver(current, read, how), { ...options, via: "APPLY" }, now)
  }

  remove(target: Target, options: DeleteOptions, now: number): JsonObject {
    return this.#deletion.remove(this.kinds.of(target.resource), this.get(target), options, now)
  }

  #commit(kind: Kind, before: JsonObject | undefined, after: JsonObject, now: number): JsonObject {
    const resource = groupResource(kind.resource)
    const written = this.store.commit({ resource, before, after }, now)
    if (resource === definitionsKey) this.kinds.reload()
    return written
  }

  #checkNamespace(resource: ServedResource, namespace: string, name: string): void {
    const home = this.store.get("namespaces", `/${namespace}`)
    if (home === undefined) throw errors.notFound({ group: "", plural: "namespaces" }, namespace)
    if (isTerminating(home)) {
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`
      throw errors.forbidden(resource, name, why)
    }
  }
}

const keyIn = (kind: Kind, namespace: string | undefined, name: string): string =>
  `${kind.resource.namespaced ? (namespace ?? "default") : ""}/${name}`

/** Objects are stored as they were written; another version of the kind differs in its name only (conversion None). */
export const inVersion = (object: JsonObject, resource: ServedResource): JsonObject =>
  object["apiVersion"] === groupVersion(resource) ? object : { ...object, apiVersion: groupVersion(resource) }
