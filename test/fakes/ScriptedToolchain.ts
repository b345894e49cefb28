/**
 * A checkout and a toolchain without a process: what a command does in a state of the work folder is a function, and takes virtual seconds.
 * For stages under TestClock.
 */
import { Duration, Effect } from "effect"

import type { Change, ChangedFile } from "../../src/gate/change.ts"
import type { Check } from "../../src/gate/checks.ts"
import type { GateError } from "../../src/services/GateError.ts"
import type { Checkout } from "../../src/services/GateCheckout.ts"
import type { CommandResult } from "../../src/services/GateToolchain.ts"
import type { TestStageContext } from "../../src/stages/TestStageContext.ts"

export type Files = Readonly<Record<string, string | undefined>>

/** What a run finds in the work folder. */
export type Folder = ReadonlyMap<string, string>

export interface Script {
  readonly base: Files
  /** Put over the base; `undefined` deletes a file. */
  readonly change: Files
  readonly checks: ReadonlyArray<Check>
  /** Exit and output of a command; seconds are 1 when absent. */
  readonly does: (
    command: string,
    folder: Folder
  ) => { readonly exitCode: number; readonly output?: string; readonly seconds?: number } | GateError
  readonly patience?: Duration.Duration
}

/** A run as it was asked for, with what the folder showed. */
export interface Seen {
  readonly command: string
  readonly folder: Folder
}

const placed = (...layers: ReadonlyArray<Files>): Folder =>
  new Map(
    Object.entries(Object.assign({}, ...layers)).flatMap(([path, text]) =>
      typeof text === "string" ? [[path, text] as const] : []
    )
  )

const changedFile = (base: Files, path: string, after: string | undefined): ChangedFile => {
  const before = base[path]
  const lines = (text: string | undefined, others: string | undefined) => {
    const known = new Set((others ?? "").split("\n"))
    return (text ?? "").split("\n").flatMap((line, index) => (known.has(line) ? [] : [index + 1]))
  }
  return {
    path,
    status: before === undefined ? "added" : after === undefined ? "deleted" : "modified",
    addedLines: lines(after, before),
    removedLines: lines(before, after),
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after })
  }
}

export const scripted = (script: Script) => {
  const sides = { base: placed(script.base), commit: placed(script.base, script.change) }
  const sideOf = (commit: string): Folder => (commit === "base" ? sides.base : sides.commit)
  const seen: Array<Seen> = []
  let folder: Folder = new Map()
  const change: Change = {
    files: Object.entries(script.change).map(([path, after]) => changedFile(script.base, path, after))
  }
  const checkout: TestStageContext["checkout"] = {
    readBase: (path) => Effect.succeed(sides.base.get(path)),
    baseFiles: Effect.succeed([...sides.base.keys()]),
    files: Effect.succeed([...sides.commit.keys()]),
    place: (commit) =>
      Effect.sync(() => {
        folder = sideOf(commit)
      }),
    placeMixed: (commit, { from, paths, texts }) =>
      Effect.sync(() => {
        const mixed = new Map(sideOf(commit))
        for (const path of paths) {
          const text = sideOf(from).get(path)
          if (text === undefined) mixed.delete(path)
          else mixed.set(path, text)
        }
        for (const [path, text] of texts ?? []) mixed.set(path, text)
        folder = mixed
      }),
    room: (commit) => Effect.succeed(`room of ${commit}`)
  } satisfies Partial<Checkout>
  const run: TestStageContext["run"] = Effect.fnUntraced(function* (command, { timeout }) {
    seen.push({ command, folder })
    const done = script.does(command, folder)
    if ("_tag" in done) return yield* done
    const seconds = Math.min(done.seconds ?? 1, Duration.toSeconds(timeout))
    yield* Effect.sleep(Duration.seconds(seconds))
    const isCut = seconds < (done.seconds ?? 1)
    return {
      exitCode: isCut ? 137 : done.exitCode,
      seconds,
      logTail: done.output ?? "",
      ...(isCut && { limit: "time" as const })
    } satisfies CommandResult
  })
  const context: TestStageContext = {
    commit: "commit",
    base: "base",
    change,
    ran: script.checks.map((check) => ({ check, exitCode: 0, output: "" })),
    builders: [],
    setUp: Effect.void,
    clean: { before: () => Effect.succeed("room of base") },
    checkout,
    run,
    print: () => undefined,
    patience: script.patience ?? Duration.seconds(60)
  }
  return { context, seen }
}
