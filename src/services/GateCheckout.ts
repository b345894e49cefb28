/**
 * What a gate judges: one commit, its base, and the folder in which the checks run. The repository behind it is out of the candidate's
 * reach.
 */
import { Context, type Effect, type Scope } from "effect"

import type { Change } from "../gate/change.ts"
import type { GateError } from "./GateError.ts"

/** What differs from a commit in an overlaid one. */
export interface Overlay {
  /** Files that are as another commit has them: absent where that one has none. */
  readonly paths: ReadonlyArray<string>
  readonly from: string
  /** Files with a text of the judge's own, by path. */
  readonly texts?: ReadonlyMap<string, string>
}

export interface Checkout {
  readonly commit: string
  readonly tree: string
  /** The merge base with the base branch; undefined where the remote has no base branch. */
  readonly base: string | undefined
  /** A file of the base; undefined when there is none. */
  readonly readBase: (path: string) => Effect.Effect<string | undefined, GateError>
  /** Every path of the base. Empty without a base. */
  readonly baseFiles: Effect.Effect<ReadonlyArray<string>, GateError>
  /** Every path of the commit. */
  readonly files: Effect.Effect<ReadonlyArray<string>, GateError>
  /** How often each word stands in the files of the commit. */
  readonly mentions: (words: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, number>, GateError>
  /** Markdown of the commit that has any of these words: a few texts, by path. */
  readonly markdownWith: (
    words: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyMap<string, string>, GateError>
  /** What differs between base and commit. Without a base there is nothing to compare with: no file. Read once. */
  readonly change: Effect.Effect<Change, GateError>
  /** Names and addresses of those who wrote the commits of the change. */
  readonly authors: Effect.Effect<ReadonlyArray<string>, GateError>
  /**
   * Makes the work folder show a commit, and nothing that an earlier run left but the folders of installed dependencies and what
   * `keepIgnored` saw.
   */
  readonly place: (commit: string) => Effect.Effect<void, GateError>
  /** The same for a commit in which some files are others. */
  readonly placeMixed: (commit: string, overlay: Overlay) => Effect.Effect<void, GateError>
  /** Paths of submodules whose files are not in the work folder. */
  readonly absent: Effect.Effect<ReadonlyArray<string>>
  /** What git ignores in the work folder, installed dependencies aside. Of a folder that is ignored whole, its name alone. */
  readonly ignored: Effect.Effect<ReadonlyArray<string>, GateError>
  /** What git ignores there now stays when another commit is placed: set-up made it, and the tests need it. */
  readonly keepIgnored: Effect.Effect<void, GateError>
  /** A clean environment beside the work folder that shows a commit, and nothing that a run left anywhere; its name. Goes with the scope. */
  readonly room: (commit: string) => Effect.Effect<string, GateError, Scope.Scope>
  /** Paths that differ from the commit, with git's two letters before each: changed, missing, or untracked and not ignored. */
  readonly dirty: Effect.Effect<ReadonlyArray<string>, GateError>
  /** The same against another commit that the work folder shows. */
  readonly dirtyAgainst: (commit: string) => Effect.Effect<ReadonlyArray<string>, GateError>
  /** Diffstat of the tracked ones, for people; empty where one of them cannot be read. */
  readonly diffStat: Effect.Effect<string>
  /** What the branch is on the remote now: another commit than ours, or `gone`; undefined when it is still ours. */
  readonly moved: Effect.Effect<string | undefined, GateError>
}

export class GateCheckout extends Context.Service<GateCheckout, Checkout>()(
  "foreman/services/GateCheckout"
) {}
