/** A change as the gate sees it: what differs between the merge base and the commit that is judged, file by file. */

export interface ChangedFile {
  /** In the commit; of a deleted file, in the base. Slashes, relative to the root. */
  readonly path: string
  /** Where a renamed file was. */
  readonly oldPath?: string | undefined
  readonly status: "added" | "modified" | "deleted" | "renamed"
  /** Lines that the commit has and the base has not, by number in the commit, from 1, in order. Empty for what is not text. */
  readonly addedLines: ReadonlyArray<number>
  /** Lines that the base has and the commit has not, by number in the base. */
  readonly removedLines: ReadonlyArray<number>
  /** The text in the base; undefined where there is none, or it is no text or longer than 1 MiB. */
  readonly before?: string | undefined
  /** The text in the commit, likewise. */
  readonly after?: string | undefined
}

export interface Change {
  readonly files: ReadonlyArray<ChangedFile>
}
