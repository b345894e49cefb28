/** What a change adds to a check that the base fails as well: the same tool, the same complaints, at other lines and in other folders. */
import { assert, describe, it } from "@effect/vitest"

import type { Change, ChangedFile } from "../../src/gate/change.ts"
import { compareRed } from "../../src/gate/redOnBase.ts"

const files = [
  "Makefile",
  "package.json",
  "eslint.config.js",
  "tools/lint.sh",
  "src/old.ts",
  "src/new.ts",
  "src/lib.rs",
  "src/shop.py",
  "old/old.go",
  "new/new.go",
  "packages/a/src/index.ts"
]
const touching = (...changed: ReadonlyArray<Partial<ChangedFile> & { readonly path: string }>): Change => ({
  files: changed.map((file) => ({ status: "modified", addedLines: [1], removedLines: [], ...file }))
})

interface Case {
  readonly rule: string
  readonly base: string
  readonly commit: string
  readonly change?: Change
  readonly command?: string
  /** Lines that the change adds; a word where there are none. */
  readonly wanted: ReadonlyArray<string> | "preexisting" | "inconclusive"
}

const eslint = (folder: string, ...messages: ReadonlyArray<string>) =>
  `${folder}/src/old.ts\n${messages.join("\n")}\n\n✖ ${messages.length} problems (${messages.length} errors, 0 warnings)\n`
const json = (folder: string, ...rules: ReadonlyArray<string>) =>
  JSON.stringify([
    {
      filePath: `${folder}/src/old.ts`,
      messages: rules.map((ruleId, line) => ({ ruleId, line, message: `${ruleId} is broken` })),
      errorCount: rules.length
    }
  ])
const clippy = (line: number, ...names: ReadonlyArray<string>) =>
  `    Checking shop v0.1.0 (/x/${line})\n${names
    .map(
      (name) =>
        `error: unused variable: \`${name}\`\n  --> src/lib.rs:${line}:9\n   |\n${line} |     let ${name} = error;\n   |         ^\n`
    )
    .join(
      "\n"
    )}\nerror: could not compile \`shop\` (lib) due to ${names.length} previous error${names.length === 1 ? "" : "s"}\n`
const cargoFmt = (...lines: ReadonlyArray<number>) =>
  lines.map((line) => `Diff in /x/src/lib.rs:${line}:\n-let a=error;\n+let a = error;\n`).join("")

const cases: ReadonlyArray<Case> = [
  {
    rule: "the same complaints in another folder, at other lines, in colours and another order",
    base: "src/old.ts:2:1 debugger (0.3s)\nsrc/new.ts:9 debugger\n",
    commit: "\u001b[31m/tmp/a1/src/new.ts\u001b[0m:12 debugger\n/tmp/a1/src/old.ts:7:3 debugger (1.25s)\n",
    wanted: "preexisting"
  },
  {
    rule: "tsc, at shifted lines",
    base: "src/old.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n",
    commit: "src/old.ts(31,9): error TS2322: Type 'string' is not assignable to type 'number'.\n",
    wanted: "preexisting"
  },
  {
    rule: "tsc, in a caller that the change does not touch",
    base: "src/old.ts(3,7): error TS2322: No.\n",
    commit:
      "src/old.ts(3,7): error TS2322: No.\npackages/a/src/index.ts(1,1): error TS2554: Expected 2 arguments, but got 1.\n",
    wanted: ["packages/a/src/index.ts(1,1): error TS2554: Expected 2 arguments, but got 1."]
  },
  {
    rule: "tsc, in a folder of its own with paths from there",
    base: "src/index.ts(1,1): error TS2554: No.\n",
    commit: "src/index.ts(2,1): error TS2554: No.\n",
    wanted: "preexisting"
  },
  {
    rule: "eslint: one more of the same rule in the same file",
    base: eslint("/a", "  1:1  error  Unexpected var  no-var"),
    commit: eslint("/b", "  2:1  error  Unexpected var  no-var", "  90:1  error  Unexpected var  no-var"),
    wanted: ["src/old.ts: 90:1  error  Unexpected var  no-var"]
  },
  {
    rule: "eslint: one fewer",
    base: eslint("/a", "  1:1  error  Unexpected var  no-var", "  9:1  error  Unexpected var  no-var"),
    commit: eslint("/b", "  1:1  error  Unexpected var  no-var"),
    wanted: "preexisting"
  },
  {
    rule: "eslint: one mended and another added",
    base: eslint("/a", "  1:1  error  Unexpected var  no-var"),
    commit: eslint("/b", "  1:1  error  'x' is not defined  no-undef"),
    wanted: ["src/old.ts: 1:1  error  'x' is not defined  no-undef"]
  },
  {
    rule: "eslint, JSON: the same",
    base: json("/a", "no-var", "eqeqeq"),
    commit: json("/b", "eqeqeq", "no-var"),
    wanted: "preexisting"
  },
  {
    rule: "eslint, JSON: another rule",
    base: json("/a", "no-var"),
    commit: json("/b", "no-var", "eqeqeq"),
    wanted: ["/b/src/old.ts: eqeqeq eqeqeq is broken"]
  },
  {
    rule: "cargo, JSON: the file lies in the message's spans",
    base: '{"reason":"compiler-message","message":{"message":"unused `x`","spans":[{"file_name":"src/lib.rs"}]}}\n',
    commit:
      '{"reason":"compiler-message","message":{"message":"unused `y`","spans":[{"file_name":"src/lib.rs"}]}}\n',
    wanted: ["src/lib.rs:  unused `y`"]
  },
  {
    rule: "clippy: warnings as errors, shifted, with quoted code",
    base: clippy(3, "x"),
    commit: clippy(12, "x"),
    wanted: "preexisting"
  },
  {
    rule: "clippy: one more",
    base: clippy(3, "x"),
    commit: clippy(3, "x", "y"),
    wanted: ["error: unused variable: `y`", "--> src/lib.rs:3:9"]
  },
  {
    rule: "ruff: one mended and another added under the same arrow",
    base: "F401 [*] `os` imported but unused\n --> src/shop.py:1:8\n  |\n1 | import os\n\nFound 1 error.\n",
    commit: "F841 `x` is assigned to but never used\n --> src/shop.py:4:5\n  |\n\nFound 1 error.\n",
    wanted: ["--> src/shop.py:4:5"]
  },
  {
    rule: "oxlint: one mended and another added, in boxes",
    base: "  × eslint(no-debugger): no debugger\n   ╭─[src/old.ts:1:1]\n 1 │ debugger\n   · ────────\n   ╰────\n\nFound 0 warnings and 1 error.\n",
    commit:
      "  × eslint(no-eval): no eval\n   ╭─[src/old.ts:3:1]\n 3 │ eval('error')\n   · ────────\n   ╰────\n\nFound 0 warnings and 1 error.\n",
    wanted: ["× eslint(no-eval): no eval", "╭─[src/old.ts:3:1]"]
  },
  {
    rule: "go vet of another package",
    base: "# example.com/shop/old\nold/old.go:5:2: unreachable code\n",
    commit:
      "# example.com/shop/old\nold/old.go:5:2: unreachable code\n# example.com/shop/new\nnew/new.go:7:2: self-assignment of x\n",
    wanted: ["new/new.go:7:2: self-assignment of x"]
  },
  {
    rule: "prettier: a file that was formatted on the base",
    base: "Checking formatting...\n[warn] src/old.ts\n[warn] Code style issues found in the above file. Run Prettier with --write to fix.\n",
    commit:
      "Checking formatting...\n[warn] src/new.ts\n[warn] src/old.ts\n[warn] Code style issues found in 2 files. Run Prettier with --write to fix.\n",
    wanted: ["[warn] src/new.ts"]
  },
  {
    rule: "black: files that it never formatted, among them one that the change touches",
    base: "would reformat /a/src/shop.py\n\nOh no! 💥 💔 💥\n1 file would be reformatted, 3 files would be left unchanged.\n",
    commit:
      "would reformat /b/src/shop.py\n\nOh no! 💥 💔 💥\n1 file would be reformatted, 4 files would be left unchanged.\n",
    change: touching({ path: "src/shop.py" }),
    wanted: "preexisting"
  },
  {
    rule: "cargo fmt: the same hunk further down, with other code around it",
    base: cargoFmt(3),
    commit: cargoFmt(40).replace("error", "warning: none"),
    wanted: "preexisting"
  },
  {
    rule: "cargo fmt: a hunk more in the same file",
    base: cargoFmt(3),
    commit: cargoFmt(3, 40),
    wanted: ["Diff in /x/src/lib.rs:40:"]
  },
  {
    rule: "a file that the change moves",
    base: "src/old.ts:2: debugger\n",
    commit: "src/moved.ts:2: debugger\n",
    change: touching({ path: "src/moved.ts", oldPath: "src/old.ts", status: "renamed" }),
    wanted: "preexisting"
  },
  {
    rule: "a tool that cannot reach its server has said nothing of the code, whatever settings it names",
    base: "> shop@1.0.0 lint\n> sh tools/lint.sh\n\nerror: ECONNREFUSED 127.0.0.1:1 (package.json)\nmake: *** [Makefile:3: lint] Error 1\n",
    commit:
      "> shop@1.0.0 lint\n> sh tools/lint.sh\n\nerror: ECONNREFUSED 127.0.0.1:1 (package.json)\nmake: *** [Makefile:3: lint] Error 1\n",
    command: "npm run lint",
    wanted: "inconclusive"
  },
  {
    rule: "the program that a check runs, and the frames of its stack, are not what it looks at",
    base: "Error: no rules\n    at load (/x/src/old.ts:3:7)\ntools/lint.sh: failed\n",
    commit: "Error: no rules\n    at load (/x/src/old.ts:3:7)\ntools/lint.sh: failed\n",
    command: "sh tools/lint.sh",
    wanted: "inconclusive"
  },
  {
    rule: "two failures of different kinds",
    base: "error: ECONNREFUSED\n",
    commit: "src/new.ts:1: debugger\n",
    wanted: "inconclusive"
  },
  {
    rule: "a percentage that is too low on both sides",
    base: "ERROR: Coverage for lines (70%) does not meet global threshold (80%)\n",
    commit: "ERROR: Coverage for lines (69%) does not meet global threshold (80%)\n",
    wanted: "inconclusive"
  },
  { rule: "nothing printed", base: "", commit: "", wanted: "inconclusive" },
  {
    rule: "a new complaint that names no file, beside an old one that does",
    base: "src/old.ts:1: debugger\n",
    commit: "src/old.ts:1: debugger\nerror: the license header is missing\n",
    wanted: ["error: the license header is missing"]
  },
  {
    rule: "words that no complaint is made of",
    base: "src/old.ts:1: debugger\nseed 17\n",
    commit: "downloading rules\nsrc/old.ts:1: debugger\nseed 4711, took 12 s\n",
    wanted: "preexisting"
  }
]

describe("a check that is red on both sides", () => {
  it.each(cases)("$rule", ({ base, change, command = "lint", commit, wanted }) => {
    const compared = compareRed({
      command,
      base,
      commit,
      files,
      change: change ?? touching({ path: "src/new.ts" })
    })
    assert.deepStrictEqual(compared.verdict === "introduced" ? compared.added : compared.verdict, wanted)
  })

  it("says nothing where the beginning of one output is gone", () => {
    const outputs = { command: "lint", base: "src/old.ts:1: x\n", files, change: touching() }
    assert.deepStrictEqual(compareRed({ ...outputs, commit: undefined }), { verdict: "inconclusive" })
  })

  it("reads a hostile output in time", () => {
    const line = `${"a/".repeat(30_000)}${"1".repeat(30_000)}${" ".repeat(30_000)}error\n`
    const output = `src/old.ts:1: x\n${line.repeat(20)}${"[".repeat(50_000)}\n`
    const startedAt = performance.now()
    compareRed({ command: "lint", base: output, commit: output, files, change: touching() })
    assert.isBelow(performance.now() - startedAt, 2_000)
  })
})
