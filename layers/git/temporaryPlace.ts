/** A folder for questions to a remote that no workspace belongs to. It goes with the scope. */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Effect, type Redacted } from "effect"

import { wipe } from "../wipe.ts"
import { onDisk } from "./clone.ts"
import { makePrivate } from "./git.ts"

export const temporaryPlace = (token: Redacted.Redacted<string> | undefined) =>
  Effect.acquireRelease(
    onDisk(() => makePrivate(mkdtempSync(join(tmpdir(), "foreman-git-")), token)),
    ({ folder }) => Effect.sync(() => wipe(folder))
  )
