/** `npm run corpus`: every case through the real gate; what was caught, what was missed, and what was held against a good change. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"

import { type Case, loadCases } from "./Case.ts"
import { grade } from "./judged.ts"
import { asJson, type Line, summary, text, verdictOf } from "./report.ts"
import { makeRepository, type Placed } from "./repository.ts"
import { throughGate } from "./throughGate.ts"
import { whyNot } from "./tools.ts"

const help = `npm run corpus -- [--only CLASS|LANGUAGE|NAME[,…]] [--through gate|task] [--json FILE]

Each case through \`foreman gate\`; with --through task also through a task and its Job on an embedded cluster, and compared.
Exit 1: something was missed, more than 2 % of the changes that must pass did not, or the two roads differ.`

/** A gate works half of its time alone. */
const atOnce = 2

/** Both roads' folders, and what is left of them in the end: nothing. */
const inFolder = async (run: (folder: string) => Promise<ReadonlyArray<Line>>) => {
  const folder = await mkdtemp(join(tmpdir(), "foreman-corpus-"))
  try {
    return await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const place = async (folder: string, cases: ReadonlyArray<Case>): Promise<ReadonlyMap<Case, Placed>> => {
  const languages = Map.groupBy(cases, ({ language }) => language)
  const all = await Promise.all(
    [...languages].map(([language, own]) => makeRepository(join(folder, "repositories"), language, own))
  )
  return new Map(all.flatMap((placed) => [...placed]))
}

const judgeAll = async (cases: ReadonlyArray<Case>, folder: string): Promise<ReadonlyArray<Line>> => {
  const missing = new Map(
    [...new Set(cases.map(({ language }) => language))].map((name) => [name, whyNot(name)])
  )
  const placed = await place(
    folder,
    cases.filter(({ language }) => missing.get(language) === undefined)
  )
  const toJudge = [...placed]
  const lines = new Map<Case, Line>()
  const worker = async () => {
    for (let next = toJudge.shift(); next !== undefined; next = toJudge.shift()) {
      const [each, where] = next
      const startedAt = performance.now()
      const said = await throughGate(each, where, join(folder, "cache"))
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10
      const graded = grade(each, said)
      lines.set(each, { case: each, said, graded, seconds })
      console.error(
        `${lines.size}/${placed.size} ${each.name}: ${graded.outcome}, ${verdictOf(said)} (${seconds} s)`
      )
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return cases.map((each) => lines.get(each) ?? { case: each, skipped: missing.get(each.language) })
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    through: { type: "string", default: "gate" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false }
  }
})
const words = values.only?.split(",")
const cases = loadCases().filter(
  ({ class: kind, language, name }) =>
    words === undefined || words.some((word) => [kind, language, name].includes(word))
)
if (values.help) console.log(help)
else if (cases.length === 0 || !["gate", "task"].includes(values.through)) {
  console.error(help)
  process.exitCode = 2
} else {
  const lines = await inFolder((folder) => judgeAll(cases, folder))
  console.log(text(lines))
  const { isGood, ...figures } = summary(lines)
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ ...figures, cases: lines.map(asJson) }, null, 1)}\n`)
  }
  if (!isGood) process.exitCode = 1
}
