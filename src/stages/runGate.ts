/**
 * One gate from clone to verdict, in numbered steps. What stops it is a GATE-ERROR that says why; what was found out before is kept.
 */
import { Clock, Duration, Effect, type Layer, type Scope } from "effect"
import { Digest } from "effect/crypto"

import type { Allowance } from "../gate/approval.ts"
import type { Check } from "../gate/checks.ts"
import { coverageOf, unexamined } from "../gate/coverage.ts"
import { type Envelope, lastLine, nonceLine, resultLine } from "../gate/envelope.ts"
import type { Finding } from "../gate/finding.ts"
import type { RerunEvidence } from "../gate/flaky.ts"
import { dirtyLine, judge, sorted, told, weighed } from "../gate/judge.ts"
import type { Judged } from "../gate/judgeRed.ts"
import { toolChecks } from "../gate/toolChecks.ts"
import { type Checkout, GateCheckout } from "../services/GateCheckout.ts"
import { type GateError, gateError } from "../services/GateError.ts"
import { GateToolchain } from "../services/GateToolchain.ts"
import type { SyntaxParser } from "../services/SyntaxParser.ts"
import { standardOf } from "./approvals.ts"
import * as environment from "./environment.ts"
import type { Log } from "./log.ts"
import { planChecks, type Rules } from "./planChecks.ts"
import { baseVisit } from "./baseVisit.ts"
import { cleanEnvironment } from "./cleanEnvironment.ts"
import { dirtyOnBase } from "./dirtyOnBase.ts"
import { retryOnBase } from "./retryOnBase.ts"
import { type Checked, type CheckWorld, runChecks, runToolChecks } from "./runChecks.ts"
import { changesSetup } from "./setup.ts"
import { staticChecks } from "./staticChecks.ts"
import { testStage } from "./testStage.ts"

/** What is asked of a gate, whatever stands behind its services. */
export interface GateRequest {
  /** For the log: owner/name. */
  readonly repo: string
  readonly branch: string
  /** Absent: the base says what to check (`planChecks.ts`). */
  readonly checks?: ReadonlyArray<Check> | undefined
  /** What somebody allows of what the rules ask about. */
  readonly approvals?: ReadonlyArray<Allowance> | undefined
  /** A person waits for the result, as at `foreman gate`. False when absent. */
  readonly attended?: boolean | undefined
  /** Wall time of the whole gate. */
  readonly deadline: Duration.Duration
  /** `container` where a container holds the checks; else they say themselves whether they run in namespaces of their own. */
  readonly confinement: "container" | "process"
  /** Told by the log's first line, and then in nobody's reach: marks the line with the whole result. No such lines when absent. */
  readonly nonce?: string | undefined
}

export type GateServices = GateCheckout | GateToolchain | SyntaxParser | Digest.Digest

const maxDirtyLines = 50

/** What is known so far; a gate that is stopped tells as much. */
interface Known {
  evidence: Partial<Envelope>
  checked: Array<Checked>
  findings: ReadonlyArray<Finding>
  confinement: "container" | "namespaces" | "process"
}

/** `services` are opened within the deadline and closed with the gate. */
export const runGate = Effect.fn("runGate")(function* (
  request: GateRequest,
  log: Log,
  services: Layer.Layer<GateServices, GateError>
): Effect.fn.Return<Envelope> {
  if (request.nonce !== undefined) log.line(nonceLine(request.nonce))
  const known: Known = { evidence: {}, checked: [], findings: [], confinement: request.confinement }
  const allowance = yield* halfOfWhatIsLeft(request.deadline)
  log.line(`=== clone ${request.repo} @ ${request.branch} ===`)
  const judged = yield* steps(request, log, known, allowance).pipe(
    Effect.provide(services),
    Effect.timeoutOrElse({
      duration: request.deadline,
      orElse: () =>
        gateError("DeadlineExceeded", `the checks took more than ${Duration.toSeconds(request.deadline)} s`)
    }),
    Effect.catchTag("GateError", ({ message, reason }) => {
      log.line(`GATE ERROR: ${reason._tag}: ${message}`)
      return Effect.succeed({ verdict: "GATE-ERROR" as const, reason: reason._tag, message })
    })
  )
  const envelope: Envelope = {
    ...judged,
    ...known.evidence,
    checks: known.checked.map(({ check }) => check),
    ...(known.findings.length > 0 && { findings: known.findings }),
    confinement: known.confinement
  }
  if (request.nonce !== undefined) log.line(resultLine(envelope, request.nonce))
  log.line(lastLine(envelope.verdict))
  return envelope
})

const steps = Effect.fnUntraced(function* (
  request: GateRequest,
  log: Log,
  known: Known,
  allowance: Effect.Effect<Duration.Duration>
): Effect.fn.Return<Judged, GateError, GateServices | Scope.Scope> {
  // 1. The commit lies in the work folder, and the toolchain answers.
  const checkout = yield* GateCheckout
  const toolchain = yield* GateToolchain
  const { base, commit, tree } = checkout
  known.evidence = { commit, tree, ...(base !== undefined && { base }) }
  if (request.confinement === "process" && toolchain.isApart) known.confinement = "namespaces"
  log.line(commit)

  const absent = (yield* checkout.absent).map(asAbsent)

  // 2. The base says what to check, and what is held against a change.
  const rules = yield* planChecks(checkout, request.checks)
  const { declared, policy } = rules
  known.evidence = { ...known.evidence, profile: yield* profileOf(rules), source: rules.source, policy }
  const change = yield* checkout.change
  const setup = rules.checks.filter(({ role }) => role === "setup")
  const running: CheckWorld = {
    checkout,
    toolchain: { ...toolchain, ...environment.make(toolchain, rules.env, rules.services) },
    change,
    declared,
    log,
    allowance,
    builders: [],
    setup: changesSetup(change, setup) ? setup : []
  }

  // 3. The checks run; what needs no run is found out meanwhile.
  const [{ documents, findings }, builders] = yield* Effect.all(
    [staticChecks(checkout, change, rules.checks), runAll(running, rules.checks, known)],
    { concurrency: 2 }
  )
  const world = { ...running, builders }

  // 4. What the checks left of the tree.
  const dirty = yield* lookAtTree(checkout, log)
  known.checked.push(...documents)

  // 5. What is red or dirty is held against the base.
  const clean = yield* cleanEnvironment({
    checkout,
    base: base ?? commit,
    run: world.toolchain.run,
    checks: known.checked.flatMap(({ asked, check, isBuiltIn, ofFiles }) =>
      check.exitCode === undefined || isBuiltIn === true || ofFiles !== undefined ? [] : [asked]
    ),
    patience: allowance
  })
  const visit = yield* baseVisit(world, known.checked)
  const onBase = yield* retryOnBase(world, known.checked, clean, visit)
  known.checked = [...onBase.checked]
  const untidy = yield* dirtyOnBase(world, known.checked, dirty, visit)
  yield* visit.back

  // 6. The tests run again: whose failure it is, whether they come and go, whether they fail without the change.
  const tests = yield* testStage(world, known.checked, clean)
  known.checked = [...tests.checked]
  known.evidence = {
    ...known.evidence,
    ...withReruns(tests.evidence, onBase.evidence),
    ...(dirty.length > 0 && { dirty })
  }

  // 7. What was found is held against the policy and what somebody allowed of it.
  const coverage = coverageOf(
    change,
    known.checked.map(({ looksAt }) => looksAt)
  )
  known.evidence = { ...known.evidence, coverage }
  const all = [...absent, ...findings, ...untidy, ...tests.findings, ...unexamined(coverage)]
  const { evidence, standard } = yield* standardOf(request, checkout, policy, all, log)
  const found = sorted(all, standard)
  known.findings = weighed(found, standard)
  known.evidence = { ...known.evidence, ...evidence }

  // 8. One verdict, bound to the commit that the branch still is.
  for (const line of told(found, standard, coverage)) log.line(line)
  const judged = judge({
    ran: known.checked,
    findings: found,
    coverage,
    tests: tests.said,
    commit,
    base,
    ...standard
  })
  return yield* boundToBranch(checkout, judged, known)
}, Effect.scoped)

/** What the base said of checks stands among the reruns of tests. */
const withReruns = (
  { evidence }: Pick<Envelope, "evidence">,
  onBase: ReadonlyArray<RerunEvidence>
): Pick<Envelope, "evidence"> =>
  onBase.length === 0
    ? evidence === undefined
      ? {}
      : { evidence }
    : {
        evidence: {
          ...evidence,
          reruns: [...onBase, ...(Array.isArray(evidence?.["reruns"]) ? evidence["reruns"] : [])]
        }
      }

/** SHA-256 of checks, variables, services and policy: two gates with the same profile asked the same. */
const profileOf = Effect.fnUntraced(function* ({ checks, env, policy, services }: Rules) {
  const { digestHex } = yield* Digest.Digest
  return yield* digestHex(
    Digest.sha256,
    new TextEncoder().encode(
      JSON.stringify({ checks, env, policy, ...(services.length > 0 && { services }) })
    )
  )
})

const runAll = Effect.fnUntraced(function* (world: CheckWorld, checks: ReadonlyArray<Check>, known: Known) {
  const onChecked = (checked: Checked) => void known.checked.push(checked)
  const builders = yield* runChecks(world, checks, onChecked)
  yield* runToolChecks(world, toolChecks(world.change), onChecked)
  return builders
})

/** Paths that the checks changed, with git's two letters; the first few. */
const lookAtTree = Effect.fnUntraced(function* (checkout: Checkout, log: Log) {
  const dirty = yield* checkout.dirty
  if (dirty.length === 0) return []
  log.line(dirtyLine)
  log.line((yield* checkout.diffStat).trimEnd())
  log.line(dirty.slice(0, maxDirtyLines).join("\n"))
  return dirty.slice(0, maxDirtyLines)
})

const asAbsent = (file: string): Finding => ({
  rule: "unexamined",
  file,
  message: "the files of this submodule are not at hand: what needs them fails, or says nothing",
  isNote: true
})

/**
 * Dependents of a GATE-PASS build on the branch: one that moved on meanwhile was not judged as it is now. A GATE-FAIL stays true of the
 * commit that it names.
 */
const boundToBranch = Effect.fnUntraced(function* (
  checkout: Checkout,
  judged: Judged,
  known: Known
): Effect.fn.Return<Judged, GateError> {
  if (judged.verdict === "GATE-ERROR") return judged
  const moved = yield* judged.verdict === "GATE-PASS"
    ? checkout.moved
    : Effect.catchTag(checkout.moved, "GateError", () => Effect.undefined)
  if (moved === undefined) return judged
  known.evidence = { ...known.evidence, moved }
  if (judged.verdict === "GATE-FAIL") return judged
  return yield* gateError(
    "BranchMoved",
    moved === "gone"
      ? `the branch was deleted while its commit ${checkout.commit} was judged`
      : `the branch is at ${moved} now, and ${checkout.commit} was judged: judge it again`
  )
})

/** Half of the time that the gate has left, by a monotonic clock. */
const halfOfWhatIsLeft = (deadline: Duration.Duration) =>
  Effect.map(Clock.monotonicTimeNanos, (start) =>
    Effect.map(Clock.monotonicTimeNanos, (now) =>
      Duration.max(
        Duration.millis(1),
        Duration.times(Duration.subtract(deadline, Duration.nanos(now - start)), 0.5)
      )
    )
  )
