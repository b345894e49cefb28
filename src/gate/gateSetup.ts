/** The keys `setup` and `env` of `.foreman/gate.yaml`: what is installed before the checks, and the variables that they all see. */
import { Schema } from "effect"

import type { Check } from "./checks.ts"

const opt = Schema.optionalKey

/** A glob from the root. */
export const Glob = Schema.String.check(
  Schema.isPattern(/^[^!/\s][^\n]{0,499}$/u, { message: "must be a glob from the root, such as src/**/*.go" })
)

/** One or more lines for `/bin/sh -c`, in the root of the repository. */
export const ShellCommand = Schema.String.check(
  Schema.isPattern(/\S/u, { message: "must hold a command for /bin/sh" }),
  Schema.isMaxLength(8_000)
)

export const LockFiles = Schema.Array(Glob).check(Schema.isMaxLength(100))

export const SetupStep = Schema.Struct({
  run: ShellCommand,
  /** Globs of the files that decide what it installs: while they stay the same, what it installed may be used again. */
  lockFiles: opt(LockFiles),
  /** Whether it may use the network; it may when absent. */
  network: opt(Schema.Boolean)
})
type SetupStep = typeof SetupStep.Type

export const SetupSteps = Schema.Array(SetupStep).check(Schema.isMinLength(1), Schema.isMaxLength(20))

/** Variables that the gate sets itself, and those by which a program loads code that the checks do not name. */
const reserved = /^(?:WORK_DIR|EXCHANGE_DIR|DATA_KIB|HOME|TMPDIR|LD_PRELOAD|LD_AUDIT)$/u

const VariableValue = Schema.Union([
  Schema.String.check(
    Schema.isMaxLength(4_000),
    Schema.isPattern(/^[^\0]*$/u, { message: "must not hold NUL" })
  ),
  Schema.Finite,
  Schema.Boolean
])

export const Variables = Schema.Record(Schema.String, VariableValue)

/** What is wrong with the names; undefined where nothing is. */
export const wrongName = (variables: typeof Variables.Type): string | undefined => {
  for (const name of Object.keys(variables)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/u.test(name))
      return `env.${name}: a name must be letters, digits and underscores, not beginning with a digit`
    if (reserved.test(name)) return `env.${name}: the gate sets ${name} itself`
  }
  return undefined
}

/** YAML reads `CI: true` as no text; a variable is one. */
export const textsOf = (variables: typeof Variables.Type): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]))

/** Steps as the checks that they are: `setup`, `setup 2`, … */
export const setupChecks = (steps: ReadonlyArray<SetupStep>): ReadonlyArray<Check> =>
  steps.map(({ run, lockFiles = [], network = true }, index) => ({
    name: index === 0 ? "setup" : `setup ${index + 1}`,
    role: "setup",
    command: run,
    lockFiles,
    network
  }))
