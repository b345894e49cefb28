/** Journals of runs on this machine, found by what people know of them. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

import { Effect, Result, Runtime, Schema } from "effect"
import { Argument, Flag } from "effect/cli"

import { readJournal } from "../src/journal/read.ts"

/** There is no such journal, or it cannot be read. */
export class JournalMissing extends Schema.TaggedError<JournalMissing>()("JournalMissing", {
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 78
}

/** The parameters of every command that reads a journal. */
export const journalParameters = {
  journal: Argument.String("task").pipe(
    Argument.withDescription("A journal's file, or the name or uid of a task that ran on this machine")
  ),
  workspaceDir: Flag.String("workspace-dir").pipe(
    Flag.withDefault(join(homedir(), "foreman-workspaces")),
    Flag.withDescription("Where this machine's runs keep their journals")
  )
}

/** Journals of a folder of workspaces, the newest first. */
const filesIn = (workspaceDir: string): ReadonlyArray<string> => {
  const root = join(workspaceDir, ".journals")
  if (!existsSync(root)) return []
  return readdirSync(root)
    .filter((uid) => statSync(join(root, uid)).isDirectory())
    .flatMap((uid) =>
      readdirSync(join(root, uid))
        .filter((name) => name.endsWith(".ndjson"))
        .map((name) => join(root, uid, name))
    )
    .map((file) => ({ file, usedMillis: statSync(file).mtimeMs }))
    .toSorted((a, b) => b.usedMillis - a.usedMillis)
    .map(({ file }) => file)
}

export const readFile = (file: string) => readJournal(readFileSync(file, "utf8"))

const fileOf = (name: string, workspaceDir: string): string | undefined => {
  if (existsSync(name) && statSync(name).isFile()) return name
  return filesIn(workspaceDir).find((file) => {
    const journal = Result.getOrUndefined(readFile(file))
    if (journal === undefined) return false
    const { name: task, namespace, uid } = journal.run.task
    return [task, `${namespace}/${task}`, uid].includes(name)
  })
}

/** The file, or the newest journal of a task of this name, with or without its namespace, or uid. */
export const findJournal = Effect.fnUntraced(function* (name: string, workspaceDir: string) {
  const file = yield* Effect.try({
    try: () => fileOf(name, workspaceDir),
    catch: (cause) => new JournalMissing({ message: cause instanceof Error ? cause.message : String(cause) })
  })
  if (file !== undefined) return file
  return yield* new JournalMissing({
    message: `no journal of ${name} in ${workspaceDir}: name another folder with --workspace-dir, or the file itself. A run in a Job has its log in its pod: kubectl logs -l foreman.llmkube.dev/task-name=${name}`
  })
})
