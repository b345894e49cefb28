/** What happened in a run, line by line, so that another process can go on with it. */
import { Context, Effect, Layer, Schema, type Scope } from "effect"

export class JournalError extends Schema.TaggedError<JournalError>()("JournalError", {
  /** `Full`: the journal is as large as it may be. `DiskFull`: there is no room at all. `InUse`: another process works on the run. */
  reason: Schema.Literals(["DiskFull", "Full", "InUse", "Unusable"]),
  message: Schema.String
}) {}

/** A journal that is written. */
export interface JournalWriter {
  /** Counts the runs of the task that began at turn 1, from 1. */
  readonly attempt: number
  /** Adds whole lines, without their ends. With `isDurable` they are on disk when it returns, and all before them. */
  readonly append: (
    lines: ReadonlyArray<string>,
    options?: { readonly isDurable?: boolean }
  ) => Effect.Effect<void, JournalError>
}

export class Journal extends Context.Service<
  Journal,
  {
    /**
     * A folder of the task's own beside its journals, for what does not fit on a line: checkpoints, patches. It need not exist;
     * `undefined` where nothing is kept on disk. It goes when the journals go.
     */
    readonly folder: (uid: string) => string | undefined
    /**
     * Keeps every other process from the task's run until the scope closes. Fails at once with `InUse` where one has it, and says which.
     * A process that ended, however it ended, has it no more.
     */
    readonly lock: (uid: string) => Effect.Effect<void, JournalError, Scope.Scope>
    /** The text of the task's newest journal; `undefined` when there is none. */
    readonly read: (uid: string) => Effect.Effect<string | undefined, JournalError>
    /** Begins a journal, or goes on with the newest after its last whole line. */
    readonly open: (
      uid: string,
      how: "New" | "GoOn"
    ) => Effect.Effect<JournalWriter, JournalError, Scope.Scope>
    /** Makes a journal of another host, of this number there, the task's newest. */
    readonly adopt: (uid: string, attempt: number, text: string) => Effect.Effect<void, JournalError>
    /** Adds a line to the newest journal; nothing when there is none. Fails with `InUse` while a run is under way. */
    readonly note: (uid: string, line: string) => Effect.Effect<void, JournalError>
    /** Keeps a run's work as a patch, and returns where it is. */
    readonly keepPatch: (uid: string, attempt: number, patch: string) => Effect.Effect<string, JournalError>
  }
>()("foreman/services/Journal") {}

/** Keeps nothing: each run begins anew. For runs that come to their end at once. */
export const layerNone = Layer.succeed(
  Journal,
  Journal.of({
    folder: () => undefined,
    lock: () => Effect.void,
    read: () => Effect.undefined,
    open: () => Effect.succeed({ attempt: 1, append: () => Effect.void }),
    adopt: () => Effect.void,
    note: () => Effect.void,
    keepPatch: () => Effect.fail(new JournalError({ reason: "Unusable", message: "nothing is kept here" }))
  })
)
