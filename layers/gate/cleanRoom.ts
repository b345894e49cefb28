/** A room without a past (`src/gate/room.ts`): an excuse by the base is believed only where the base fails in one. */
import { randomUUID } from "node:crypto"
import { mkdir, readdir } from "node:fs/promises"
import { basename, dirname, join } from "node:path"

import { Effect, type Scope } from "effect"

import { roomFolders, roomWorkFolder } from "../../src/gate/room.ts"
import { wipe } from "../wipe.ts"
import type { GateError } from "../../src/services/GateError.ts"
import { onDisk } from "./disk.ts"
import type { GitFailed } from "../git/runGit.ts"
import * as WorkFolder from "./WorkFolder.ts"

/**
 * A folder beside the work folder, by its name, with the files of a commit, until the scope ends. All else beside the work folder goes:
 * programs look for settings and packages in the folders above their own.
 */
export const open = Effect.fn("cleanRoom.open")(function* (
  options: WorkFolder.WorkFolderOptions,
  commit: string
): Effect.fn.Return<string, GateError | GitFailed, Scope.Scope> {
  const { judgeDir, workDir } = options
  const parent = dirname(workDir)
  const name = `room-${randomUUID()}`
  const room = join(parent, name)
  yield* Effect.acquireRelease(
    onDisk(async () => {
      const beside = (await readdir(parent)).filter((each) => each !== basename(workDir))
      for (const each of beside) wipe(join(parent, each))
      for (const folder of roomFolders) await mkdir(join(room, folder), { recursive: true })
      await mkdir(join(judgeDir, name))
    }),
    () => Effect.ignore(onDisk(async () => wipe(room)))
  )
  const folder = WorkFolder.make({
    ...options,
    workDir: join(room, roomWorkFolder),
    judgeDir: join(judgeDir, name)
  })
  yield* folder.place(commit)
  return name
})
