/** What lies in the tree of a commit: names, kinds and sizes, and the contents of some. Nothing of a checkout is looked at. */
import { Effect } from "effect"

import type { BaseEntry } from "../../src/services/GitWorkspace.ts"
import { GitFailed } from "./runGit.ts"

type Read = (args: ReadonlyArray<string>, input?: string) => Effect.Effect<Buffer, GitFailed>

const line = /^(\d{6}) \w+ ([0-9a-f]{40,64}) +(\d+|-)\t(.*)$/su

const kindOf = (mode: string): BaseEntry["kind"] =>
  mode === "160000" ? "submodule" : mode === "120000" ? "link" : "file"

export const listEntries = (read: Read, commit: string): Effect.Effect<ReadonlyArray<BaseEntry>, GitFailed> =>
  read(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]).pipe(
    Effect.map((bytes) =>
      bytes
        .toString("utf8")
        .split("\0")
        .flatMap((text): ReadonlyArray<BaseEntry> => {
          const [, mode, object, size, path] = line.exec(text) ?? []
          return mode === undefined || object === undefined || path === undefined
            ? []
            : [{ path, kind: kindOf(mode), bytes: Number(size) || 0, object }]
        })
    )
  )

/** Of one process, however many there are. What is missing or is no blob comes back empty. */
export const readObjects = (
  read: Read,
  entries: ReadonlyArray<BaseEntry>
): Effect.Effect<ReadonlyArray<Uint8Array>, GitFailed> => {
  if (entries.length === 0) return Effect.succeed([])
  return read(["cat-file", "--batch"], entries.map(({ object }) => `${object}\n`).join("")).pipe(
    Effect.map((output) => {
      let at = 0
      return entries.map(() => {
        const end = output.indexOf(0x0a, at)
        const size = /^[0-9a-f]+ \w+ (\d+)$/u.exec(output.toString("latin1", at, end))?.[1]
        at = end + 1
        if (size === undefined) return new Uint8Array()
        const content = output.subarray(at, at + Number(size))
        at += Number(size) + 1
        return content
      })
    })
  )
}
