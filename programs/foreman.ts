/** The one executable. Each subcommand loads only its own program: a Job's pod starts as fast as its smallest part. */
import nodeModule from "node:module"
import { basename, join } from "node:path"

import { shedToken } from "./shedToken.ts"

type Main = (argv: ReadonlyArray<string>, env: NodeJS.ProcessEnv) => void

interface Subcommand {
  readonly summary: string
  readonly load: () => Promise<{ readonly main: Main }>
  /** Started by Foreman's own manifests, not by people. */
  readonly isHidden?: boolean
  /** Commands of models may run with our uid, and read what we were started with. */
  readonly runsModels?: boolean
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  up: {
    summary: "Everything on this machine: cluster, operator and one node",
    load: () => import("./up.ts"),
    runsModels: true
  },
  demo: { summary: "The whole pipeline on a small real repository", load: () => import("./demo.ts") },
  gate: { summary: "Judge what is committed here, as a gate Job would", load: () => import("./gate.ts") },
  operator: { summary: "Schedule tasks on nodes", load: () => import("./operator.ts") },
  agent: { summary: "Run tasks on this node", load: () => import("./agent.ts"), runsModels: true },
  "run-task": {
    summary: "Run one task here and print its result",
    load: () => import("./run-task.ts"),
    runsModels: true
  },
  simulate: {
    summary: "Plan a fleet: what it would make of a workload",
    load: () => import("./simulate.ts")
  },
  doctor: {
    summary: "What a run needs, whether it is there, and what mends it",
    load: () => import("./doctor.ts")
  },
  logs: { summary: "What happened in a run on this machine", load: () => import("./logs.ts") },
  replay: { summary: "Play the journal of a run again", load: () => import("./replay.ts") },
  judge: { summary: "Run the checks of a gate Job", load: () => import("./judge.ts"), isHidden: true }
}

/** A Job's manifest or a unit file may start us under the names of the first implementation's two binaries. */
const nameOfBinary: Readonly<Record<string, string>> = {
  "foreman-operator": "operator",
  "foreman-agent": "agent"
}

const oldestNode = 24

/** Compiled code: `npm run build` leaves it beside the bundle, and source keeps it where a new installation throws it away. */
const compiledFolder = import.meta.filename.endsWith(".ts") ? "../node_modules/.cache/compiled" : "compiled"

const usage = (): string => {
  const shown = Object.entries(subcommands).filter(([, subcommand]) => subcommand.isHidden !== true)
  const rows = shown.map(([name, { summary }]) => `  ${name.padEnd(10)}  ${summary}`)
  return [
    "foreman: turns an issue into a verified, reviewed branch, on machines you own",
    "",
    "usage: foreman <command> [flags]",
    "",
    ...rows,
    "",
    "foreman <command> --help lists the flags of a command."
  ].join("\n")
}

const start = async (argv: ReadonlyArray<string>): Promise<void> => {
  const binary = basename(process.argv[1] ?? "").replace(/\.[a-z]+$/u, "")
  const implied = nameOfBinary[binary]
  const words = implied === undefined ? argv : [implied, ...argv]
  // The Job's own words; loading the daemon first would cost its pod time.
  const [name, ...rest] = words[0] === "agent" && words[1] === "run-task" ? words.slice(1) : words

  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log(usage())
    return
  }
  if (name === "version" || name === "--version") {
    const { version } = await import("./version.ts")
    console.log(`foreman ${version}`)
    return
  }
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
  if (subcommand === undefined) {
    console.error(`foreman: there is no command "${name}"\n\n${usage()}`)
    process.exitCode = 2
    return
  }
  if (subcommand.runsModels === true) shedToken()
  const { main } = await subcommand.load()
  main(rest, process.env)
}

if (Number(process.versions.node.split(".")[0]) < oldestNode) {
  const { startOnPinnedNode } = await import("./pinnedNode.ts")
  if (!startOnPinnedNode(oldestNode)) {
    console.error(`foreman needs Node ${oldestNode} or newer; this is ${process.versions.node}.`)
    process.exitCode = 78
  }
} else {
  // Where the folder can be neither read nor made, code is compiled as ever.
  nodeModule.enableCompileCache({ directory: join(import.meta.dirname, compiledFolder), portable: true })
  await start(process.argv.slice(2))
}
