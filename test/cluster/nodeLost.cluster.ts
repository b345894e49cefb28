/** The node under a gate goes away; the gate is tried again, and judges. Each of these takes more than the gate's own pod. */
import { beforeAll, describe, it } from "@effect/vitest"

import { isTriedAgain } from "./gates.ts"
import { cannotHarm, signal, start } from "./harm.ts"
import { create, install, jobsOf, kubectl, until } from "./world.ts"

/** Kubernetes calls a node silent after 50 s, and a gate's pod leaves it 30 s later. */
const silenceSeconds = 150

const secondJob = (name: string, seconds?: number) =>
  until(
    `a second Job of ${name}`,
    async () => (await jobsOf(name)).find(({ metadata }) => metadata.name.endsWith("-2")),
    seconds
  )

/** What the node controller does with a node that no longer answers, and every cluster can do. */
const taintNode = async () => {
  await kubectl("taint", "nodes", "--all", "--overwrite", "foreman.test/gone=:NoExecute")
  try {
    await secondJob("tainted")
  } finally {
    await kubectl("taint", "nodes", "--all", "foreman.test/gone-")
  }
}

const neighbour = { name: "foreman-neighbour" }

/** A sign of life of the neighbour. */
const beat = () => {
  const now = new Date().toISOString().replace(/\.\d+/u, "")
  const ready = {
    type: "Ready",
    status: "True",
    reason: "Beat",
    lastHeartbeatTime: now,
    lastTransitionTime: now
  }
  const patch = JSON.stringify({ status: { conditions: [ready] } })
  return kubectl("patch", "node", neighbour.name, "--subresource=status", "--type=merge", "-p", patch)
}

/** A second node that only lives and takes no pod: where every node is silent, Kubernetes doubts itself and takes no pod away. */
const withNeighbour = async (act: () => Promise<void>) => {
  await create({ apiVersion: "v1", kind: "Node", metadata: neighbour, spec: { unschedulable: true } })
  await beat()
  const beats = setInterval(() => void beat().catch(console.error), 10_000)
  try {
    await act()
  } finally {
    clearInterval(beats)
    await kubectl("delete", "node", neighbour.name)
  }
}

const killNode = () =>
  withNeighbour(async () => {
    await signal("kubelet", "KILL")
    try {
      await secondJob("silent", silenceSeconds)
    } finally {
      await start("kubelet")
    }
  })

beforeAll(() => install())

describe("a gate whose node goes away is tried again, and judges", () => {
  it("with a taint", () => isTriedAgain("tainted", "NodeLost", taintNode))

  it.skipIf(cannotHarm !== undefined)(
    `with its kubelet (${cannotHarm ?? "killed"})`,
    { timeout: 300_000 },
    () => isTriedAgain("silent", "NodeLost", killNode)
  )
})
