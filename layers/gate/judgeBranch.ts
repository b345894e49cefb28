/** One gate from clone to verdict. Whatever stops it becomes a GATE-ERROR that says why; what was found out before is kept. */
import { statfs } from "node:fs/promises"

import { Duration, Effect, type Redacted, Schema } from "effect"
import { parse } from "yaml"

import {
  banner,
  type Check,
  checksOfFile,
  defaultChecks,
  GateFile,
  gateFilePath,
  makefileNames,
  readMakefile
} from "../../src/gate/checks.ts"
import { dirtyLine, type Envelope, isSuspect, judge, lastLine, type Ran } from "../../src/gate/judge.ts"
import * as Checkout from "./Checkout.ts"
import { GateStopped } from "./GateStopped.ts"
import * as Toolchain from "./Toolchain.ts"

export interface GateSettings {
  readonly repo: string
  readonly branch: string
  readonly cloneURL: string
  readonly baseBranch?: string | undefined
  readonly upstreamURL?: string | undefined
  readonly token?: Redacted.Redacted<string> | undefined
  /** Absent: `.foreman/gate.yaml` at the base, else the make targets that the base declares. */
  readonly checks?: ReadonlyArray<Check> | undefined
  readonly workDir: string
  readonly exchangeDir: string
  readonly judgeDir: string
  /** Wall time of the whole gate. */
  readonly deadline: Duration.Duration
  readonly confinement: "container" | "process"
}

/** The sidecar starts before the judge does, so it answers at once or not at all. */
const toolchainPatience = Duration.seconds(30)
/** With less room than this a failing check says nothing about the change. */
const leastFreeBytes = 16 * 1024 * 1024
const maxDirtyLines = 50
const maxIncludes = 20

export type Print = (text: Uint8Array | string) => void

export const judgeBranch = Effect.fn("judgeBranch")(function* (
  settings: GateSettings,
  write: Print
): Effect.fn.Return<Envelope> {
  const print = onOwnLine(write)
  const ran: Array<Ran> = []
  let evidence: Partial<Envelope> = {}

  const judged = yield* Effect.gen(function* () {
    print.line(`=== clone ${settings.repo} @ ${settings.branch} ===`)
    const [checkout, toolchain] = yield* Effect.all(
      [
        Checkout.open(settings).pipe(Effect.tap((opened) => opened.place(opened.commit))),
        Toolchain.open({
          exchangeDir: settings.exchangeDir,
          workDir: settings.workDir,
          print: print.raw,
          patience: toolchainPatience
        })
      ],
      { concurrency: 2 }
    )
    const { base, commit, tree } = checkout
    evidence = { commit, tree, ...(base !== undefined && { base }) }
    print.line(commit)

    const declared = yield* declaredTargets(checkout)
    const checks = settings.checks ?? (yield* checksOfBase(checkout, declared))
    if (checks.length === 0) {
      return yield* new GateStopped({
        fault: "NothingToCheck",
        message: `no checks: nobody named one, and the base has neither ${gateFilePath} nor one of the make targets`
      })
    }
    for (const check of checks) {
      print.line(banner(check))
      const { name, command } = check
      const { exitCode, limit, seconds } = yield* toolchain.run(command)
      ran.push({ check: { name, command, exitCode, seconds, ...(limit !== undefined && { limit }) } })
      if (exitCode === 0) continue
      print.line(
        `--- ${name}: ${limit === undefined ? `exit ${exitCode}` : `stopped at its limit: ${limit}`}`
      )
      yield* roomLeft(settings.workDir)
    }
    const dirty = yield* checkout.dirty
    if (dirty.length > 0) {
      print.line(dirtyLine)
      print.line((yield* checkout.diffStat).trimEnd())
      print.line(dirty.slice(0, maxDirtyLines).join("\n"))
      evidence = { ...evidence, dirty: dirty.slice(0, maxDirtyLines) }
    }
    yield* retryOnBase({ checkout, toolchain, checks, declared, ran, print })
    return judge({ ran, dirty })
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: settings.deadline,
      orElse: () =>
        Effect.fail(
          new GateStopped({
            fault: "DeadlineExceeded",
            message: `the checks took more than ${Duration.toSeconds(settings.deadline)} s`
          })
        )
    }),
    Effect.catchTag("GateStopped", ({ fault, message }) => {
      print.line(`GATE ERROR: ${fault}: ${message}`)
      return Effect.succeed({ verdict: "GATE-ERROR" as const, reason: fault, message })
    })
  )
  print.line(lastLine(judged.verdict))
  return {
    ...judged,
    ...evidence,
    checks: ran.map(({ check }) => check),
    confinement: settings.confinement
  }
})

/** A failure that may be nobody's fault is held against the base: the same command, the same limits. */
const retryOnBase = Effect.fnUntraced(function* (world: {
  readonly checkout: Checkout.Checkout
  readonly toolchain: Toolchain.Toolchain
  readonly checks: ReadonlyArray<Check>
  readonly declared: ReadonlySet<string>
  readonly ran: Array<Ran>
  readonly print: ReturnType<typeof onOwnLine>
}): Effect.fn.Return<void, GateStopped> {
  const { checkout, declared, print, ran } = world
  const { base } = checkout
  const suspects = world.checks.flatMap((check, index) => {
    const isUndeclared = check.target !== undefined && !declared.has(check.target)
    const outcome = ran[index]
    return outcome !== undefined && isSuspect(outcome.check.exitCode, isUndeclared, outcome.check.limit)
      ? [{ check, index, outcome }]
      : []
  })
  if (base === undefined || suspects.length === 0) return
  print.line(`=== the same on the base ${base} ===`)
  yield* checkout.place(base)
  for (const { check, index, outcome } of suspects) {
    print.line(banner(check))
    const onBase = yield* world.toolchain.run(check.command)
    ran[index] = { ...outcome, base: onBase.exitCode, baseLimit: onBase.limit }
  }
})

const decodeGateFile = Schema.decodeUnknownEffect(GateFile, { onExcessProperty: "error", errors: "all" })

const checksOfBase = Effect.fnUntraced(function* (
  checkout: Checkout.Checkout,
  declared: ReadonlySet<string>
): Effect.fn.Return<ReadonlyArray<Check>, GateStopped> {
  const text = yield* checkout.readBase(gateFilePath)
  if (text === undefined) return defaultChecks(declared)
  return yield* Effect.try({ try: (): unknown => parse(text, { maxAliasCount: 0 }), catch: String }).pipe(
    Effect.flatMap((value) => decodeGateFile(value).pipe(Effect.mapError((error) => error.message))),
    Effect.map(checksOfFile),
    Effect.mapError(
      (message) =>
        new GateStopped({ fault: "ConfigInvalid", message: `${gateFilePath} at the base: ${message}` })
    )
  )
})

/** Targets of the base's makefile and of what it includes by name. */
const declaredTargets = Effect.fnUntraced(function* (
  checkout: Checkout.Checkout
): Effect.fn.Return<ReadonlySet<string>, GateStopped> {
  const targets = new Set<string>()
  const toRead: Array<string> = []
  for (const name of makefileNames) {
    if ((yield* checkout.readBase(name)) === undefined) continue
    toRead.push(name)
    break
  }
  for (let index = 0; index < toRead.length && index < maxIncludes; index++) {
    const file = readMakefile((yield* checkout.readBase(toRead[index] ?? "")) ?? "")
    for (const target of file.targets) targets.add(target)
    toRead.push(...file.includes.filter((path) => !toRead.includes(path)))
  }
  return targets
})

const roomLeft = (workDir: string): Effect.Effect<void, GateStopped> =>
  Effect.promise(() => statfs(workDir)).pipe(
    Effect.flatMap(({ bavail, bsize }) =>
      bavail * bsize >= leastFreeBytes
        ? Effect.void
        : Effect.fail(new GateStopped({ fault: "DiskFull", message: "the volume of the checkout is full" }))
    )
  )

/** Banners begin a line of their own, whatever a check left behind. */
const onOwnLine = (write: Print) => {
  let isAtStart = true
  return {
    raw: (chunk: Uint8Array) => {
      isAtStart = chunk.at(-1) === 10
      write(chunk)
    },
    line: (text: string) => {
      write(`${isAtStart ? "" : "\n"}${text}\n`)
      isAtStart = true
    }
  }
}
