/** What a project of a language runs when it does not say so itself: by a task's gateProfile, or by the files that its base shows. */
import { Option, Schema } from "effect"

import type { GateProfile } from "../../schema/GateProfile.ts"
import type { Check } from "./checks.ts"
import { isTestPath } from "./files.ts"

type Language = NonNullable<GateProfile["language"]>
export type Commands = { readonly [K in "format" | "lint" | "build" | "test" | "codegenCheck"]?: string }

export const defaultImage = "golang:1.26"

/** gofmt only lists what is unformatted and exits 0, hence the test around it. */
const gofmt = `unformatted=$(gofmt -l .) && printf '%s' "$unformatted" && [ -z "$unformatted" ]`

/** Contract §1.7. */
export const presets: Readonly<Record<Language, { readonly image: string; readonly commands: Commands }>> = {
  go: {
    image: defaultImage,
    commands: {
      format: gofmt,
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

const Manifest = Schema.fromJsonString(
  Schema.Struct({ scripts: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)) })
)
const decodeManifest = Schema.decodeUnknownOption(Manifest)

/** Scripts of a package.json; empty where it has none or is broken. */
export const scriptsOf = (manifest: string | undefined): Readonly<Record<string, string>> =>
  Option.getOrUndefined(decodeManifest(manifest))?.scripts ?? {}

const nodeScripts = [
  ["format:check", "format"],
  ["lint", "lint"],
  ["typecheck", "build"],
  ["build", "build"],
  ["test", "test"]
] as const

/** What npm writes into a package.json that has no test yet. */
const isPlaceholder = (script: string): boolean => script.includes("Error: no test specified")

/** Files of a base, and the contents of the few that say how its tests are run. */
export interface BaseFiles {
  readonly paths: ReadonlyArray<string>
  /** By path; those of `tellingFiles` that exist. */
  readonly texts: ReadonlyMap<string, string>
}

export const tellingFiles = [
  "package.json",
  "pyproject.toml",
  "requirements.txt",
  "requirements-dev.txt"
] as const

/**
 * The checks that the files in the root of a base call for. Only what needs no choice of the project's: the compiler, the formatter
 * that comes with it, the tests; linters and formatters of a project's own choosing where it has configured them.
 */
export const checksOfFiles = ({ paths, texts }: BaseFiles): ReadonlyArray<Check> => {
  const has = (...names: ReadonlyArray<string>) => names.some((name) => paths.includes(name))
  const mentions = (word: RegExp) => [...texts.values()].some((text) => word.test(text))
  const checks: Array<Check> = []
  if (has("go.mod")) {
    checks.push(
      { name: "gofmt", role: "format", command: gofmt },
      { name: "go vet", role: "lint", command: "go vet ./..." },
      { name: "go build", role: "build", command: "go build ./..." },
      { name: "go test", role: "test", command: "go test ./..." }
    )
  }
  if (has("Cargo.toml")) {
    checks.push(
      { name: "cargo fmt", role: "format", command: "cargo fmt --check" },
      { name: "cargo build", role: "build", command: "cargo build --all-targets" },
      { name: "cargo test", role: "test", command: "cargo test" }
    )
  }
  const scripts = scriptsOf(texts.get("package.json"))
  for (const [script, role] of nodeScripts) {
    if (scripts[script] === undefined || isPlaceholder(scripts[script])) continue
    const command = script === "test" ? "npm test" : `npm run ${script}`
    checks.push({ name: command, role, command })
  }
  if (has("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "tox.ini", "pytest.ini")) {
    if (has("ruff.toml", ".ruff.toml") || /^\[tool\.ruff/mu.test(texts.get("pyproject.toml") ?? "")) {
      checks.push({ name: "ruff", role: "lint", command: "ruff check ." })
    }
    if (paths.some((path) => path.endsWith(".py") && isTestPath(path))) {
      const isPytest = has("pytest.ini", "conftest.py") || mentions(/\bpytest\b/u)
      const runner = isPytest ? "pytest -q" : "unittest"
      checks.push({ name: isPytest ? "pytest" : "unittest", role: "test", command: `python3 -m ${runner}` })
    }
  }
  return checks
}
