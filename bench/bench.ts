/** `npm run bench [-- --only NAME] [-- --json FILE]`: the numbers of the design, each beside what this machine can do at all. */
import { writeFile } from "node:fs/promises"
import { parseArgs } from "node:util"

export interface Row {
  readonly measure: string
  readonly value: string
  readonly goal: string
  /** What the machine needs for the least that could be done. */
  readonly ceiling: string
}

export interface Options {
  /** A cluster to measure on; an embedded one where a bench can, when absent. */
  readonly kubeconfig: string | undefined
}

interface Bench {
  readonly run: (options: Options) => Promise<ReadonlyArray<Row>>
}

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  "run-task": () => import("./run-task.ts"),
  gate: () => import("./gate.ts")
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    json: { type: "string" },
    kubeconfig: { type: "string" },
    help: { type: "boolean", short: "h" }
  }
})

if (values.help === true) {
  console.log(`npm run bench -- [--only ${Object.keys(benches).join("|")}] [--kubeconfig FILE] [--json FILE]`)
} else if (values.only !== undefined && !Object.hasOwn(benches, values.only)) {
  console.error(`there is no bench "${values.only}"; there is: ${Object.keys(benches).join(", ")}`)
  process.exitCode = 2
} else {
  const names = values.only === undefined ? Object.keys(benches) : [values.only]
  const results: Record<string, ReadonlyArray<Row>> = {}
  for (const name of names) {
    const bench = await benches[name]?.()
    const rows = (await bench?.run({ kubeconfig: values.kubeconfig })) ?? []
    results[name] = rows
    console.log(`\n${name}`)
    for (const { measure, value, goal, ceiling } of rows) {
      console.log(`  ${measure}\n    ${value}   goal ${goal}   ceiling ${ceiling}`)
    }
  }
  if (values.json !== undefined) {
    const report = { node: process.version, platform: `${process.platform}-${process.arch}`, results }
    await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`)
  }
}
