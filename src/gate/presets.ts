/** What a project of a language runs when a task's gateProfile names the language and no command. */
import type { GateProfile } from "../../schema/GateProfile.ts"
import { gofmt } from "./discover/go.ts"

type Language = NonNullable<GateProfile["language"]>
export type Commands = { readonly [K in "format" | "lint" | "build" | "test" | "codegenCheck"]?: string }

export const defaultImage = "golang:1.26"

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
