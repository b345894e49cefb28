/** The API server dies and freezes with 200 tasks in flight, some of them gates with Jobs of their own. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import { checkWith } from "./gates.ts"
import { cannotHarm, signal, sleep, start } from "./harm.ts"
import { create, gateTask, getJson, install, kubectl, task, uninstall, until } from "./world.ts"

const namesOf = (what: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${what}-${index}`)
const quick = namesOf("storm", 175)
const gates = namesOf("storm-gate", 25)
const names = [...gates, ...quick]
/** A task of the storm in a daemon's log. */
const isStorm = /^default\/storm-/u

/** Two nodes on one host: one for what a stub does, one for gates. */
const pools = [
  "--set=agents.stub.mode=stub,agents.stub.roles={worker},agents.stub.slots=50",
  "--set=agents.gates.mode=native,agents.gates.roles={verifier},agents.gates.slots=6",
  // The storm is longer than the cluster's usual patience with one gate.
  "--set=gate.deadlineSeconds=600"
]

const label = { "foreman.test/storm": "yes" }
const selector = "--selector=foreman.test/storm"

const inStorm = ({ metadata, ...rest }: ReturnType<typeof task>) => ({
  ...rest,
  metadata: { ...metadata, labels: label }
})

const storm = async (): Promise<ReadonlyArray<any>> => (await getJson("at", selector)).items

const done = async (): Promise<number> =>
  (await storm()).filter(({ status }) => status?.phase === "Succeeded").length

/** How often each task's run began and ended, from the daemons' logs: a write whose answer was lost is no second end. */
const runs = async (): Promise<ReadonlyMap<string, { readonly begun: number; readonly ended: number }>> => {
  const logOf = (pool: string) =>
    kubectl("logs", "--namespace=foreman-system", `deploy/foreman-${pool}-agent`, "--tail=-1")
  const log = (await Promise.all(["stub", "gates"].map(logOf))).join("\n")
  const counts = new Map<string, { readonly begun: number; readonly ended: number }>()
  for (const line of log.split("\n").filter((text) => text.startsWith("{"))) {
    const { msg, task: name } = JSON.parse(line)
    if (!isStorm.test(name)) continue
    const { begun, ended } = counts.get(name) ?? { begun: 0, ended: 0 }
    if (msg === "run begins") counts.set(name, { begun: begun + 1, ended })
    if (msg === "run ended") counts.set(name, { begun, ended: ended + 1 })
  }
  return counts
}

/** The Jobs of each gate. Kept for a day, so one that was run twice shows as two. */
const jobsPerGate = async (): Promise<ReadonlyArray<number>> => {
  const { items } = await getJson("jobs", "-n", "foreman-system")
  const uids = items.map(({ metadata }: any) => metadata.labels?.["foreman.llmkube.dev/task-uid"])
  const gateUids = (await storm())
    .filter(({ spec }) => spec.kind === "verify")
    .map(({ metadata }) => metadata.uid)
  return gateUids.map((uid) => uids.filter((each: string) => each === uid).length)
}

describe.skipIf(cannotHarm !== undefined)(`200 tasks in flight${cannotHarm ? `: ${cannotHarm}` : ""}`, () => {
  beforeAll(async () => {
    // The nodes of the usual release would take the tasks of the pools.
    await uninstall()
    await kubectl("delete", "fleetnodes", "--all")
    await install(...pools)
    await kubectl("delete", "at", selector, "--timeout=60s")
  })

  afterAll(async () => {
    await uninstall()
    await kubectl("delete", "fleetnodes", "--all")
  })

  it("all end, none twice, when the API server is killed and frozen", { timeout: 300_000 }, async () => {
    await create(
      ...gates.map((name) => inStorm(gateTask(name, { gateProfile: checkWith("sleep 2") }))),
      ...quick.map((name) =>
        inStorm(
          task(name, {
            kind: "freeform",
            payload: { prompt: "storm" },
            // The other node would take it, too, and has no stub.
            requiredCapability: { roles: ["worker"] }
          })
        )
      )
    )
    const aGateRuns = async () =>
      (await storm()).some(({ spec, status }) => spec.kind === "verify" && status?.result !== undefined)
    await until("the first gate", async () => ((await aGateRuns()) ? true : undefined), 60)
    await signal("apiserver", "KILL")
    await sleep(4)
    await start("apiserver")
    await until("the API server", () => done().catch(() => undefined), 60)
    await sleep(5)
    await signal("apiserver", "STOP")
    await sleep(8)
    await signal("apiserver", "CONT")
    assert.isBelow(await done(), names.length)
    await until(
      "all tasks",
      async () => ((await done().catch(() => 0)) === names.length ? true : undefined),
      200
    )
    const verdicts = (await storm()).map(({ spec, status }) => `${spec.kind} ${status.verdict}`)
    assert.deepStrictEqual([...new Set(verdicts)].toSorted(), ["freeform GO", "verify GATE-PASS"])
    assert.deepStrictEqual(
      new Map([...(await runs())].toSorted()),
      new Map(names.map((name) => [`default/${name}`, { begun: 1, ended: 1 }] as const).toSorted())
    )
    assert.deepStrictEqual(
      await jobsPerGate(),
      gates.map(() => 1)
    )
  })
})
