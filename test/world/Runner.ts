/** What a part of a run is handed. */
import type { Store } from "./outcomes.ts"

export interface Runner {
  /** Where the clones are. */
  readonly folder: string
  /** SHA-256 of the program that is asked, 12 digits. */
  readonly build: string
  readonly store: Store
  /** Ctrl-C was pressed: begin nothing new. */
  readonly isEnded: () => boolean
  /** Progress, to stderr. */
  readonly tell: (line: string) => void
}
