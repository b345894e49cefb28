/** Who says what to check, once the base is at hand, and what is held against the change. */
import { Effect, Result } from "effect"

import { type Check, defaultChecks } from "../gate/checks.ts"
import { checksOfFiles, tellingPaths } from "../gate/discover/discover.ts"
import { defaultPolicy, type Policy } from "../gate/finding.ts"
import { exampleFile, gateFilePath, type GateRules, readGateFile } from "../gate/gateFile.ts"
import { makefileNames, readMakefile } from "../gate/make.ts"
import type { Service } from "../gate/services.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import { type GateError, gateError } from "../services/GateError.ts"

/** The base's files. */
type Base = Pick<Checkout, "readBase" | "baseFiles">

export interface Rules {
  readonly checks: ReadonlyArray<Check>
  readonly policy: Policy
  /** Variables that the gate file sets for set-up and checks. */
  readonly env: Readonly<Record<string, string>>
  /** What runs beside each check. */
  readonly services: ReadonlyArray<Service>
  /** Who named the checks. */
  readonly source: "task" | "gate.yaml" | "make" | "files"
  /** Make targets that the base declares. */
  readonly declared: ReadonlySet<string>
}

const maxIncludes = 20

/** `named` are the checks of the task. The policy is the repository's whoever names the checks. */
export const planChecks = Effect.fn("planChecks")(function* (
  checkout: Base,
  named: ReadonlyArray<Check> | undefined
): Effect.fn.Return<Rules, GateError> {
  const declared = yield* declaredTargets(checkout)
  const file = yield* gateFile(checkout)
  const policy = file?.policy ?? defaultPolicy
  const rules = (source: Rules["source"], checks: ReadonlyArray<Check>): Rules => ({
    checks,
    policy,
    env: file?.env ?? {},
    services: file?.services ?? [],
    source,
    declared
  })
  if (named !== undefined) return rules("task", named)
  if (file?.checks !== undefined) return rules("gate.yaml", file.checks)
  const found = checksOfFiles(yield* baseFiles(checkout))
  const made = defaultChecks(declared)
  if (made.length > 0) return rules("make", [...setupOf(file, found.filter(isForMake)), ...made])
  const checks = [...setupOf(file, found), ...found.filter((check) => !isSetup(check))]
  if (checks.some((check) => !isSetup(check))) return rules("files", checks)
  return yield* gateError(
    "NoChecks",
    `no checks: the task names none, and the base has neither ${gateFilePath} nor a make target nor a project file that calls for some. Write ${gateFilePath}, such as "${exampleFile}", or let "foreman gate init" write it`
  )
})

const isSetup = ({ role }: Check): boolean => role === "setup"

/** What the gate file says is installed, else what the files call for. */
const setupOf = (file: GateRules | undefined, found: ReadonlyArray<Check>): ReadonlyArray<Check> =>
  file !== undefined && file.setup.length > 0 ? file.setup : found.filter(isSetup)

/** A recipe of make finds what lies in the folder or in a cache, and no virtual environment that it does not name. */
const isForMake = (check: Check): boolean => isSetup(check) && !check.command.includes(".venv")

const gateFile = Effect.fnUntraced(function* (checkout: Base) {
  const text = yield* checkout.readBase(gateFilePath)
  if (text === undefined) return undefined
  const read = readGateFile(text)
  if (Result.isSuccess(read)) return read.success
  return yield* gateError("ConfigInvalid", `${gateFilePath} at the base: ${read.failure}`)
})

/** Targets of the base's makefile and of what it includes by name. */
export const declaredTargets = Effect.fnUntraced(function* (
  checkout: Base
): Effect.fn.Return<ReadonlySet<string>, GateError> {
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

/** The paths of the base, and the texts of those that say how the project is built and tested. */
export const baseFiles = Effect.fnUntraced(function* (checkout: Base) {
  const paths = yield* checkout.baseFiles
  const texts = new Map<string, string>()
  for (const path of tellingPaths(paths)) {
    const text = yield* checkout.readBase(path)
    if (text !== undefined) texts.set(path, text)
  }
  return { paths, texts }
})
