/** One gate from clone to verdict. Whatever stops it becomes a GATE-ERROR that says why; what was found out before is kept. */
import { dirname } from "node:path"

import { Clock, Duration, Effect, type Redacted, type Scope } from "effect"

import { type Allowance, approve } from "../../src/gate/approval.ts"
import type { Check } from "../../src/gate/checks.ts"
import { coverageOf } from "../../src/gate/coverage.ts"
import { type Envelope, lastLine, nonceLine, resultLine } from "../../src/gate/envelope.ts"
import type { Finding, Policy, Standard } from "../../src/gate/finding.ts"
import { dirtyLine, judge, type Judged, sorted, told, weighed } from "../../src/gate/judge.ts"
import { defaultLimits, type Limits } from "../../src/gate/limits.ts"
import { toolChecks } from "../../src/gate/toolChecks.ts"
import { askTests } from "./askTests.ts"
import * as Checkout from "./Checkout.ts"
import { examine } from "./examine.ts"
import { GateStopped } from "./GateStopped.ts"
import { type Log, make as makeLog, type Print } from "./log.ts"
import { planChecks } from "./planChecks.ts"
import { type Checked, type CheckWorld, retryOnBase, runChecks, runToolChecks } from "./runChecks.ts"
import * as Toolchain from "./Toolchain.ts"

export interface GateSettings {
  readonly repo: string
  readonly branch: string
  readonly cloneURL: string
  readonly baseBranch?: string | undefined
  readonly upstreamURL?: string | undefined
  readonly token?: Redacted.Redacted<string> | undefined
  readonly watched?: Checkout.CheckoutOptions["watched"]
  /** Absent: the base says what to check (`planChecks.ts`). */
  readonly checks?: ReadonlyArray<Check> | undefined
  /** What somebody allows of what the rules ask about. */
  readonly approvals?: ReadonlyArray<Allowance> | undefined
  /** A person waits for the result, as at `foreman gate`. False when absent. */
  readonly attended?: boolean | undefined
  readonly workDir: string
  /** Holds all that checks may write to, caches aside; the work folder's own folder when absent. */
  readonly volumeDir?: string | undefined
  readonly exchangeDir: string
  readonly judgeDir: string
  /** Wall time of the whole gate. */
  readonly deadline: Duration.Duration
  /** `container` where a container holds the checks; else they say themselves whether they run in namespaces of their own. */
  readonly confinement: "container" | "process"
  /** Each in place of its default. */
  readonly limits?: Partial<Limits> | undefined
  /** Told by the log's first line, and then in nobody's reach: marks the line with the whole result. No such lines when absent. */
  readonly nonce?: string | undefined
}

/** The sidecar starts before the judge does, so it answers at once or not at all. */
const toolchainPatience = Duration.seconds(30)
const maxDirtyLines = 50

/** What is known so far; a gate that is stopped tells as much. */
interface Known {
  evidence: Partial<Envelope>
  checked: Array<Checked>
  findings: ReadonlyArray<Finding>
  confinement: "container" | "namespaces" | "process"
}

export const judgeBranch = Effect.fn("judgeBranch")(function* (
  settings: GateSettings,
  write: Print
): Effect.fn.Return<Envelope> {
  const log = makeLog(write)
  if (settings.nonce !== undefined) log.line(nonceLine(settings.nonce))
  const known: Known = {
    evidence: {},
    checked: [],
    findings: [],
    confinement: settings.confinement
  }
  const judged = yield* stages(settings, log, known).pipe(
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
      log.line(`GATE ERROR: ${fault}: ${message}`)
      return Effect.succeed({ verdict: "GATE-ERROR" as const, reason: fault, message })
    })
  )
  const envelope: Envelope = {
    ...judged,
    ...known.evidence,
    checks: known.checked.map(({ check }) => check),
    ...(known.findings.length > 0 && { findings: known.findings }),
    confinement: known.confinement
  }
  if (settings.nonce !== undefined) log.line(resultLine(envelope, settings.nonce))
  log.line(lastLine(envelope.verdict))
  return envelope
})

const stages = Effect.fnUntraced(function* (
  settings: GateSettings,
  log: Log,
  known: Known
): Effect.fn.Return<Judged, GateStopped, Scope.Scope> {
  const allowance = yield* halfOfWhatIsLeft(settings.deadline)
  log.line(`=== clone ${settings.repo} @ ${settings.branch} ===`)
  const [checkout, toolchain] = yield* Effect.all(
    [
      Checkout.open(settings).pipe(Effect.tap((opened) => opened.place(opened.commit))),
      Toolchain.open({
        exchangeDir: settings.exchangeDir,
        volumeDir: settings.volumeDir ?? dirname(settings.workDir),
        print: log.raw,
        patience: toolchainPatience,
        limits: { ...defaultLimits, ...settings.limits }
      })
    ],
    { concurrency: 2 }
  )
  const { base, commit, tree } = checkout
  known.evidence = { commit, tree, ...(base !== undefined && { base }) }
  if (settings.confinement === "process" && toolchain.isApart) known.confinement = "namespaces"
  log.line(commit)

  const rules = yield* planChecks(checkout, settings.checks)
  known.evidence = { ...known.evidence, profile: rules.profile, source: rules.source }
  const change = yield* checkout.change
  const { declared, policy } = rules
  const world = { checkout, toolchain, change, workDir: settings.workDir, declared, log, allowance }
  // What needs no run is found out while the checks run.
  const [{ documents, findings }] = yield* Effect.all(
    [examine(checkout, change, rules.checks), runAll(world, rules.checks, known)],
    { concurrency: 2 }
  )
  const dirty = yield* lookAtTree(checkout, log)
  known.checked.push(...documents)
  known.checked = [...(yield* retryOnBase(world, known.checked))]
  const tests = yield* askTests(world, known.checked)
  known.checked = [...tests.checked]
  const all = [...findings, ...dirty.map(asFinding), ...tests.findings]
  const standard = yield* hold(settings, checkout, policy, all, log, known)
  const found = sorted(all, standard)
  known.findings = weighed(found, standard)
  known.evidence = { ...known.evidence, ...tests.evidence, ...(dirty.length > 0 && { dirty }) }

  const coverage = coverageOf(
    change,
    known.checked.map(({ looksAt }) => looksAt)
  )
  known.evidence = { ...known.evidence, coverage }
  for (const line of told(found, standard, coverage)) log.line(line)
  const judged = judge({
    ran: known.checked,
    findings: found,
    coverage,
    tests: tests.said,
    commit,
    ...standard
  })
  return yield* boundToBranch(checkout, judged, known)
})

const runAll = Effect.fnUntraced(function* (world: CheckWorld, checks: ReadonlyArray<Check>, known: Known) {
  const onChecked = (checked: Checked) => void known.checked.push(checked)
  yield* runChecks(world, checks, onChecked)
  yield* runToolChecks(world, toolChecks(world.change), onChecked)
})

/** Paths that the checks changed, with git's two letters; the first few. */
const lookAtTree = Effect.fnUntraced(function* (checkout: Checkout.Checkout, log: Log) {
  const dirty = yield* checkout.dirty
  if (dirty.length === 0) return []
  log.line(dirtyLine)
  log.line((yield* checkout.diffStat).trimEnd())
  log.line(dirty.slice(0, maxDirtyLines).join("\n"))
  return dirty.slice(0, maxDirtyLines)
})

/** Holds what was found against the policy and the approvals, and notes which approvals counted. */
const hold = Effect.fnUntraced(function* (
  { approvals = [], attended }: GateSettings,
  checkout: Checkout.Checkout,
  policy: Policy,
  findings: ReadonlyArray<Finding>,
  log: Log,
  known: Known
): Effect.fn.Return<Standard, GateStopped> {
  if (approvals.length === 0) return { policy, attended }
  const { commit } = checkout
  const authors = yield* checkout.authors
  const { allowed, counted, lines, read } = approve({
    approvals,
    attended,
    authors,
    commit,
    findings,
    policy
  })
  for (const line of lines) log.line(line)
  known.evidence = {
    ...known.evidence,
    ...(counted.length > 0 && { approvals: counted }),
    ...(read !== undefined && { approvalsRead: read })
  }
  return { policy, attended, allowed }
})

const asFinding = (line: string): Finding => ({
  rule: "dirty",
  file: line.slice(3),
  message: line.startsWith("??")
    ? "a check left it, and git does not ignore it"
    : "differs from the commit after the checks"
})

/**
 * Whoever builds on a GATE-PASS builds on the branch: one that moved on meanwhile was not judged as it is now. What a check said no to
 * stays said; the commit is named.
 */
const boundToBranch = Effect.fnUntraced(function* (
  checkout: Checkout.Checkout,
  judged: Judged,
  known: Known
): Effect.fn.Return<Judged, GateStopped> {
  if (judged.verdict === "GATE-ERROR") return judged
  const moved = yield* judged.verdict === "GATE-PASS"
    ? checkout.moved
    : Effect.catchTag(checkout.moved, "GateStopped", () => Effect.undefined)
  if (moved === undefined) return judged
  known.evidence = { ...known.evidence, moved }
  if (judged.verdict === "GATE-FAIL") return judged
  return yield* new GateStopped({
    fault: "BranchMoved",
    message:
      moved === "gone"
        ? `the branch was deleted while its commit ${checkout.commit} was judged`
        : `the branch is at ${moved} now, and ${checkout.commit} was judged: judge it again`
  })
})

/** Half of the time that the gate has left, by a clock that nobody sets. */
const halfOfWhatIsLeft = (deadline: Duration.Duration) =>
  Effect.map(Clock.monotonicTimeNanos, (start) =>
    Effect.map(Clock.monotonicTimeNanos, (now) =>
      Duration.max(
        Duration.millis(1),
        Duration.times(Duration.subtract(deadline, Duration.nanos(now - start)), 0.5)
      )
    )
  )
