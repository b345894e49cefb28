/** Rule `settings`: what fails, what asks, what is a note, and what is ordinary work. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { layer as parser } from "../../layers/gate/syntax.ts"
import { SyntaxParser } from "../../src/services/SyntaxParser.ts"
import { settingsBeside, settingsFindings } from "../../src/gate/settings/settings.ts"
import { go } from "./settings/go.ts"
import { javascript } from "./settings/javascript.ts"
import { linters } from "./settings/linters.ts"
import { python } from "./settings/python.ts"
import { rust } from "./settings/rust.ts"
import { changeOf } from "./weakened/pair.ts"

/** Of both sides, whole files by path. */
export interface Case {
  readonly name: string
  readonly base: Readonly<Record<string, string>>
  readonly head: Readonly<Record<string, string>>
  readonly is: "fail" | "ask" | "note" | "pass"
  /** A part of what the finding must say. */
  readonly says?: string
}

const cases: ReadonlyArray<Case> = [...python, ...javascript, ...rust, ...go, ...linters]

const examine = Effect.fnUntraced(function* ({ base, head }: Pick<Case, "base" | "head">) {
  const change = changeOf({ base, head })
  const parse = yield* Effect.flatMap(SyntaxParser, ({ open }) =>
    open(new Set(["python", "javascript", "typescript", "tsx", "go", "rust"] as const))
  ).pipe(Effect.provide(parser))
  const baseFiles = Object.keys(base)
  const unchanged = new Map(
    settingsBeside(change, baseFiles).map((path) => [path, base[path] ?? ""] as const)
  )
  const findings = settingsFindings({ change, baseFiles, commitFiles: Object.keys(head), unchanged, parse })
  const has = (is: (finding: (typeof findings)[number]) => boolean) => findings.some(is)
  const is: Case["is"] = has(({ asks, isNote }) => asks !== true && isNote !== true)
    ? "fail"
    : has(({ asks }) => asks === true)
      ? "ask"
      : findings.length > 0
        ? "note"
        : "pass"
  return { is, said: findings.map(({ file, message }) => `${file}: ${message}`).join("\n") }
})

describe("settings and hooks by meaning", () => {
  it.effect.each(cases)("$name", (one) =>
    Effect.gen(function* () {
      const { is, said } = yield* examine(one)
      assert.strictEqual(is, one.is, said)
      if (one.says !== undefined) assert.include(said, one.says)
    })
  )

  const hostile: ReadonlyArray<readonly [string, string]> = [
    ["conftest.py", `def pytest_runtest_makereport():\n    x = 1\n    ${"setattr(".repeat(40_000)}\n`],
    ["test/a.test.js", `import ${"import a, ".repeat(40_000)}\n`],
    ["tsconfig.json", "/*".repeat(120_000)],
    ["vitest.config.ts", `export default { test: { exclude: ["+(+(a|b)|c)*".repeat(5)] } }\n`],
    ["package.json", JSON.stringify({ jest: { testPathIgnorePatterns: ["(a+)+$"] } })],
    ["pyproject.toml", `a = ${"[".repeat(100_000)}\n`],
    ["pytest.ini", `[pytest]\naddopts = ${'"'.repeat(100_000)}\n`]
  ]
  it.effect.each(hostile)("a hostile %s ends in time", ([path, text]) =>
    Effect.gen(function* () {
      const from = performance.now()
      const file = { [path]: text, [`${"a".repeat(40)}.test.js`]: "" }
      yield* examine({ base: { ...file, [path]: "{}" }, head: file })
      assert.isBelow(performance.now() - from, 4_000)
    })
  )
})
