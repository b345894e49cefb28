/** Which kinds are served now: the built-in ones and those of the definitions in the store. */
import { groupResource } from "../../../schema/Resource.ts"
import type { JsonObject, ServedResource } from "../Apiserver.ts"
import { builtins } from "./builtins.ts"
import { definitions, kindsOf } from "./customResource.ts"
import { notServed } from "./errors.ts"
import type { Kind } from "./kind.ts"
import type { Store } from "./Store.ts"

export const definitionsKey = groupResource(definitions.resource)

const keyOf = (resource: Pick<ServedResource, "group" | "plural" | "version">): string =>
  `${groupResource(resource)}/${resource.version}`

export class Kinds {
  readonly #store: Store
  #kinds = new Map<string, Kind>()

  constructor(store: Store) {
    this.#store = store
    this.reload()
  }

  /** Reads the definitions again, after one was written. */
  reload(): void {
    const custom = this.#store
      .all(definitionsKey)
      .filter((definition) => !isDying(definition))
      .flatMap(kindsOf)
    this.#kinds = new Map([...builtins, definitions, ...custom].map((kind) => [keyOf(kind.resource), kind]))
  }

  all(): ReadonlyArray<Kind> {
    return [...this.#kinds.values()]
  }

  /** Throws ApiError 404 for a kind that is not served. */
  of(resource: ServedResource): Kind {
    const kind = this.#kinds.get(keyOf(resource))
    if (kind === undefined) throw notServed()
    return kind
  }

  /** The kind that stored objects of a resource have. Undefined when its definition is gone. */
  ofStored(resource: string): Kind | undefined {
    return this.all().find((kind) => groupResource(kind.resource) === resource)
  }

  /** The kind that an owner reference names; undefined when no such kind is served. */
  named(apiVersion: string, kind: string): Kind | undefined {
    const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : ""
    return this.all().find(({ resource }) => resource.group === group && resource.kind === kind)
  }
}

const isDying = (definition: JsonObject): boolean => {
  const { metadata } = definition
  return typeof metadata === "object" && metadata !== null && "deletionTimestamp" in metadata
}
