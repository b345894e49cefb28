/** A program is killed while tasks are in every phase: each of them ends once, with one Job and one branch of one commit. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

import { assert, beforeAll, describe, it } from "@effect/vitest"

import { root } from "../e2e/foreman.ts"
import { checkWith, clean } from "./gates.ts"
import { sleep } from "./harm.ts"
import { slow, slowSeconds } from "./scripts.ts"
import {
  create,
  ended,
  gateTask,
  getJson,
  git,
  install,
  jobsOf,
  kubectl,
  task,
  toolEnvironment,
  until
} from "./world.ts"

/** Between the start of a wave and the next one's. The first one still runs after the last. Seconds. */
const stagger = 1.2

/** Every phase that each task shows, in order and without repetitions, until stopped. */
const watchPhases = () => {
  const seen = new Map<string, Array<string>>()
  const template = `jsonpath={.metadata.name} {.status.phase}{"\\n"}`
  const child = spawn("kubectl", ["get", "at", "--watch", "-o", template], {
    cwd: root,
    env: toolEnvironment(),
    stdio: ["ignore", "pipe", "inherit"]
  })
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [name = "", phase = ""] = line.split(" ")
    const phases = seen.get(name) ?? []
    if (phases.at(-1) !== phase) seen.set(name, [...phases, phase])
  })
  return { seen, stop: () => child.kill() }
}

/** A signal to the daemon, whom the pod's first process would shield; this script's own command line does not match itself. */
const signalAgent = (name: "KILL" | "STOP" | "CONT") =>
  kubectl(
    "exec",
    "--namespace=foreman-system",
    "deploy/foreman-agent",
    "--",
    "sh",
    "-c",
    `for d in /proc/[0-9]*; do if grep -qs "[a]gent-mode=" "$d/cmdline"; then kill -${name} "\${d#/proc/}"; fi; done`
  )

/** The container ends with the daemon, and may take along the shell that killed it. */
const killAgent = () =>
  signalAgent("KILL").catch((error: { readonly code?: unknown }) => {
    if (error.code !== 137) throw error
  })

/** Acts while the daemon stands still. */
const frozen = async (act: () => Promise<void>): Promise<void> => {
  await signalAgent("STOP")
  try {
    await act()
  } finally {
    // Whom the act killed is not there, or there anew.
    await signalAgent("CONT").catch(() => undefined)
  }
}

const killOperator = () =>
  kubectl(
    "delete",
    "pod",
    "--namespace=foreman-system",
    "--selector=app.kubernetes.io/component=operator",
    "--force",
    "--grace-period=0"
  )

beforeAll(async () => {
  await install()
  await kubectl("apply", "-f", "examples/job-mode.yaml")
})

/** Another value once its pod or its container is another. */
const identity = async (component: string): Promise<unknown> => {
  const label = `app.kubernetes.io/component=${component}`
  const { items } = await getJson("pods", "-n", "foreman-system", "-l", label)
  return items.map(({ metadata, status }: any) => [
    metadata.uid,
    status.containerStatuses?.map(({ restartCount }: any) => restartCount)
  ])
}

interface Planned {
  readonly name: string
  readonly agent: "coder" | "job-coder" | "gate"
  readonly dependsOn?: ReadonlyArray<string>
}

const manifestOf = ({ agent, dependsOn = [], name }: Planned) => {
  if (agent === "gate") return gateTask(name, { gateProfile: checkWith(`sleep ${2 * slowSeconds}`) })
  return task(name, {
    kind: "issue-fix",
    agentRef: { name: agent },
    dependsOn,
    payload: { repo: "acme/slug", branch: `foreman/${name}`, prompt: `Write done.txt. ${slow}` }
  })
}

/** Tasks whose starts lie a little apart, so that the first are about to push when the last begin. */
const plan = (victim: string) => {
  const named = (agent: Planned["agent"], what: string | number, dependsOn: ReadonlyArray<string> = []) => ({
    name: `${victim}-${agent}-${what}`,
    agent,
    dependsOn
  })
  return {
    waves: [
      [named("coder", 0), named("gate", 0)],
      [named("coder", 1), named("job-coder", 1)],
      [named("coder", 2), named("job-coder", 2)],
      [named("coder", 3)]
    ],
    /** The daemon is frozen: these are assigned to it, and not taken. */
    scheduled: [named("coder", "scheduled"), named("job-coder", "scheduled")],
    pending: [named("coder", "pending", [`${victim}-coder-1`])],
    /** These find the victim gone. */
    late: [named("coder", "late"), named("job-coder", "late")]
  }
}

const phasesOf = async (tasks: ReadonlyArray<Planned>): Promise<ReadonlyArray<string>> => {
  const { items } = await getJson("at")
  return tasks.map(({ name }) => items.find(({ metadata }: any) => metadata.name === name)?.status?.phase)
}

const have = (tasks: ReadonlyArray<Planned>, phase: string) =>
  until(`${tasks.length} tasks that are ${phase}`, async () =>
    (await phasesOf(tasks)).every((each) => each === phase) ? true : undefined
  )

const outcomeOf = async ({ agent, name }: Planned, seen: ReadonlyMap<string, ReadonlyArray<string>>) => {
  const { status } = await ended(name, 150)
  const isGate = agent === "gate"
  return {
    name,
    verdict: status.verdict,
    isOnRemote: isGate || status.commitSHA === (await git("rev-parse", `foreman/${name}`)),
    commits: isGate ? "0" : await git("rev-list", "--count", `main..foreman/${name}`),
    jobs: (await jobsOf(name)).length,
    endings: (seen.get(name) ?? []).filter((phase) => /Succeeded|Failed/u.test(phase))
  }
}

const expected = ({ agent, name }: Planned) => ({
  name,
  verdict: agent === "gate" ? "GATE-PASS" : "GO",
  isOnRemote: true,
  commits: agent === "gate" ? "0" : "1",
  jobs: agent === "coder" ? 0 : 1,
  endings: ["Succeeded"]
})

describe("tasks that are Pending, Scheduled and Running, in the daemon and in Jobs,", () => {
  it.each([
    { victim: "agent", kill: killAgent },
    { victim: "operator", kill: killOperator }
  ])("end once when the $victim is killed", { timeout: 240_000 }, async ({ kill, victim }) => {
    const { late, pending, scheduled, waves } = plan(victim)
    const running = waves.flat()
    const tasks = [...running, ...scheduled, ...pending, ...late]
    await clean(...tasks.map(({ name }) => name))
    const before = await identity(victim)
    const watch = watchPhases()
    try {
      for (const wave of waves) {
        await create(...wave.map(manifestOf))
        await sleep(stagger)
      }
      await have(running, "Running")
      const withJobs = running.filter(({ agent }) => agent !== "coder")
      for (const { name } of withJobs) await until(`a Job of ${name}`, async () => (await jobsOf(name))[0])
      await frozen(async () => {
        await create(...[...scheduled, ...pending].map(manifestOf))
        await Promise.all([have(scheduled, "Scheduled"), have(pending, "Pending"), have(running, "Running")])
        await kill()
      })
      await create(...late.map(manifestOf))
      const outcomes = await Promise.all(tasks.map((each) => outcomeOf(each, watch.seen)))
      assert.deepStrictEqual(outcomes, tasks.map(expected))
      assert.notDeepEqual(await identity(victim), before, "nobody was killed")
    } finally {
      watch.stop()
    }
    assert.strictEqual((await getJson("fleetnodes")).items[0].status.phase, "Ready")
  })
})
