/** What a gate checks, and who says so: the tool's argument, the task's gateProfile, `.foreman/gate.yaml` at the base, the make targets. */
import { Schema } from "effect"

import type { GateProfile } from "../../schema/GateProfile.ts"

/** A make target: nothing that make could take for an option, a variable or another word. */
export const MakeTarget = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$/u))

export const Check = Schema.Struct({
  name: Schema.String,
  /** One or more lines for `/bin/sh -c`. */
  command: Schema.String,
  /** Set where the command is `make <target>`. */
  target: Schema.optionalKey(Schema.String)
})
export type Check = typeof Check.Type

/** `CHECKS` of a gate pod. */
export const Checks = Schema.fromJsonString(Schema.Array(Check))

export const makeCheck = (target: string): Check => ({ name: target, command: `make ${target}`, target })

/** What the log prints before a check: `=== make fmt ===`, or the name of a check that is no make target. */
export const banner = (check: Check): string =>
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

const defaultImage = "golang:1.26"

/** Cheapest first. */
const order = ["format", "lint", "build", "test", "codegenCheck"] as const
type Commands = { readonly [K in (typeof order)[number]]?: string }

/** Contract §1.7. gofmt only lists what is unformatted and exits 0, hence the test around it. */
const presets: Readonly<
  Record<NonNullable<GateProfile["language"]>, { readonly image: string; readonly commands: Commands }>
> = {
  go: {
    image: defaultImage,
    commands: {
      format: `unformatted=$(gofmt -l .) && printf '%s' "$unformatted" && [ -z "$unformatted" ]`,
      lint: "golangci-lint run ./...",
      build: "go build ./...",
      test: "go test ./...",
      codegenCheck: "make manifests && make chart-crds"
    }
  },
  python: {
    image: "python:3.13",
    commands: {
      format: "ruff format --check .",
      lint: "ruff check .",
      build: "python -m compileall .",
      test: "pytest -q"
    }
  },
  rust: {
    image: "rust:1",
    commands: { format: "cargo fmt --check", lint: "cargo clippy", build: "cargo build", test: "cargo test" }
  },
  node: {
    image: "node:22",
    commands: { format: "prettier --check .", lint: "eslint .", test: "npm test" }
  },
  generic: { image: defaultImage, commands: {} }
}

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
  const commands: Commands = { ...preset.commands, ...gateProfile.commands }
  return {
    image,
    checks: order.flatMap((name) => {
      const command = commands[name] ?? ""
      return command === "" ? [] : [{ name, command }]
    })
  }
}

/** Where a repository says what its gate runs. Read at the base, where the author of a change has no say. */
export const gateFilePath = ".foreman/gate.yaml"

const Name = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9 _.:/-]{0,62}$/u))

/** `.foreman/gate.yaml`; a key that is not here is refused, so that a misspelt one does not pass in silence. */
export const GateFile = Schema.Struct({
  checks: Schema.Array(
    Schema.Struct({
      name: Name,
      command: Schema.String.check(Schema.isMinLength(1)),
      /** What the check proves, for people. */
      role: Schema.optionalKey(Schema.String)
    })
  ).check(Schema.isMinLength(1), Schema.isMaxLength(50))
})
export type GateFile = typeof GateFile.Type

export const checksOfFile = (file: GateFile): ReadonlyArray<Check> =>
  file.checks.map(({ name, command }) => ({ name, command }))

/** Names under which make looks for its file, in its order. */
export const makefileNames = ["GNUmakefile", "makefile", "Makefile"] as const

/** What one makefile declares, read line by line: explicit targets, and files that it includes by a literal path. */
export const readMakefile = (
  text: string
): { readonly targets: ReadonlySet<string>; readonly includes: ReadonlyArray<string> } => {
  const targets = new Set<string>()
  const includes: Array<string> = []
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    const rule = /^([^\s:#=][^:#=]*?)\s*::?(?![:=])/u.exec(line)
    if (rule?.[1] !== undefined) for (const target of rule[1].split(/\s+/u)) targets.add(target)
    const include = /^[-s]?include\s+([^#]+)/u.exec(line)
    if (include?.[1] !== undefined) {
      includes.push(
        ...include[1]
          .trim()
          .split(/\s+/u)
          .filter((path) => !/[$*?[]/u.test(path))
      )
    }
  }
  return { targets, includes }
}

/** The suite as far as the base's makefiles declare it. */
export const defaultChecks = (declared: ReadonlySet<string>): ReadonlyArray<Check> =>
  defaultTargets.filter((target) => declared.has(target)).map(makeCheck)
