/**
 * What stands between a coder's GO and its commit: the change has to be there, within the task, and away from what decides about
 * changes; tests may not get weaker without a word; the fast checks of the gate have to pass. The gate judges all of it again, where
 * the coder has no say: this only saves the way there.
 */
import { Duration, Effect } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { outsidePaths } from "../decide/source.ts"
import type { Change } from "../gate/change.ts"
import type { Check } from "../gate/checks.ts"
import { isUntouched } from "../gate/coverage.ts"
import type { Finding } from "../gate/finding.ts"
import { type GitError, type Workspace } from "../services/GitWorkspace.ts"
import { GateAnalysis } from "../services/GateAnalysis.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { ToolError } from "../tools/AgentTool.ts"
import type { Inspection, Objection, Stated } from "../tools/submitWork.ts"
import { commandOnBase } from "./onBase.ts"

/** A check of any other role is run here when it says that it takes no longer. */
const fastSeconds = 120
const fastRoles: ReadonlySet<Check["role"]> = new Set(["format", "lint", "build"])
/** Of a failing check's output, from its end. */
const tailChars = 4_000
const maxNamed = 20
/** Failing checks whose output is told; of the others, the names. */
const maxTold = 5
const maxPaths = 100

/** Classes of `verdictPolicy.selfGO` by which a task grants what is protected. Contract §6. */
const grants: ReadonlySet<string> = new Set(["ci-policy", "release-policy"])

export const isFast = ({ role, timeoutSeconds = Infinity }: Check): boolean =>
  fastRoles.has(role) || timeoutSeconds <= fastSeconds

const some = (names: ReadonlyArray<string>): string =>
  `${names.slice(0, maxNamed).join(", ")}${names.length > maxNamed ? ` and ${names.length - maxNamed} more` : ""}`

/** What is wrong with the change itself, the first thing first. */
export const objectionTo = (
  { payload, verdictPolicy }: AgenticTask["spec"],
  change: Change,
  found: { readonly guarded: ReadonlyArray<Finding>; readonly weakened: ReadonlyArray<Finding> },
  { testChanges }: Stated
): Objection | undefined => {
  if (change.files.length === 0) {
    return { outcome: "NO-CHANGES", message: "the model said GO but changed nothing" }
  }
  const touched = change.files.flatMap(({ oldPath, path }) =>
    oldPath === undefined ? [path] : [path, oldPath]
  )
  const outside = outsidePaths(touched, payload.paths)
  if (outside.length > 0) {
    return {
      outcome: "PATHS-OUTSIDE-TASK",
      message: `the change touches ${outside.length} files outside the task's paths: ${some(outside)}`,
      paths: outside.slice(0, maxPaths),
      failureReason: "ConstraintViolated"
    }
  }
  const guarded = found.guarded.filter(({ isNote }) => isNote !== true)
  if (guarded.length > 0 && !(verdictPolicy?.selfGO ?? []).some((name) => grants.has(name))) {
    const where = guarded.map(({ file, message }) => `${file} (${message})`)
    return {
      outcome: "PROTECTED-PATHS",
      message: `the change touches what decides about changes, which only a person may accept; take it back: ${some(where)}`,
      paths: guarded.slice(0, maxPaths).map(({ file }) => file),
      failureReason: "ConstraintViolated"
    }
  }
  const held = found.weakened.filter(({ isNote }) => isNote !== true)
  if (held.length > 0 && testChanges === undefined) {
    const where = held.map(
      ({ file, line, message }) => `${file}${line === undefined ? "" : `:${line}`}: ${message}`
    )
    return {
      outcome: "TESTS-WEAKENED",
      message: `tests check less than they did; restore them, or say why in test_changes; where nothing else solves the task, stop (STOP, Contradicted):\n${where.slice(0, maxNamed).join("\n")}`,
      failureReason: "ConstraintViolated"
    }
  }
  return undefined
}

interface OwnCheck {
  readonly name: string
  readonly exitCode?: number
  /** Why it decides nothing here. */
  readonly skipped?: string
}

const asToolError = Effect.mapError((error: GitError) => new ToolError({ message: error.message }))

/** A check in the workspace, as the model's own commands run. What cannot run here is left to the gate. */
const runCheck = Effect.fnUntraced(function* (
  check: Check,
  bashTimeout: Duration.Duration,
  baseCommit: string
) {
  const tools = yield* WorkspaceTools
  const run = (command: string) =>
    tools
      .runCommand(command, {
        timeout: Duration.min(bashTimeout, Duration.seconds(check.timeoutSeconds ?? Infinity)),
        maxBytes: 64 * 1024
      })
      .pipe(Effect.mapError((error) => new ToolError({ message: error.message })))
  const { exitCode, stderr, stdout, timedOut } = yield* run(check.command)
  const { name } = check
  if (timedOut) return { own: { name, skipped: "it takes too long here" } }
  if (exitCode === 126 || exitCode === 127)
    return { own: { name, exitCode, skipped: "its tools are not here" } }
  if (exitCode === 0) return { own: { name, exitCode } }
  // What fails without the change, too, is not the coder's to mend; the gate tells whose it is.
  const onBase = yield* run(commandOnBase(check.command, baseCommit, 0))
  if (onBase.exitCode === exitCode)
    return { own: { name, exitCode, skipped: "it fails without the change, too" } }
  const output = `${stdout}\n${stderr}`.trim()
  return {
    own: { name, exitCode },
    failure: `$ ${check.command}\nexit ${exitCode}\n${output.slice(-tailChars)}`
  }
})

export const inspect = Effect.fn("ownGate.inspect")(function* (
  task: AgenticTask,
  workspace: Workspace,
  bashTimeout: Duration.Duration,
  stated: Stated
): Effect.fn.Return<Inspection, ToolError, GateAnalysis | WorkspaceTools> {
  const { checksOf, findProtected, findWeakened } = yield* GateAnalysis
  const checks = yield* checksOf(workspace, task.spec.gateProfile)
  const { change, tree } = yield* workspace.change.pipe(asToolError)
  const weakened = change.files.length === 0 ? [] : yield* findWeakened(change)
  const guarded = yield* findProtected(workspace, change, checks)
  const objection = objectionTo(task.spec, change, { guarded, weakened }, stated)
  const findings = weakened.map((finding) => ({ ...finding }))
  const found = (ran: ReadonlyArray<OwnCheck>) => ({
    checks: ran.map((check) => ({ ...check })),
    ...(findings.length > 0 && { findings })
  })
  if (objection !== undefined) return { objection, tree, found: found([]) }

  const ran: Array<OwnCheck> = []
  const failures: Array<string> = []
  for (const check of checks) {
    if (!isFast(check) || isUntouched(check, change)) continue
    const { failure, own } = yield* runCheck(check, bashTimeout, workspace.baseCommit)
    ran.push(own)
    if (failure !== undefined) failures.push(failure)
  }
  const after = yield* workspace.change.pipe(asToolError)
  if (after.tree !== tree) failures.push("the checks changed files: look at what they did, and submit again")
  if (failures.length === 0) return { tree, found: found(ran) }
  const names = ran.filter(({ exitCode, skipped }) => exitCode !== 0 && skipped === undefined)
  const which = names.length === 0 ? "the tree changed" : names.map(({ name }) => name).join(", ")
  return {
    objection: {
      outcome: "CODER-GATE-FAILED",
      message: `the checks of the repository fail: ${which}\n${failures.slice(0, maxTold).join("\n\n")}`,
      failureReason: "GateFailed"
    },
    tree,
    found: found(ran)
  }
})
