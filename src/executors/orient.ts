/** Reads what a coder is told of the repository from its base commit, and from nothing that a candidate wrote. */
import { Effect, Result } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { tokensOf } from "../decide/context.ts"
import { follow, type Guide, guidesFor, pointsTo, textOf } from "../decide/guidance.ts"
import { mapped, orientation, type ShownGuide } from "../decide/orientation.ts"
import { namedBy } from "../decide/taskFolders.ts"
import type { BaseEntry, GitError, Workspace } from "../services/GitWorkspace.ts"
import type { ChatTool } from "../../schema/Chat.ts"

/** Tokens of a first request, and its share of the window. */
const maxTokens = 4_000
const maxShare = 0.25

/** Links of the base that are looked at where a guide is one, and bytes of a target. */
const maxLinks = 500
const maxTargetBytes = 4096

/** What a request carries beside its messages and tools: names of fields, the model, options. */
const envelopeTokens = 60

/** Tokens that are left for the orientation beside what the first request holds anyway. */
export const roomFor = (windowTokens: number, offered: ReadonlyArray<ChatTool>, prompts: string): number => {
  const tools = offered.map(({ description, name, parameters }) => ({
    type: "function",
    function: { name, description, parameters }
  }))
  const fixed = tokensOf(JSON.stringify(tools)) + tokensOf(JSON.stringify(prompts))
  return Math.floor(Math.min(maxTokens, windowTokens * maxShare)) - fixed - envelopeTokens
}

const utf8 = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

type Base = Pick<Workspace, "baseEntries" | "readEntries">

/** The guides for these folders, links of the base followed. */
const findGuides = Effect.fnUntraced(function* (
  workspace: Base,
  entries: ReadonlyArray<BaseEntry>,
  folders: ReadonlyArray<string>
) {
  const chosen = guidesFor(entries, folders)
  // A link may lead to another one.
  const links = chosen.some(({ kind }) => kind === "link")
    ? [...chosen, ...entries]
        .filter(({ bytes, kind }) => kind === "link" && bytes <= maxTargetBytes)
        .slice(0, maxLinks)
    : []
  const targets = yield* workspace.readEntries(links)
  const targetOf = new Map(links.map(({ path }, index) => [path, utf8(targets[index])]))
  const byPath = new Map(entries.map((entry) => [entry.path, entry]))
  return chosen.map((guide): Guide =>
    follow(
      guide,
      (path) => byPath.get(path),
      ({ path }) => targetOf.get(path)
    )
  )
})

/** What they say; one that says the same as another before it, or only points to it, is left out. */
const shownGuides = (
  guides: ReadonlyArray<Guide>,
  contentOf: (object: string) => Uint8Array | undefined
): ReadonlyArray<ShownGuide> => {
  const seen = new Set<string>()
  return guides.flatMap(({ entry, path, refused }): ReadonlyArray<ShownGuide> => {
    if (entry === undefined) return [{ path, refused: refused ?? "it is no file" }]
    if (seen.has(entry.object)) return []
    seen.add(entry.object)
    const text = textOf(contentOf(entry.object) ?? new Uint8Array())
    if (Result.isFailure(text)) return [{ path, refused: text.failure }]
    const target = pointsTo(path, text.success)
    const isKnown = target !== undefined && guides.some((guide) => guide.path === target)
    return text.success === "" || isKnown ? [] : [{ path, text: text.success }]
  })
}

/** At most `room` tokens on the repository, for this task. What git does not tell costs the orientation, not the run. */
export const orient = Effect.fn("orient")(
  function* (
    task: AgenticTask,
    issueText: string,
    workspace: Base,
    room: number
  ): Effect.fn.Return<string, GitError> {
    if (room <= 0) return ""
    const entries = yield* workspace.baseEntries
    const text = `${task.spec.payload.prompt ?? ""}\n${issueText}`
    const named = namedBy(entries, { paths: task.spec.payload.paths ?? [], text })
    const guides = yield* findGuides(workspace, entries, named.folders)
    const sources = mapped(entries, named, text)
    // One process for all: the model waits.
    const read = [...guides.flatMap(({ entry }) => entry ?? []), ...sources]
    const contents = yield* workspace.readEntries(read)
    const byObject = new Map(read.map(({ object }, index) => [object, contents[index]]))
    return orientation(
      {
        entries,
        guides: shownGuides(guides, (object) => byObject.get(object)),
        sources: sources.map(({ object, path }) => ({ path, text: utf8(byObject.get(object)) }))
      },
      room
    )
  },
  Effect.catch((error) =>
    Effect.as(Effect.logWarning("the repository is not described to the model", error), "")
  )
)
