/**
 * Caches of builds and downloads that gates of one repository share. They are written by set-up and builds of a base alone, in a toolchain of
 * their own, and read by every gate whose base has the same lock files: what one candidate leaves in a cache decides nothing about the next.
 */
import { createHash, randomUUID } from "node:crypto"
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises"
import { basename, join } from "node:path"

import { Duration, Effect, Layer } from "effect"

import { decidesDependencies } from "../../src/gate/dependencyFiles.ts"
import { gateFilePath } from "../../src/gate/gateFile.ts"
import { defaultLimits, type Limits } from "../../src/gate/limits.ts"
import { make as makeLog, type Print } from "../../src/stages/log.ts"
import { prepareBase } from "../../src/stages/prepareBase.ts"
import { git } from "../git/runGit.ts"
import { wipe } from "../wipe.ts"
import * as Checkout from "./Checkout.ts"
import * as localToolchain from "./localToolchain.ts"
import * as Toolchain from "./Toolchain.ts"

export interface BaseCacheOptions {
  /** Holds the caches of this repository, one folder for each state of its lock files. */
  readonly folder: string
  /** Where base and branch are, and the branch of the base. */
  readonly remote: string
  readonly baseBranch: string
  /** A folder of this gate's own. */
  readonly scratchDir: string
  readonly memoryBytes: number
  readonly patience: Duration.Duration
  /** Folders that set-up finds empty. */
  readonly hidden: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly write: Print
}

/** What says which dependencies a project has, and what its gate runs. */
const decides = (path: string): boolean => decidesDependencies(path) || path === gateFilePath

/** Folders that no gate used for so long go. */
const unusedMillis = 30 * 86_400_000

/** Another word where bases leave more in their caches than they did: older folders lack it. */
const filledWith = "compiled tests"

const keyOf = (remote: string, branch: string) =>
  git(["--git-dir", remote, "ls-tree", "-r", "-z", branch]).pipe(
    Effect.map((text) => text.split("\0").filter((line) => decides(line.split("\t")[1] ?? ""))),
    Effect.map((lines) =>
      createHash("sha256")
        .update([filledWith, ...lines].join("\0"))
        .digest("hex")
        .slice(0, 16)
    )
  )

/**
 * The folder of caches for this base, filled first where no gate has done so yet. Where it cannot be filled it is an empty one of this gate's
 * own, and the log says why.
 */
export const open = Effect.fn("BaseCache.open")(function* (
  options: BaseCacheOptions
): Effect.fn.Return<string> {
  const key = yield* keyOf(options.remote, options.baseBranch).pipe(
    Effect.catchTag("GitFailed", () => Effect.succeed("unknown"))
  )
  const folder = join(options.folder, key)
  if (yield* isUsed(folder)) return folder
  const making = join(options.folder, `.making-${randomUUID()}`)
  const isReady = yield* prepare(options, making).pipe(
    Effect.scoped,
    Effect.catchTag("GateError", ({ message }) => {
      options.write(`foreman gate: the caches of the base were not filled: ${message}\n`)
      return Effect.succeed(false)
    })
  )
  yield* settle(options.folder, making, isReady ? folder : undefined)
  return isReady ? folder : join(options.scratchDir, "cache")
})

/** Whether it is there; it counts as used now. */
const isUsed = (path: string) =>
  Effect.promise(() =>
    utimes(path, new Date(), new Date()).then(
      () => true,
      () => false
    )
  )

const prepare = Effect.fnUntraced(function* (options: BaseCacheOptions, cacheDir: string) {
  const { memoryBytes, patience, remote, scratchDir } = options
  const folders = {
    workDir: join(scratchDir, "work", "repository"),
    exchangeDir: join(scratchDir, "exchange")
  }
  const judgeDir = join(scratchDir, "judge")
  const log = makeLog(options.write)
  log.line("=== set-up of the base, for the caches ===")
  yield* localToolchain.start(
    {
      ...folders,
      scratchDir: join(scratchDir, "scratch"),
      cacheDir,
      writesCache: true,
      memoryBytes,
      hidden: [judgeDir, ...options.hidden]
    },
    options.env
  )
  const limits: Limits = { ...defaultLimits, memoryBytes }
  return yield* prepareBase(log, patience).pipe(
    Effect.provide(
      Layer.mergeAll(
        Checkout.layer({
          ...folders,
          judgeDir,
          cloneURL: remote,
          branch: options.baseBranch,
          baseBranch: options.baseBranch,
          watched: "nowhere"
        }),
        Toolchain.layer({
          ...folders,
          volumeDir: join(scratchDir, "work"),
          print: log.raw,
          patience: Duration.seconds(30),
          limits
        })
      )
    )
  )
})

/** Another gate may have been faster: then ours goes. So do folders that nobody used for a month. */
const settle = (parent: string, making: string, folder: string | undefined) =>
  Effect.promise(async () => {
    if (folder !== undefined) {
      await mkdir(making, { recursive: true })
      await rename(making, folder).catch(() => undefined)
    }
    await rm(making, { recursive: true, force: true }).catch(() => wipe(making))
    for (const name of await readdir(parent).catch(() => [])) {
      const path = join(parent, name)
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
      if (path !== folder && basename(path) !== "" && Date.now() - mtimeMs > unusedMillis) wipe(path)
    }
  }).pipe(Effect.ignore)
