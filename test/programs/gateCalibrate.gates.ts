/** `foreman gate calibrate` on a repository whose past is known, and the static half beside a whole gate. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { staticHalf } from "../../layers/gate/staticHalf.ts"
import { pastCommits } from "../../programs/gate/pastCommits.ts"
import { gateFile, gateRepository } from "./gateRepository.ts"

let world: ReturnType<typeof gateRepository>
const test = (claims: string) =>
  `import { test } from "node:test"\nimport assert from "node:assert"\nimport { add } from "./add.js"\n\ntest("adds", () => {\n${claims}})\n`
const two = "  assert.equal(add(1, 2), 3)\n  assert.equal(add(2, 2), 4)\n"
const one = "  assert.equal(add(1, 2), 3)\n"
let weakens = ""

beforeAll(() => {
  world = gateRepository({
    "add.js": "export const add = (a, b) => a + b\n",
    "add.test.js": test(two),
    "README.md": "See [add](add.js).\n"
  })
  world.git("checkout", "-q", "main")
  world.commit({ "README.md": "See [add](add.js). It adds.\n" })
  // Merged as people do: the main line sees one change.
  world.git("checkout", "-q", "-b", "fix")
  world.commit({ "add.js": "export const add = (a, b) => b + a\n" })
  world.commit({ "add.test.js": test(one) })
  world.git("checkout", "-q", "main")
  world.git("merge", "-q", "--no-ff", "-m", "Merge \u001b[31mfix", "fix")
  weakens = world.git("rev-parse", "HEAD")
  world.commit({
    "add.js": "export const add = (a, b) => a + b + 0\n",
    ".foreman/gate.yaml": `${gateFile}policy:\n  protected: warn\n`
  })
})
afterAll(() => world.remove())

const Calibration = Schema.fromJsonString(
  Schema.Struct({
    tally: Schema.Struct({
      total: Schema.Int,
      refused: Schema.Int,
      asked: Schema.Int,
      warned: Schema.Int,
      rules: Schema.Array(
        Schema.Struct({
          rule: Schema.String,
          answer: Schema.String,
          commits: Schema.Array(Schema.String),
          low: Schema.Finite,
          high: Schema.Finite
        })
      )
    }),
    runs: Schema.Array(
      Schema.Struct({ commit: Schema.String, verdict: Schema.String, seconds: Schema.Finite })
    )
  })
)

describe("the past of a repository", () => {
  it.effect("is its main line: a merge is one change, and what changes no code is left out", () =>
    Effect.gen(function* () {
      const commits = yield* pastCommits(world.repo, "main", 10)
      assert.deepStrictEqual(
        commits.map(({ base, commit }) => [commit, base]),
        [
          [world.git("rev-parse", "main"), weakens],
          [weakens, world.git("rev-parse", "main~2")]
        ]
      )
      assert.deepStrictEqual((yield* pastCommits(world.repo, "main", 1)).length, 1)
    })
  )
})

describe("the static half", () => {
  it.live("of one commit finds what a whole gate finds without running anything", () =>
    Effect.gen(function* () {
      const { documents, findings } = yield* staticHalf(world.repo, `${weakens}^1`, weakens)
      assert.deepStrictEqual(
        findings.map(({ file, rule }) => [rule, file]),
        [["weakened", "add.test.js"]]
      )
      assert.deepStrictEqual(documents, [])
    })
  )

  it.live("fails with a sentence where git knows no such commit", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(staticHalf(world.repo, "0".repeat(40), weakens))
      assert.match(message, /^git: /u)
    })
  )
})

describe("foreman gate calibrate", () => {
  it("counts alarms by the policy of today, and runs whole gates of some", async () => {
    const { code, stderr, stdout } = await world.run(["calibrate", "--format", "json", "--run", "1"])
    const { runs, tally } = Schema.decodeUnknownSync(Calibration)(stdout)
    const alarms = tally.rules.filter(({ commits }) => commits.length > 0)
    assert.deepStrictEqual([code, tally.total, tally.refused + tally.asked, tally.warned], [0, 2, 1, 1])
    assert.deepStrictEqual(alarms.map(({ answer, commits, rule }) => [rule, answer, commits]).sort(), [
      ["protected", "warn", [world.git("rev-parse", "main")]],
      ["untested", "warn", [world.git("rev-parse", "main")]],
      ["weakened", "fail", [weakens]]
    ])
    assert.deepStrictEqual(runs.map(({ verdict }) => verdict).length, 1)
    // Not a terminal: whole lines.
    assert.match(stderr, /^\d of 2 commits looked at\n/u)
    assert.notInclude(stdout + stderr, "\u001b")
  })

  it("ends with 78 where there is no past", async () => {
    const { code, stderr } = await world.run(["calibrate", "--head", "main~3"])
    assert.deepStrictEqual([code, stderr.includes("has no commit that changes code")], [78, true])
  })
})
