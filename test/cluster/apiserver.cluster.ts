/**
 * The API server dies and freezes with 200 tasks in flight. How to do that is the cluster's own affair: FOREMAN_CLUSTER_SIGNAL is a command
 * that sends the API server the signal named after it (KILL, STOP, CONT), FOREMAN_CLUSTER_START one that starts it again.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"

import { create, getJson, install, kubectl, sh, task, until } from "./world.ts"

const signal = process.env["FOREMAN_CLUSTER_SIGNAL"]
const restart = process.env["FOREMAN_CLUSTER_START"]

const count = 200
const slots = 50
const names = Array.from({ length: count }, (_, index) => `storm-${index}`)

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

const stormTask = (name: string) => {
  const { metadata, ...rest } = task(name, { kind: "freeform", payload: { prompt: "storm" } })
  return { ...rest, metadata: { ...metadata, labels: { "foreman.test/storm": "yes" } } }
}

const storm = async (): Promise<ReadonlyArray<any>> =>
  (await getJson("at", "--selector=foreman.test/storm")).items

const done = async (): Promise<number> =>
  (await storm()).filter(({ status }) => status?.phase === "Succeeded").length

/** How often each task's run began and ended, from the daemon's log: a write whose answer was lost is no second end. */
const runs = async (): Promise<ReadonlyMap<string, { readonly begun: number; readonly ended: number }>> => {
  const log = await kubectl("logs", "--namespace=foreman-system", "deploy/foreman-agent", "--tail=-1")
  const counts = new Map<string, { readonly begun: number; readonly ended: number }>()
  for (const line of log.split("\n").filter((text) => text.startsWith("{"))) {
    const { msg, task: name } = JSON.parse(line)
    const { begun, ended } = counts.get(name) ?? { begun: 0, ended: 0 }
    if (msg === "run begins") counts.set(name, { begun: begun + 1, ended })
    if (msg === "run ended") counts.set(name, { begun, ended: ended + 1 })
  }
  return counts
}

describe.skipIf(signal === undefined || restart === undefined)(
  "200 tasks in flight (skipped where FOREMAN_CLUSTER_SIGNAL and FOREMAN_CLUSTER_START do not say how to harm the API server)",
  () => {
    beforeAll(async () => {
      await install("--set=agent.mode=stub", `--set=agent.slots=${slots}`)
      await kubectl("delete", "at", "--selector=foreman.test/storm", "--timeout=60s")
    })

    it("all end, none twice, when the API server is killed and frozen", { timeout: 240_000 }, async () => {
      await create(...names.map(stormTask))
      await until("the first tasks", async () => ((await done()) > 0 ? true : undefined))
      await sh(`${signal} KILL`)
      await sleep(4)
      await sh(`${restart}`)
      await until("the API server", () => done().catch(() => undefined), 60)
      await sleep(5)
      await sh(`${signal} STOP`)
      await sleep(8)
      await sh(`${signal} CONT`)
      await until("all tasks", async () => ((await done().catch(() => 0)) === count ? true : undefined), 150)
      const verdicts = new Set((await storm()).map(({ status }) => status.verdict))
      assert.deepStrictEqual([...verdicts], ["GO"])
      const once = { begun: 1, ended: 1 }
      assert.deepStrictEqual(await runs(), new Map(names.map((name) => [`default/${name}`, once])))
    })
  }
)
