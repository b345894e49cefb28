/** `npm run bench`: the numbers of the design, each beside what this machine can do at all. */
import { readFile, writeFile } from "node:fs/promises"
import { cpus, loadavg, totalmem } from "node:os"
import { parseArgs } from "node:util"

import { Effect } from "effect"

import { versionOf } from "./cluster.ts"
import { publish } from "./publish.ts"
import { comparison, type Measured, type Options, type Report, text } from "./report.ts"

interface Bench {
  readonly about: string
  /** Run only when it is named. */
  readonly isLong?: boolean
  readonly load: () => Promise<{ readonly run: (options: Options) => Promise<Measured> }>
}

/** In this order. What is measured in ratios to the API server's ceiling finds it in its own bench, in the same minute. */
const benches: Readonly<Record<string, Bench>> = {
  daemons: { about: "latency and tasks/s with 10 real daemons", load: () => import("./daemons.ts") },
  fleets: {
    about: "throughput, cost and growth with up to 1,000 simulated nodes",
    load: () => import("./fleets.ts")
  },
  idle: {
    about: "the operator beside nodes that beat and tasks that fit nowhere",
    load: () => import("./idle.ts")
  },
  decide: { about: "the scheduler alone", load: () => import("./decide.ts") },
  processes: { about: "start and memory of operator and agent", load: () => import("./processes.ts") },
  "run-task": { about: "run-task's start, turns and memory", load: () => import("./run-task.ts") },
  gate: { about: "a gate beside its Job's own pod", load: () => import("./gate.ts") },
  project: { about: "npm run demo and npm test", load: () => import("./project.ts") },
  soak: {
    about: "faults of every kind under mixed load; not without --only soak [--minutes 30]",
    isLong: true,
    load: () => import("./soak.ts")
  }
}

const help = `npm run bench -- [--only NAME[,NAME…]] [--kubeconfig FILE] [--quick] [--json FILE]
npm run bench -- --only run-task --beside FILE   another program with a run-task, such as the first implementation's foreman-agent
npm run bench -- compare A.json B.json   what changed, figure by figure
npm run bench -- publish A.json…         tables into docs/performance.md, plots of the first beside it

Without --kubeconfig each bench starts an embedded cluster of its own. With it, the cluster should have no Foreman on it; what a bench
makes there (namespace foreman-bench, FleetNodes bench-…) it takes away again.

${Object.entries(benches)
  .map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`)
  .join("\n")}`

const readReport = async (path: string): Promise<Report> => JSON.parse(await readFile(path, "utf8"))

const machine = (): Report["machine"] => ({
  platform: `${process.platform}-${process.arch}`,
  cpus: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  loadBefore: loadavg()[0] ?? NaN
})

/** `save` has what there is after each bench: a long run that is cut short keeps its figures. */
const measure = async (
  names: ReadonlyArray<string>,
  options: Options,
  save: (report: Report) => Promise<void>
): Promise<void> => {
  const { isQuick, kubeconfig } = options
  const cluster =
    kubeconfig === undefined ? "The embedded cluster" : await Effect.runPromise(versionOf(kubeconfig))
  const before = machine()
  const results: Record<string, Report["benches"][string]> = {}
  for (const name of names) {
    console.error(`${name}: ${benches[name]?.about}`)
    const startedAt = performance.now()
    const seconds = () => Math.round((performance.now() - startedAt) / 1000)
    try {
      const bench = await benches[name]?.load()
      const measured = (await bench?.run(options)) ?? { rows: [] }
      results[name] = { ...measured, seconds: seconds() }
      console.log(`\n${name} (${seconds()} s)\n${text(measured.rows)}`)
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error)
      results[name] = { rows: [], seconds: seconds(), failed }
      console.log(`\n${name} could not be measured: ${failed}`)
      process.exitCode = 1
    }
    await save({ machine: before, cluster, isQuick, benches: results })
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    json: { type: "string" },
    kubeconfig: { type: "string" },
    minutes: { type: "string", default: "30" },
    beside: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  }
})
const [command, ...files] = positionals
const [first, ...more] = files
const names = values.only?.split(",") ?? Object.keys(benches).filter((name) => benches[name]?.isLong !== true)
const unknown = names.find((name) => !Object.hasOwn(benches, name))

if (values.help) console.log(help)
else if (command === "compare" && files.length === 2) {
  console.log(comparison(await readReport(files[0] ?? ""), await readReport(files[1] ?? "")))
} else if (command === "publish" && first !== undefined) {
  const reports = await Promise.all(more.map(readReport))
  console.log((await publish([await readReport(first), ...reports])).join("\n"))
} else if (command !== undefined || unknown !== undefined) {
  const why =
    command === undefined ? `there is no bench "${unknown}"` : `"${positionals.join(" ")}" is not understood`
  console.error(`${why}\n\n${help}`)
  process.exitCode = 2
} else {
  // Programs and folders go with this process; what is on a cluster of --kubeconfig goes when the next bench begins.
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const)
    process.once(signal, () => process.exit(code))
  const options = {
    kubeconfig: values.kubeconfig,
    isQuick: values.quick,
    minutes: Number(values.minutes),
    beside: values.beside
  }
  await measure(names, options, async (report) => {
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 1)}\n`)
  })
}
