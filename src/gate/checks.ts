/** What a gate runs. Who says so: the tool's argument, the task's gateProfile, `.foreman/gate.yaml` at the base, the make targets, the files. */
import { Schema } from "effect"

import type { GateProfile } from "../../schema/GateProfile.ts"
import { defaultImage, presets } from "./presets.ts"

/** A make target: nothing that make could take for an option, a variable or another word. */
export const MakeTarget = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$/u))

/** What a check proves; a setup proves nothing: it installs what the checks after it need. */
export const CheckRole = Schema.Literals(["setup", "format", "lint", "build", "test", "codegen"])
export type CheckRole = typeof CheckRole.Type

const opt = Schema.optionalKey

export const Check = Schema.Struct({
  name: Schema.String,
  /** One or more lines for `/bin/sh -c`. */
  command: Schema.String,
  /** Set where the command is `make <target>`. */
  target: opt(Schema.String),
  role: opt(CheckRole),
  /** Globs of what it covers; what its command looks at when absent (`coverage.ts`). */
  paths: opt(Schema.Array(Schema.String)),
  timeoutSeconds: opt(Schema.Finite),
  parallel: opt(Schema.Boolean),
  /** Of a setup: globs of the files that decide what it installs. */
  lockFiles: opt(Schema.Array(Schema.String)),
  /** Of a setup: whether it may use the network. */
  network: opt(Schema.Boolean)
})
export type Check = typeof Check.Type

/** `CHECKS` of a gate pod. */
export const Checks = Schema.fromJsonString(Schema.Array(Check))

const rolesOfTargets: Readonly<Record<string, CheckRole>> = {
  fmt: "format",
  format: "format",
  vet: "lint",
  lint: "lint",
  build: "build",
  test: "test",
  check: "test",
  manifests: "codegen",
  "chart-crds": "codegen",
  "foreman-chart-crds": "codegen"
}

export const makeCheck = (target: string): Check => {
  const role = rolesOfTargets[target]
  return { name: target, command: `make ${target}`, target, ...(role !== undefined && { role }) }
}

/** What the log prints before a check: `=== make fmt ===`, or the name of a check that is no make target. */
export const banner = (check: Pick<Check, "name" | "target">): string =>
  `=== ${check.target === undefined ? check.name : `make ${check.target}`} ===`

/** The suite when nobody says otherwise. Contract §5.2. */
export const defaultTargets = [
  "fmt",
  "vet",
  "lint",
  "test",
  "manifests",
  "chart-crds",
  "foreman-chart-crds"
] as const

/** The suite as far as the base's makefiles declare it. */
export const defaultChecks = (declared: ReadonlySet<string>): ReadonlyArray<Check> =>
  defaultTargets.filter((target) => declared.has(target)).map(makeCheck)

/** Cheapest first. */
const order = ["format", "lint", "build", "test", "codegenCheck"] as const

export interface Plan {
  /** Image of the toolchain container. */
  readonly image: string
  /** Absent: the judge asks the base of the repository. */
  readonly checks: ReadonlyArray<Check> | undefined
}

/**
 * The part of the answer that is known before anything is cloned. A profile of a Go project that names no command keeps the make
 * targets: their recipes are the project's own.
 */
export const plan = (says: {
  readonly checks?: ReadonlyArray<string> | undefined
  readonly gateProfile?: GateProfile | undefined
  readonly image?: string | undefined
  /** The node's own image of tools, for projects of no language or of the default one. */
  readonly toolchainImage?: string | undefined
}): Plan => {
  const { gateProfile } = says
  const preset = presets[gateProfile?.language ?? "go"]
  const usual = preset.image === defaultImage ? (says.toolchainImage ?? defaultImage) : preset.image
  const image = says.image ?? gateProfile?.image ?? usual
  if (says.checks !== undefined && says.checks.length > 0)
    return { image, checks: says.checks.map(makeCheck) }
  if (gateProfile === undefined) return { image, checks: undefined }
  if ((gateProfile.language ?? "go") === "go" && gateProfile.commands === undefined) {
    return { image, checks: undefined }
  }
  const commands = { ...preset.commands, ...gateProfile.commands }
  const checks = order.flatMap((name): ReadonlyArray<Check> => {
    const command = commands[name] ?? ""
    return command === "" ? [] : [{ name, command, role: name === "codegenCheck" ? "codegen" : name }]
  })
  return { image, checks: checks.length === 0 ? undefined : checks }
}
