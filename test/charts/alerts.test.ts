import { readFileSync } from "node:fs"
import { resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { Verdict } from "../../schema/Verdict.ts"
import { found, render } from "./helm.ts"
import { releases } from "./releases.ts"

const root = resolve(import.meta.dirname, "..", "..")
const read = (path: string) => readFileSync(resolve(root, path), "utf8")
const matches = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, word = ""]) => word)

const source = read("src/reconcile/metrics.ts")
const series = [
  ...matches(source, /Metric\.counter\("(\w+)"/gu),
  ...matches(source, /Metric\.histogram\("(\w+)"/gu).flatMap((name) =>
    ["bucket", "sum", "count"].map((part) => `${name}_${part}`)
  )
]
const labels = [
  "le",
  ...matches(source, /withAttributes\(\w+, \{([^}]+)\}/gu).flatMap((text) => matches(text, /(\w+)\b(?!")/gu))
]
const verdicts: ReadonlyArray<string> = Verdict.literals
const functions = ["sum", "by", "increase", "rate", "histogram_quantile"]

const panels: ReadonlyArray<{
  readonly title: string
  readonly targets: ReadonlyArray<{ readonly expr: string }>
}> = JSON.parse(read("charts/foreman/files/dashboard.json")).panels

/** What is asked for and there is not. */
const unknowns = (expressions: ReadonlyArray<string>) => {
  const all = expressions.join("\n")
  return {
    series: matches(all, /\b(foreman_\w+)/gu).filter((name) => !series.includes(name)),
    labels: [
      ...matches(all, /by \(([^)]+)\)/gu).flatMap((list) => list.split(/,\s*/u)),
      ...matches(all, /[{,]\s*(\w+)=/gu)
    ].filter((name) => !labels.includes(name)),
    verdicts: matches(all, /verdict=~?"([^"]+)"/gu)
      .flatMap((list) => list.split("|"))
      .filter((verdict) => !verdicts.includes(verdict)),
    functions: matches(all, /([a-z_]+)\s*\(/gu).filter((name) => !functions.includes(name))
  }
}
const nothing = { series: [], labels: [], verdicts: [], functions: [] }

describe("the chart's alerts", () => {
  it("bf8c1a03 ask for metrics and verdicts that there are, with functions that Prometheus has", () => {
    const expressions = matches(read("charts/foreman/templates/metrics.yaml"), /^\s+expr: (.+)$/gmu)
    assert.isAbove(expressions.length, 0)
    assert.deepStrictEqual(unknowns(expressions), nothing)
  })
})

describe("the chart's dashboard", () => {
  it.each(panels)("asks for what there is: $title", ({ targets }) => {
    assert.isAbove(targets.length, 0)
    assert.deepStrictEqual(unknowns(targets.map(({ expr }) => expr)), nothing)
  })

  it.skipIf("missing" in found)("comes whole to Grafana's sidecar, and only when it is asked for", () => {
    const dashboards = (name: string) =>
      render(releases[name]).filter(({ metadata }) => metadata.labels?.["grafana_dashboard"] === "1")
    assert.deepStrictEqual(dashboards("default"), [])
    const text = dashboards("pools").map(({ data }) => data?.["foreman-fleet-tasks.json"] ?? "")
    assert.deepStrictEqual(
      text.map((each) => JSON.parse(each)),
      [JSON.parse(read("charts/foreman/files/dashboard.json"))]
    )
  })
})
