import { readFileSync } from "node:fs"
import { resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { Verdict } from "../../schema/Verdict.ts"

const root = resolve(import.meta.dirname, "..", "..")
const read = (path: string) => readFileSync(resolve(root, path), "utf8")
const matches = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, word = ""]) => word)

describe("the chart's alerts", () => {
  const expressions = matches(read("charts/foreman/templates/metrics.yaml"), /^\s+expr: (.+)$/gmu)
  const all = expressions.join("\n")

  it("bf8c1a03 ask for metrics and verdicts that there are, with functions that Prometheus has", () => {
    assert.isAbove(expressions.length, 0)
    const counted = matches(read("src/reconcile/metrics.ts"), /Metric\.counter\("(\w+)"/gu)
    const verdicts: ReadonlyArray<string> = Verdict.literals
    assert.deepStrictEqual(
      [
        matches(all, /\b(foreman_\w+)/gu).filter((name) => !counted.includes(name)),
        matches(all, /verdict="([^"]+)"/gu).filter((verdict) => !verdicts.includes(verdict)),
        matches(all, /([a-z_]+)\s*\(/gu).filter((name) => !["sum", "by", "increase", "rate"].includes(name))
      ],
      [[], [], []]
    )
  })
})
