/** `npm run world`: the gate on repositories of other people, and on bad changes that are made from theirs. */
import { existsSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { parseArgs } from "node:util"

import { buildOfProgram, buildOfSources } from "./build.ts"
import { worldFolder } from "./clones.ts"
import { runGates } from "./gateRun.ts"
import { loadList, type Project } from "./List.ts"
import { keyOf, openStore, type Outcome, type Store } from "./outcomes.ts"
import { text } from "./report.ts"
import type { Runner } from "./Runner.ts"
import { rounds, runStatic } from "./staticRun.ts"
import { takeList } from "./takeList.ts"
import { foreman } from "./throughGate.ts"

const help = `npm run world -- [--static] [--whole] [--derived] [--only NAME[,…]] [--jobs N] [--json FILE] [--again]

Clones are looked for in FOREMAN_WORLD_DIR as owner+name. Without a part all three run, on the first half of the list.
  --only NAME        repositories or languages
  --half second      the half that is kept for figures that nobody could fit a rule to
  --derived-from N   bad changes are made from the first N good ones of each project (4)
  --fixes N          only the newest N fixes of each project
  --setup-as-check   for a build whose gate file knows no setup
  --again            ask again what this build was asked before
  --report           print what is recorded for this build, and run nothing
  --take             write list.yaml anew from candidates.yaml
FOREMAN names another program to ask. Ctrl-C keeps what is done; the next run goes on there.`

const { values } = parseArgs({
  options: {
    static: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    derived: { type: "boolean", default: false },
    only: { type: "string" },
    half: { type: "string", default: "first" },
    "derived-from": { type: "string", default: "4" },
    fixes: { type: "string" },
    "setup-as-check": { type: "boolean", default: false },
    jobs: { type: "string", default: "1" },
    json: { type: "string" },
    again: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    take: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  }
})

/** `count` workers, each with the next of `items`. */
const each = async <A>(
  items: ReadonlyArray<A>,
  count: number,
  run: (item: A) => Promise<void>
): Promise<void> => {
  const left = [...items]
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await run(next)
  }
  await Promise.all(Array.from({ length: count }, worker))
}

const chosen = (): ReadonlyArray<Project> => {
  const words = values.only?.split(",")
  return loadList().projects.filter(
    ({ half, language, repository }) =>
      half === values.half &&
      (words === undefined || words.some((word) => [language, repository].includes(word)))
  )
}

/** Knows what this run has added, and nothing that was there before it. */
const forgetful = (store: Store): Store => {
  const added = new Set<string>()
  return {
    ...store,
    get: (key) => (added.has(key) ? store.get(key) : undefined),
    add: (outcome) => {
      added.add(keyOf(outcome))
      store.add(outcome)
    }
  }
}

const run = async (): Promise<void> => {
  const folder = worldFolder()
  if (values.take) return void (await takeList(folder, new Map()))
  const parts = (["static", "whole", "derived"] as const).filter((part) => values[part])
  const kinds = new Set<string>(parts.length === 0 ? ["static", "whole", "derived"] : parts)
  const file = join(folder, ".results", "outcomes.jsonl")
  const store = values.again ? forgetful(openStore(file)) : openStore(file)
  let isEnded = false
  process.once("SIGINT", () => {
    isEnded = true
    console.error("Ends after what is under way. Once more to end at once.")
    process.once("SIGINT", () => process.exit(130))
  })
  const runner = { folder, store, isEnded: () => isEnded, tell: (line: string) => console.error(line) }
  const asksProgram = kinds.has("whole") || kinds.has("derived")
  const isBuilt = existsSync(foreman().at(-1) ?? "")
  if (asksProgram && !isBuilt && !values.report)
    throw new Error(`${foreman().at(-1)} is not there: npm run build first`)
  const sources = buildOfSources()
  const program = isBuilt ? buildOfProgram() : "none"
  const projects = chosen()
  if (!values.report) await runAll(projects, kinds, runner, sources, program)
  const isOfRun = ({ build, kind, repository }: Outcome) =>
    projects.some((project) => project.repository === repository) &&
    (kind === "bare" || (kinds.has(kind) && build === (kind === "static" ? sources : program)))
  const outcomes = store.all().filter(isOfRun)
  console.log(text(outcomes))
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ sources, program, outcomes }, null, 1)}\n`)
  }
}

const runAll = async (
  projects: ReadonlyArray<Project>,
  kinds: ReadonlySet<string>,
  runner: Omit<Runner, "build">,
  sources: string,
  program: string
): Promise<void> => {
  const jobs = Math.max(1, Number(values.jobs))
  if (kinds.has("static")) {
    for (const round of rounds) {
      await each(projects, 1, (project) => runStatic(project, round, { ...runner, build: sources }))
    }
  }
  if (!kinds.has("whole") && !kinds.has("derived")) return
  const options = {
    fixes: Number(values.fixes ?? Number.POSITIVE_INFINITY),
    derivedFrom: Number(values["derived-from"]),
    isSetupACheck: values["setup-as-check"]
  }
  await each(projects, jobs, (project) => runGates(project, kinds, options, { ...runner, build: program }))
}

if (values.help) console.log(help)
else await run()
