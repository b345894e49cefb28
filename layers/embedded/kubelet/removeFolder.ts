/** Removes a pod's folder, also what a build left read-only in it. */
import { execFile } from "node:child_process"
import { rm } from "node:fs/promises"

import { Effect } from "effect"

/** Folder and contents; that it is not there is fine. What cannot be removed is logged and stays. */
export const removeFolder = Effect.fn("removeFolder")(function* (folder: string) {
  yield* removal(folder).pipe(
    // Go's module cache, for one, takes the right to write from its folders.
    Effect.catch(() => Effect.andThen(makeWritable(folder), removal(folder))),
    Effect.ignore({ log: "Warn" })
  )
})

const removal = (folder: string) =>
  Effect.tryPromise(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))

const makeWritable = (folder: string) =>
  Effect.callback<void>((resume) => {
    execFile("chmod", ["-R", "u+rwX", folder], () => resume(Effect.void))
  })
