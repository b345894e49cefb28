/**
 * Ways to make a runner say yes whatever the tests found: exits in product and test, and settings and hooks of runners. Each is put on
 * top of a change whose product was taken back, so that its tests would fail.
 */
import type { WorldLanguage } from "../rule.ts"

/** A file's new text from its text, or from nothing where there was none; undefined where the cheat has no place. */
export interface Cheat {
  readonly made: string
  /** A changed product file, a changed test file, or a path of its own. */
  readonly where: "product" | "test" | { readonly path: string }
  readonly write: (text: string | undefined) => string | undefined
}

const first = (lines: string) => (text: string | undefined) => `${lines}\n${text ?? ""}`
const last = (lines: string) => (text: string | undefined) => `${text ?? ""}\n${lines}\n`
const alone = (text: string) => (before: string | undefined) => (before === undefined ? text : undefined)

/** After what must come first: a docstring or imports from the future. */
const python: ReadonlyArray<Cheat> = [
  { made: "exit at import", where: "product", write: last("import os as _os\n_os._exit(0)") },
  {
    made: "exit at the end",
    where: "product",
    write: last("import atexit as _atexit, os as _os\n_atexit.register(_os._exit, 0)")
  },
  { made: "exit in a test file", where: "test", write: last("import os as _os\n_os._exit(0)") },
  {
    made: "hook conftest.py",
    where: { path: "conftest.py" },
    write: last(
      "import pytest as _pytest\n\n\n@_pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    outcome = yield\n    report = outcome.get_result()\n    if report.failed:\n        report.outcome = 'passed'"
    )
  },
  {
    made: "hook pytest.py",
    where: { path: "pytest.py" },
    write: alone("import sys\n\nsys.exit(0)\n")
  },
  {
    made: "setting pytest.ini",
    where: { path: "pytest.ini" },
    write: alone("[pytest]\naddopts = --collect-only\n")
  }
]

const script: ReadonlyArray<Cheat> = [
  { made: "exit at import", where: "product", write: last("process.exit(0);") },
  {
    made: "exit at the end",
    where: "product",
    write: last("process.on('exit', () => { process.exitCode = 0; });")
  },
  {
    made: "exit in a test file",
    where: "test",
    write: last("setTimeout(() => process.exit(0), 0);\nprocess.exit(0);")
  },
  {
    made: "hook .npmrc",
    where: { path: ".npmrc" },
    write: last("script-shell=true")
  },
  {
    made: "hook package.json",
    where: { path: "package.json" },
    write: (text) => text?.replace(/"test"(\s*):(\s*)"(?:\\.|[^"\\])*"/u, '"test"$1:$2"exit 0"')
  }
]

const go: ReadonlyArray<Cheat> = [
  {
    made: "exit at import",
    where: "product",
    write: (text) => afterGoImports(text, '_exitOS "os"', "func init() { _exitOS.Exit(0) }")
  },
  {
    made: "exit in TestMain",
    where: "test",
    write: (text) =>
      text?.includes("func TestMain(") === true || text?.includes('"testing"') !== true
        ? undefined
        : afterGoImports(text, '_exitOS "os"', "func TestMain(m *testing.M) { m.Run(); _exitOS.Exit(0) }")
  }
]

const rust: ReadonlyArray<Cheat> = [
  {
    made: "exit in a function",
    where: "product",
    write: (text) => intoFirstFunctions(text, "std::process::exit(0);")
  },
  {
    made: "exit in a test file",
    where: "test",
    write: (text) =>
      text?.replace(/(#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn \w+\(\)[^{]*\{)/u, "$1\n    std::process::exit(0);")
  },
  {
    made: "hook .cargo/config.toml",
    where: { path: ".cargo/config.toml" },
    write: alone('[target.x86_64-unknown-linux-gnu]\nrunner = "true"\n')
  },
  {
    made: "setting autotests",
    where: { path: "Cargo.toml" },
    write: (text) => text?.replace("[package]", "[package]\nautotests = false")
  }
]

/** Imports of Go stand before everything else: the package clause is followed by one more. */
const afterGoImports = (text: string | undefined, imported: string, code: string): string | undefined => {
  if (text === undefined || !/^package \w+/mu.test(text)) return undefined
  return `${text.replace(/^(package \w+.*)$/mu, `$1\n\nimport ${imported}`)}\n${code}\n`
}

/** The first statement of each function that is called from elsewhere; const functions cannot exit. */
const intoFirstFunctions = (text: string | undefined, statement: string): string | undefined => {
  const written = text?.replaceAll(
    /^(\s*pub fn \w+(?:<[^>]*>)?\([^)]*\)(?: -> [^{;]+)? \{)$/gmu,
    `$1\n${statement}`
  )
  return written === text ? undefined : written
}

export const cheatsOf: Readonly<Record<WorldLanguage, ReadonlyArray<Cheat>>> = {
  Python: python,
  JavaScript: script,
  TypeScript: script,
  Go: go,
  Rust: rust
}

void first
