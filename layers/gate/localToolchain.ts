/**
 * The toolchain of a gate on this machine: the loop as a process of its own, in namespaces where there are any. Its environment is made
 * up here: nothing of ours but what programs need to be found.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"

import { Duration, Effect, type Scope } from "effect"

import { startLoop } from "../../src/gate/exchange.ts"
import { dataKiB } from "../../src/gate/limits.ts"
import { readOnly } from "./FirstProcess.ts"
import type { GateError } from "../../src/services/GateError.ts"
import { isIn } from "../confinedShell.ts"
import { hostPrograms } from "../hostPrograms.ts"
import * as readOnlyRoot from "../readOnlyRoot.ts"

export interface LocalToolchain {
  readonly workDir: string
  readonly exchangeDir: string
  /** HOME and TMPDIR of the checks lie here. */
  readonly scratchDir: string
  /** Caches of builds and downloads: all that one gate leaves to the next. */
  readonly cacheDir: string
  /**
   * Whether the checks may change the caches for the gates to come: only where nothing but a base ever runs. Else what they write goes
   * with the gate, where the host has namespaces.
   */
  readonly writesCache?: boolean | undefined
  /** Memory of all checks together. */
  readonly memoryBytes?: number | undefined
  /** Folders that the checks find empty, where the host has namespaces: the judge's folder and the repository that was cloned. */
  readonly hidden: ReadonlyArray<string>
}

/** A check may have stopped the loop where it can reach it. */
const patience = Duration.seconds(2)

type Env = { readonly [name: string]: string | undefined }

/** Passed on as they are: how programs speak and how they reach the network. */
const inherited = /^(LANG|LC_\w+|TZ|USER|LOGNAME|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)|JAVA_HOME)$/iu

/** A search path without what lies in these folders: programs of the user's checkout are no part of the commit. */
const outside = (searchPath: string, folders: ReadonlyArray<string>): string =>
  searchPath
    .split(":")
    .filter((entry) => !folders.some((folder) => isIn(real(entry), real(folder))))
    .join(":")

const real = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** As a gate pod has it, where it has one. */
const environment = (options: LocalToolchain, env: Env): Record<string, string> => {
  const { cacheDir, scratchDir } = options
  const own = Object.entries(env).flatMap(([name, value]) =>
    inherited.test(name) && value !== undefined ? [[name, value] as const] : []
  )
  return {
    ...Object.fromEntries(own),
    ...hostPrograms(env),
    PATH: outside(env["PATH"] ?? "/usr/bin:/bin", options.hidden),
    WORK_DIR: options.workDir,
    EXCHANGE_DIR: options.exchangeDir,
    HOME: join(scratchDir, "home"),
    TMPDIR: join(scratchDir, "tmp"),
    GOPATH: join(scratchDir, "go"),
    CARGO_HOME: join(scratchDir, "cargo"),
    GOMODCACHE: join(cacheDir, "gomod"),
    GOCACHE: join(cacheDir, "gobuild"),
    XDG_DATA_HOME: join(cacheDir, "xdg"),
    XDG_CACHE_HOME: join(cacheDir, "xdg-cache"),
    npm_config_cache: join(cacheDir, "npm"),
    PIP_CACHE_DIR: join(cacheDir, "pip"),
    GRADLE_USER_HOME: join(cacheDir, "gradle"),
    MAVEN_OPTS: `-Dmaven.repo.local=${join(cacheDir, "m2")}`,
    ...(options.memoryBytes !== undefined && { DATA_KIB: String(dataKiB(options.memoryBytes)) })
  }
}

/**
 * Runs until the scope ends, and takes all that it started along where it has namespaces. It comes up while the judge clones; that it is
 * there, and its end, are the judge's to notice.
 */
export const start = Effect.fn("localToolchain.start")(function* (
  options: LocalToolchain,
  env: Env
): Effect.fn.Return<void, GateError, Scope.Scope> {
  const { cacheDir, exchangeDir, scratchDir } = options
  const parent = dirname(options.workDir)
  const tmp = join(scratchDir, "tmp")
  const changes = join(scratchDir, "cache")
  const own = [parent, exchangeDir, cacheDir, changes, tmp, join(scratchDir, "home")]
  // What is not there yet cannot be covered, and would be seen once it is.
  for (const folder of [...own, ...options.hidden]) {
    yield* Effect.try({
      try: () => mkdirSync(folder, { recursive: true, mode: 0o700 }),
      catch: () => readOnly(folder)
    })
  }
  const words = Effect.map(readOnlyRoot.make, (confine) => {
    const root = {
      writable: [parent, scratchDir, cacheDir],
      readable: [exchangeDir],
      hidden: options.hidden,
      searchPath: environment(options, env)["PATH"],
      tmp,
      ...(options.writesCache !== true && { overlay: { path: cacheDir, changes } })
    }
    return confine === undefined ? startLoop : confine(startLoop, root)
  })
  const launch = ([program = "", ...args]: ReadonlyArray<string>) =>
    Effect.sync(() => {
      const child = spawn(program, args, {
        cwd: parent,
        env: environment(options, env),
        stdio: ["ignore", "ignore", "pipe"],
        detached: true
      })
      // What could not be started never answers, and the judge says so.
      child.on("error", () => {})
      return child
    })
  yield* words.pipe(
    Effect.flatMap((argv) => Effect.acquireRelease(launch(argv), end)),
    Effect.flatMap(tellItsEnd),
    Effect.forkScoped
  )
})

/** Of what a launcher says. */
const maxWords = 500

/** Says why it ended, where that was not at our word: the judge only sees that nobody answers. */
const tellItsEnd = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<string>((resume) => {
    let words = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-maxWords)
    })
    child.once("exit", (code, signal) =>
      resume(Effect.succeed(`${signal ?? `exit ${code}`}: ${words.trim()}`))
    )
  }).pipe(
    Effect.flatMap((why) => Effect.logDebug("the toolchain ended").pipe(Effect.annotateLogs({ why }))),
    Effect.asVoid
  )

/** The loop ends its checks on TERM; in namespaces the end of the launcher ends everything. */
const end = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
      return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGTERM")
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.sync(() => void child.kill("SIGKILL"))
    })
  )
