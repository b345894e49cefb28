/** A served kind, with what the server does to its objects on their way in. */
import type { JsonObject, ServedResource } from "../Apiserver.ts"
import type { Cause } from "./errors.ts"

/** An object as the server would store it, and what it thinks of it. */
export interface Admitted {
  readonly object: JsonObject
  /** Paths that the schema does not know; they are gone from `object`. */
  readonly unknown: ReadonlyArray<string>
  readonly causes: ReadonlyArray<Cause>
}

export interface Kind {
  readonly resource: ServedResource
  /** Whether a change outside metadata and status counts as a generation. */
  readonly hasGeneration: boolean
  /** Whether a PUT may leave resourceVersion out. */
  readonly takesUnconditionalUpdate: boolean
  /** Names are DNS labels (at most 63 characters), not subdomains. */
  readonly isNamedByLabel: boolean
  /** Why the server's decoder does not take an object; absent where it takes all. */
  readonly unreadable?: ((object: JsonObject) => string | undefined) | undefined
  /** Defaults, pruning and rules. `before` is absent for a new object. `now` in milliseconds. */
  readonly admit: (object: JsonObject, before: JsonObject | undefined, now: number) => Admitted
}

export const verbs: ReadonlyArray<string> = ["create", "delete", "get", "list", "patch", "update", "watch"]
