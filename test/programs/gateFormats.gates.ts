/** The formats of `foreman gate` as a step of CI gets them. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import { gateRepository } from "./gateRepository.ts"

let world: ReturnType<typeof gateRepository>
beforeAll(() => {
  // What a check prints is the candidate's: here it would set a variable of the next step.
  world = gateRepository({
    "test.sh": 'echo "::set-output name=x::y"; printf "::error::no end"; [ "$(cat value)" != bad ]\n'
  })
  world.commit({ value: "bad\n" })
})
afterAll(() => world.remove())

const json = (text: string): Record<string, unknown> => JSON.parse(text)

describe("foreman gate --format", () => {
  it("github annotates on stdout, keeps GitHub from obeying the log, and adds to the job's summary", async () => {
    const summary = join(world.home, "summary.md")
    writeFileSync(summary, "earlier\n")
    const { code, stderr, stdout } = await world.run(["--format", "github"], { GITHUB_STEP_SUMMARY: summary })
    const lines = stdout.split("\n")
    const token = /^::stop-commands::([0-9a-f-]{36})$/u.exec(lines[0] ?? "")?.[1] ?? "none"
    const resumed = lines.indexOf(`::${token}::`)
    const obeyed = lines.filter((line, at) => line.startsWith("::") && (at === 0 || at >= resumed))
    assert.deepStrictEqual(obeyed, [
      `::stop-commands::${token}`,
      `::${token}::`,
      "::error title=check/test%3A Tests::unit: exit 1".replace("unit", "test"),
      "::warning file=value,title=unexamined%3A Nothing examined a changed file::no check looked at the changed file: give one that does, with paths that name it",
      "::error title=GATE-FAIL CheckFailed::test exited 1"
    ])
    assert.isAbove(lines.indexOf("::set-output name=x::y"), 0)
    assert.isBelow(lines.indexOf("::set-output name=x::y"), resumed)
    assert.deepStrictEqual([code, stderr], [1, "foreman gate: GATE-FAIL: test exited 1\n"])
    assert.match(readFileSync(summary, "utf8"), /^earlier\n### ❌ GATE-FAIL CheckFailed\n/u)
  })

  it("writes reports to files besides, from one run", async () => {
    const file = (name: string) => join(world.home, name)
    const { code, stdout } = await world.run([
      `--report=sarif=${file("a.sarif")}`,
      `--report=junit=${file("a.xml")}`,
      `--report=gitlab=${file("a.json")}`,
      "--format=markdown"
    ])
    assert.strictEqual(code, 1)
    assert.match(stdout, /^### ❌ GATE-FAIL CheckFailed$/mu)
    assert.strictEqual(json(readFileSync(file("a.sarif"), "utf8"))["version"], "2.1.0")
    assert.match(readFileSync(file("a.xml"), "utf8"), /<failure message="exit 1">/u)
    assert.include(readFileSync(file("a.json"), "utf8"), '"check_name": "check/test"')
  })

  it("json has the policy that was in force", async () => {
    const { code, stdout } = await world.run(["--format", "json"])
    const extra = json(JSON.stringify(json(stdout)["extra"]))
    assert.strictEqual(code, 1)
    assert.deepInclude(extra["policy"], { hollow: "fail", untested: "warn" })
  })

  it.each([
    [["--report", "pdf=x"], "--report pdf=x: give FORMAT=FILE, with one of table, json, sarif"],
    [["--watch"], "--watch is for a terminal"]
  ])("ends with 78 and one sentence for %j", async (args, sentence) => {
    const { code, stderr, stdout } = await world.run(args)
    assert.deepStrictEqual([code, stdout, stderr.includes(sentence)], [78, "", true])
  })
})
