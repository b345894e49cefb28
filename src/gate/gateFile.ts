/** `.foreman/gate.yaml`: where a repository says what its gate runs, and what it holds against a change. */
import { Result, Schema, SchemaIssue } from "effect"
import { parseDocument } from "yaml"

import { type Check, CheckRole } from "./checks.ts"
import { Answer, defaultPolicy, type Policy } from "./finding.ts"
import {
  Glob,
  LockFiles,
  setupChecks,
  SetupStep,
  SetupSteps,
  ShellCommand,
  textsOf,
  Variables,
  wrongName
} from "./gateSetup.ts"
import { type Service, ServiceStep, ServiceSteps, servicesOf } from "./services.ts"

/** Read at the base, where the author of a change has no say. */
export const gateFilePath = ".foreman/gate.yaml"

/** The least that such a file says; put in what the project runs. */
export const exampleFile = "checks: [{role: test, command: make test}]"

const opt = Schema.optionalKey

const Name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9 _.:/-]{0,62}$/u, {
    message: "must be 1 to 63 letters, digits, spaces or _ . : / -, beginning with a letter or digit"
  })
)

const durationForm = /^(?=\d)(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?$/u

const secondsOf = (text: string): number => {
  const [, hours = "0", minutes = "0", seconds = "0"] = durationForm.exec(text) ?? []
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

const Timeout = Schema.String.check(
  Schema.isPattern(durationForm, { message: "must be a duration such as 30s, 5m or 1h30m" }),
  Schema.isPattern(/[1-9]/u, { message: "must be longer than nothing, such as 30s" })
)

const FileCheck = Schema.Struct({
  /** The role when absent. */
  name: opt(Name),
  role: CheckRole,
  command: ShellCommand,
  /** Globs of what it covers: skipped when the change touches none of it. */
  paths: opt(Schema.Array(Glob).check(Schema.isMinLength(1), Schema.isMaxLength(100))),
  timeout: opt(Timeout),
  /** May run beside its neighbours that say the same. */
  parallel: opt(Schema.Boolean),
  /** Of role setup only, as is `network`. */
  lockFiles: opt(LockFiles),
  network: opt(Schema.Boolean)
})

const GateFile = Schema.Struct({
  setup: opt(SetupSteps),
  env: opt(Variables),
  services: opt(ServiceSteps),
  checks: opt(Schema.Array(FileCheck).check(Schema.isMinLength(1), Schema.isMaxLength(50))),
  policy: opt(
    Schema.Struct({
      hollow: opt(Answer),
      weakened: opt(Answer),
      protected: opt(Answer),
      dirty: opt(Answer),
      flaky: opt(Answer),
      untested: opt(Answer),
      unused: opt(Answer),
      unexamined: opt(Answer),
      unproved: opt(Answer),
      settings: opt(Answer),
      stored: opt(Answer),
      suppressed: opt(Answer),
      unparsable: opt(Answer)
    })
  )
})

export interface GateRules {
  /** Absent: the file speaks of policy only, and the checks are asked for elsewhere. */
  readonly checks: ReadonlyArray<Check> | undefined
  /** Those of role setup, which `checks` begins with where there are any; alone where the checks are asked for elsewhere. */
  readonly setup: ReadonlyArray<Check>
  /** Variables that setup and checks see. */
  readonly env: Readonly<Record<string, string>>
  /** What runs beside each check. */
  readonly services: ReadonlyArray<Service>
  readonly policy: Policy
}

const decode = Schema.decodeUnknownResult(GateFile, { onExcessProperty: "error", errors: "all" })
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** What the file says; where it says it wrongly, one sentence that names each key and what to put there. */
export const readGateFile = (text: string): Result.Result<GateRules, string> => {
  const document = parseDocument(text)
  const [broken] = document.errors
  if (broken !== undefined) return Result.fail(`is no YAML: ${broken.message.split("\n")[0] ?? ""}`)
  const value = Result.try((): unknown => document.toJS({ maxAliasCount: 0 }))
  if (Result.isFailure(value)) return Result.fail("may not use anchors and aliases: write the value out")
  const decoded = decode(value.success ?? {})
  if (Result.isFailure(decoded))
    return Result.fail(issuesOf(decoded.failure.issue).issues.map(sentence).join("; "))
  const { checks, env = {}, policy, services: asked = [], setup: steps = [] } = decoded.success
  const misnamed = wrongName(env)
  if (misnamed !== undefined) return Result.fail(misnamed)
  const services = servicesOf(asked)
  if (typeof services === "string") return Result.fail(services)
  const misplaced = checks?.findIndex(
    ({ lockFiles, network, role }) => role !== "setup" && (lockFiles ?? network) !== undefined
  )
  if (misplaced !== undefined && misplaced >= 0) {
    return Result.fail(`checks[${misplaced}]: lockFiles and network are keys of a check of role setup`)
  }
  const setup = setupChecks(steps)
  const names = [...setup.map(({ name }) => name), ...(checks ?? []).map(({ name, role }) => name ?? role)]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    return Result.fail(`checks: two are called ${twice}; give each a name of its own with the key name`)
  }
  const all = checks?.map(({ timeout, ...check }): Check => ({
    ...check,
    name: check.name ?? check.role,
    ...(check.role === "setup" && { lockFiles: check.lockFiles ?? [], network: check.network ?? true }),
    ...(timeout !== undefined && { timeoutSeconds: secondsOf(timeout) })
  }))
  const first = [...setup, ...(all ?? []).filter(({ role }) => role === "setup")]
  return Result.succeed({
    checks: all === undefined ? undefined : [...first, ...all.filter(({ role }) => role !== "setup")],
    setup: first,
    env: textsOf(env),
    services,
    policy: { ...defaultPolicy, ...policy }
  })
}

const keys = {
  top: Object.keys(GateFile.fields),
  setup: Object.keys(SetupStep.fields),
  services: Object.keys(ServiceStep.fields),
  checks: Object.keys(FileCheck.fields),
  // What no repository may allow is no key.
  policy: Object.keys(defaultPolicy).filter((rule) => rule !== "exitForged")
}

type Issue = ReturnType<typeof issuesOf>["issues"][number]

/** `checks[0].nam: there is no such key; the keys here are name, role, …`. */
const sentence = ({ message, path = [] }: Issue): string => {
  const words = path.map((part) => (typeof part === "object" ? part.key : part))
  const where = words
    .map((word, index) =>
      typeof word === "number" ? `[${word}]` : `${index === 0 ? "" : "."}${String(word)}`
    )
    .join("")
  if (message === "Missing key") return `${where}: is missing`
  if (message !== "Expected no excess property") return `${where === "" ? "the file" : where}: ${message}`
  const [section = ""] = words
  const known =
    words.length === 1
      ? keys.top
      : (Object.entries(keys).find(([key]) => key === section)?.[1] ?? keys.checks)
  return `${where}: there is no such key; the keys here are ${known.join(", ")}`
}
