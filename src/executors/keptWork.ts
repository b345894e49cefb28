/** What a coder did is kept, however its run ended: only a GO is on a branch. */
import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import type { Workspace } from "../services/GitWorkspace.ts"
import { Journal } from "../services/Journal.ts"
import type { Run } from "./Executor.ts"

/**
 * The result, with where the work is: a patch, and a bundle that holds it as a commit under `refs/foreman/<uid>/<attempt>`. Both lie
 * beside the journal, and go when it goes. Work that cannot be kept costs nobody the result.
 */
export const keepWork = Effect.fn("keepWork")(function* (
  { nodeName, task }: Run,
  workspace: Effect.Effect<Workspace, { readonly message: string }>,
  attempt: number | undefined,
  result: Result
): Effect.fn.Return<Result, never, Journal> {
  const { name, uid } = task.metadata
  if (result.verdict === "GO" || uid === undefined || attempt === undefined) return result
  const journal = yield* Journal
  const folder = journal.folder(uid)
  const kept = Effect.gen(function* () {
    const checkout = yield* workspace
    const ref = `refs/foreman/${uid}/${attempt}`
    const file = `${folder}/${attempt}.bundle`
    const message = `${name}: work that is no GO\n\n${result.summary}\n\nForeman-Task: ${uid}`
    const bundle = folder === undefined ? undefined : yield* checkout.bundle({ file, ref, message })
    if (bundle === undefined) return undefined
    const patch = yield* journal.keepPatch(uid, attempt, yield* checkout.patch)
    return { node: nodeName, patch, bundle: file, ref, commitSHA: bundle.commitSHA }
  }).pipe(
    Effect.catch((error) =>
      Effect.as(Effect.logWarning("the work of the run was not kept", error), undefined)
    )
  )
  const work = yield* kept
  return work === undefined ? result : { ...result, extra: { ...result.extra, work } }
})
