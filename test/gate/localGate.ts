/** A gate on this machine with the toolchain of `foreman gate`: confined where the host has namespaces. */
import { join } from "node:path"

import { Effect } from "effect"

import { type GateSettings, judgeBranch } from "../../layers/gate/judgeBranch.ts"
import * as localToolchain from "../../layers/gate/localToolchain.ts"
import * as readOnlyRoot from "../../layers/readOnlyRoot.ts"
import type { GateWorld } from "./GateWorld.ts"

/** Tests of what only namespaces can hold are skipped without them, on a Mac and in most containers. */
export const hasNamespaces = (await Effect.runPromise(readOnlyRoot.make)) !== undefined

let gates = 0

export const localGate = Effect.fnUntraced(function* (
  world: GateWorld,
  changes: Partial<GateSettings> = {},
  /** Once the toolchain runs. */
  beforeJudging: () => void = () => {}
) {
  const root = join(world.root, `local-${++gates}`)
  const folders = {
    workDir: changes.workDir ?? join(root, "work", "repository"),
    exchangeDir: join(root, "exchange"),
    judgeDir: join(root, "judge")
  }
  const toolchain = {
    ...folders,
    scratchDir: join(root, "scratch"),
    cacheDir: join(world.root, "cache"),
    hidden: [folders.judgeDir, world.remote]
  }
  let log = ""
  const settings = { ...world.settings(changes), ...folders }
  const envelope = yield* localToolchain.start(toolchain, process.env).pipe(
    Effect.tap(() => Effect.sync(beforeJudging)),
    Effect.andThen(
      judgeBranch(settings, (text) => {
        log += Buffer.from(text).toString("utf8")
      })
    ),
    Effect.scoped
  )
  return { envelope, log, root, ...toolchain }
})
