/** A program is killed while tasks are in every phase: each of them ends once, with one Job and one branch of one commit. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

import { assert, beforeAll, describe, it } from "@effect/vitest"

import { root } from "../e2e/foreman.ts"
import { slow, slowSeconds } from "./scripts.ts"
import { create, ended, getJson, git, install, jobsOf, kubectl, task, toolEnvironment } from "./world.ts"

const countOf = { coder: 5, "job-coder": 3 } as const

/** Between the first task's start and the last one's. Seconds. */
const stagger = 1.4

const codeTask = (name: string, agent: string) =>
  task(name, {
    kind: "issue-fix",
    agentRef: { name: agent },
    payload: { repo: "acme/slug", branch: `foreman/${name}`, prompt: `Write done.txt. ${slow}` }
  })

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

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

/** SIGKILL, also for whom the pod's first process would shield; this script's own command line does not match itself. */
const killAgent = () =>
  kubectl(
    "exec",
    "--namespace=foreman-system",
    "deploy/foreman-agent",
    "--",
    "sh",
    "-c",
    'for d in /proc/[0-9]*; do if grep -qs "[a]gent-mode=" "$d/cmdline"; then kill -9 "${d#/proc/}"; fi; done'
  )

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

const waves = Math.max(...Object.values(countOf))

/** Another value once its pod or its container is another. */
const identity = async (component: string): Promise<unknown> => {
  const label = `app.kubernetes.io/component=${component}`
  const { items } = await getJson("pods", "-n", "foreman-system", "-l", label)
  return items.map(({ metadata, status }: any) => [
    metadata.uid,
    status.containerStatuses?.map(({ restartCount }: any) => restartCount)
  ])
}

describe("tasks in every phase", () => {
  it.each([
    { victim: "agent", kill: killAgent },
    { victim: "operator", kill: killOperator }
  ])("end once when the $victim is killed", { timeout: 180_000 }, async ({ kill, victim }) => {
    const tasks = Object.entries(countOf).flatMap(([agent, count]) =>
      Array.from({ length: count }, (_, index) => ({
        agent,
        name: `${victim}-${agent}-${index}`,
        wave: waves - index
      }))
    )
    await kubectl("delete", "at", ...tasks.map(({ name }) => name), "--ignore-not-found", "--timeout=60s")
    const before = await identity(victim)
    const watch = watchPhases()
    try {
      for (let wave = 1; wave <= waves; wave++) {
        // The first wave is about to push, those after it are at work, and the last one finds the victim gone.
        if (wave === waves) await sleep(Math.max(0, slowSeconds - 0.5 - stagger * (waves - 1)))
        if (wave === waves) await kill()
        const now = tasks.filter((each) => each.wave === wave)
        await create(...now.map(({ agent, name }) => codeTask(name, agent)))
        await sleep(stagger)
      }
      const outcomes = await Promise.all(
        tasks.map(async ({ agent, name }) => {
          const { status } = await ended(name, 150)
          return {
            name,
            verdict: status.verdict,
            isOnRemote: status.commitSHA === (await git("rev-parse", `foreman/${name}`)),
            commits: await git("rev-list", "--count", `main..foreman/${name}`),
            jobs: (await jobsOf(name)).length,
            endings: (watch.seen.get(name) ?? []).filter((phase) => /Succeeded|Failed/u.test(phase)),
            agent
          }
        })
      )
      assert.deepStrictEqual(
        outcomes,
        tasks.map(({ agent, name }) => ({
          name,
          verdict: "GO",
          isOnRemote: true,
          commits: "1",
          jobs: agent === "job-coder" ? 1 : 0,
          endings: ["Succeeded"],
          agent
        }))
      )
      assert.notDeepEqual(await identity(victim), before, "nobody was killed")
    } finally {
      watch.stop()
    }
    assert.strictEqual((await getJson("fleetnodes")).items[0].status.phase, "Ready")
  })
})
