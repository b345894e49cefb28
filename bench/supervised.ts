/** A program under a supervisor, as a kubelet or systemd has it: whatever ends it, it is started again. */
import { existsSync, readdirSync, readFileSync } from "node:fs"

import { Effect, Exit, Scope } from "effect"

import type { Program } from "./program.ts"

export interface Sample {
  readonly rssMegabytes: number
  readonly fileDescriptors: number
}

export interface Supervised {
  readonly name: string
  readonly signal: (signal: NodeJS.Signals) => void
  /** How long it stays down after its next end. Milliseconds. */
  readonly stayDown: (millis: number) => void
  /** `undefined` while it is down or young, and where there is no /proc. */
  readonly sample: () => Sample | undefined
}

const restartMillis = 1_000

/** Its heap finds its size in this time. */
const youthMillis = 60_000

const pageBytes = 4096

const sampleOf = (pid: number | undefined): Sample | undefined => {
  const folder = `/proc/${pid}`
  if (pid === undefined || !existsSync(folder)) return undefined
  const pages = Number(readFileSync(`${folder}/statm`, "utf8").split(" ")[1])
  return {
    rssMegabytes: (pages * pageBytes) / 2 ** 20,
    fileDescriptors: readdirSync(`${folder}/fd`).length
  }
}

const ended = ({ child }: Program): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    const done = () => resume(Effect.void)
    child.once("exit", done)
    return Effect.sync(() => child.off("exit", done))
  })

/** Returns once it works for the first time; keeps it up until the scope closes. */
export const keep = Effect.fnUntraced(function* (
  name: string,
  start: Effect.Effect<Program, never, Scope.Scope>
): Effect.fn.Return<Supervised, never, Scope.Scope> {
  let current: Program | undefined
  let bornAt = 0
  let downMillis = restartMillis

  const begin = Effect.gen(function* () {
    const scope = yield* Scope.make()
    current = yield* Scope.provide(start, scope).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    bornAt = performance.now()
    return { program: current, scope }
  })

  /** What cannot start, since the API server is away, is started again. */
  const beginAgain: typeof begin = begin.pipe(
    Effect.catchDefect((defect) => {
      console.error(`  ${name} did not start: ${String(defect).slice(0, 300)}`)
      return Effect.delay(
        Effect.suspend(() => beginAgain),
        restartMillis
      )
    })
  )

  let running = yield* begin
  yield* Effect.addFinalizer(() => Effect.suspend(() => Scope.close(running.scope, Exit.void)))
  yield* Effect.gen(function* () {
    yield* ended(running.program)
    current = undefined
    yield* Scope.close(running.scope, Exit.void)
    yield* Effect.sleep(downMillis)
    downMillis = restartMillis
    running = yield* beginAgain
  }).pipe(Effect.forever, Effect.forkScoped)

  return {
    name,
    signal: (signal) => void current?.child.kill(signal),
    stayDown: (millis) => {
      downMillis = millis
    },
    sample: () =>
      current === undefined || performance.now() - bornAt < youthMillis
        ? undefined
        : sampleOf(current.child.pid)
  }
})
