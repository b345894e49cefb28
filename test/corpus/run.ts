/** `npm run corpus`: every case through the real gate; what was caught, what was missed, and what was held against a good change. */
import { mkdtempSync, rmSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"

import { type Case, loadCases } from "./Case.ts"
import { grade } from "./judged.ts"
import { asJson, differs, type Line, summary, text, verdictOf } from "./report.ts"
import { makeRepository, type Repository } from "./repository.ts"
import { throughGate } from "./throughGate.ts"
import { throughTasks } from "./throughTask.ts"
import { whyNot } from "./tools.ts"

const help = `npm run corpus -- [--only CLASS|LANGUAGE|NAME[,…]] [--through gate|task] [--json FILE]

Each case through \`foreman gate\`; with --through task also through a task and its Job on an embedded cluster, and compared.
Exit 1: something was missed, more than 2 % of the changes that must pass did not, or the two roads differ.`

/** A gate works half of its time alone. */
const atOnce = 2

/** Nothing is left of it in the end, whatever ends the run. */
const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "foreman-corpus-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
    process.once(signal, () => process.exit(128 + number))
  }
  return folder
}

type Lines = Map<Case, Line>

/** `atOnce` workers, each with the next case. */
const judgeByGate = async (repository: Repository, folder: string, lines: Lines): Promise<void> => {
  const toJudge = [...repository.branches.keys()]
  const worker = async () => {
    for (let each = toJudge.shift(); each !== undefined; each = toJudge.shift()) {
      const startedAt = performance.now()
      const said = await throughGate(each, repository, join(folder, "cache"))
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10
      const graded = grade(each, said)
      lines.set(each, { case: each, said, graded, seconds })
      console.error(
        `${lines.size}/${repository.branches.size} ${each.name}: ${graded.outcome}, ${verdictOf(said)} (${seconds} s)`
      )
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const judgeByTasks = (repository: Repository, folder: string, lines: Lines): Promise<void> => {
  let count = 0
  return throughTasks(folder, repository, atOnce, (each, task) => {
    const line = { case: each, ...lines.get(each), task }
    lines.set(each, line)
    count += 1
    console.error(
      `${count}/${repository.branches.size} ${each.name}: ${differs(line) ? "otherwise" : "the same"} by a task, ${verdictOf(task)}`
    )
  })
}

const judgeAll = async (
  cases: ReadonlyArray<Case>,
  folder: string,
  isByTasks: boolean
): Promise<ReadonlyArray<Line>> => {
  const missing = new Map(
    [...new Set(cases.map(({ language }) => language))].map((name) => [name, whyNot(name)])
  )
  const isHere = ({ language }: Case) => missing.get(language) === undefined
  const repository = await makeRepository(join(folder, "repository"), cases.filter(isHere))
  const lines: Lines = new Map()
  await judgeByGate(repository, folder, lines)
  if (isByTasks) await judgeByTasks(repository, folder, lines)
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
  const lines = await judgeAll(cases, temporaryFolder(), values.through === "task")
  console.log(text(lines))
  const { isGood, ...figures } = summary(lines)
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ ...figures, cases: lines.map(asJson) }, null, 1)}\n`)
  }
  if (!isGood) process.exitCode = 1
}
