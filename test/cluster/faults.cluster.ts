/**
 * Why a gate did not judge: each fault of the infrastructure has its own word, and none is held against the author. Poll timeout is not
 * among them: it takes a Job that outlives twice its deadline, which a cluster whose controllers run does not have (see test/layers/kube).
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import {
  create,
  ended,
  gateTask,
  getJson,
  helm,
  install,
  jobsOf,
  kubectl,
  kubectlWith,
  pushBranch,
  selectorOf,
  until
} from "./world.ts"

const fault = ({ status }: any) => ({
  phase: status.phase,
  verdict: status.verdict,
  reason: status.failureReason,
  fault: status.result.extra.modelExtra.fault ?? status.result.extra.modelExtra.reason
})

const notJudged = (word: string) => ({
  phase: "Succeeded",
  verdict: "GATE-ERROR",
  reason: "GateError",
  fault: word
})

const checkWith = (command: string) => ({ language: "generic", commands: { test: command } })

const clean = (...names: ReadonlyArray<string>) =>
  kubectl("delete", "at", ...names, "--ignore-not-found", "--timeout=60s")

/** A namespace where Jobs fare badly, with a node of its own. */
const namespace = "foreman-broken"

const brokenTask = (name: string) =>
  gateTask(name, { agentRef: { name: "broken-gate" }, gateProfile: checkWith("true") })

const installBroken = async (): Promise<void> => {
  await helm(
    "upgrade",
    "--install",
    "broken",
    "charts/foreman",
    `--namespace=${namespace}`,
    "--create-namespace",
    "--set=crds.install=false,operator.enabled=false,coder.enabled=false",
    "--set=agents.broken.mode=native,agents.broken.roles={broken}",
    "--set=agents.broken.gateCache.storageClass=none-such",
    "--set=gate.deadlineSeconds=600"
  )
  await create({
    apiVersion: "foreman.llmkube.dev/v1alpha1",
    kind: "Agent",
    metadata: { name: "broken-gate", namespace: "default" },
    spec: { role: "verifier", tools: ["run_gate_job"], requiredCapability: { roles: ["broken"] } }
  })
}

beforeAll(async () => {
  await install()
  await clean("no-image", "hungry", "hungry-change", "endless", "pending")
  await pushBranch("hungry", { hungry: "yes\n" })
  await installBroken()
  // All at once, for some take their time to fail.
  await create(
    brokenTask("pending"),
    gateTask("endless", { gateProfile: checkWith("sleep 600") }),
    gateTask("no-image", { gateProfile: { ...checkWith("true"), image: "nowhere.invalid/none:1" } }),
    gateTask("hungry", { gateProfile: checkWith("tail /dev/zero") }),
    gateTask("hungry-change", {
      payload: { repo: "acme/slug", branch: "hungry" },
      gateProfile: checkWith("test ! -e hungry || tail /dev/zero")
    })
  )
})

afterAll(async () => {
  await helm("uninstall", "broken", `--namespace=${namespace}`, "--ignore-not-found")
  await kubectl("delete", "namespace", namespace, "--wait=false")
  const { items } = await getJson("fleetnodes")
  const names = items.map(({ metadata }: any) => metadata.name)
  await kubectl("delete", "fleetnodes", ...names.filter((name: string) => name.endsWith("-broken")))
})

describe("a gate Job", () => {
  it("whose image does not exist says so at once", async () => {
    assert.deepStrictEqual(fault(await ended("no-image")), notJudged("ImagePullFailed"))
  })

  it("that runs out of memory on the base too judges nobody", async () => {
    assert.deepStrictEqual(fault(await ended("hungry")), notJudged("OutOfMemory"))
  })

  it("that only the change makes run out of memory is red", async () => {
    const { status } = await ended("hungry-change")
    assert.strictEqual(status.verdict, "GATE-FAIL")
    assert.match(status.result.extra.modelExtra.message, /killed/u)
  })
})

describe("a namespace that refuses Jobs", () => {
  it.each([
    { what: "pods", hard: { pods: "1" } },
    { what: "Jobs", hard: { "count/jobs.batch": "0" } }
  ])("by a quota of $what makes it QuotaExceeded", async ({ hard }) => {
    const quota = { name: "tight", namespace }
    await create({ apiVersion: "v1", kind: "ResourceQuota", metadata: quota, spec: { hard } })
    await until("the quota", async () => (await getJson("quota", "tight", "-n", namespace)).status?.used)
    await clean("over-quota")
    await create(brokenTask("over-quota"))
    assert.deepStrictEqual(fault(await ended("over-quota")), notJudged("QuotaExceeded"))
    await kubectl("delete", "quota", "tight", "-n", namespace)
  })

  it("by its roles makes it CreateForbidden, in the seed's words", async () => {
    const { items } = await getJson("roles", "-n", namespace)
    for (const { metadata, rules } of items) {
      const weaker = rules.map((rule: any) => ({
        ...rule,
        verbs: rule.verbs.filter((verb: string) => verb !== "create" || !rule.resources.includes("jobs"))
      }))
      const patch = JSON.stringify({ rules: weaker })
      await kubectl("patch", "role", metadata.name, "-n", namespace, "--type=merge", "-p", patch)
    }
    await clean("forbidden")
    await create(brokenTask("forbidden"))
    const done = await ended("forbidden")
    assert.deepStrictEqual(fault(done), notJudged("CreateForbidden"))
    assert.match(done.status.result.summary, /^gate did not run: create job: .*forbidden/u)
  })
})

/** The pod of the task's only Job, once its checks run. */
const runningPod = async (name: string): Promise<string> => {
  const labels = await selectorOf(name)
  const pod: any = await until(`a running pod of ${name}`, async () => {
    const fields = "--field-selector=status.phase=Running"
    return (await getJson("pods", "-n", "foreman-system", "-l", labels, fields)).items[0]
  })
  return pod.metadata.name
}

const evict = (pod: string) => {
  const metadata = { name: pod, namespace: "foreman-system" }
  const path = `/api/v1/namespaces/foreman-system/pods/${pod}/eviction`
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata }
  return kubectlWith(JSON.stringify(eviction), "create", "--raw", path, "-f", "-")
}

/** What a node controller does with a node that no longer answers, whatever the cluster has for one. */
const loseNode = async () => {
  await kubectl("taint", "nodes", "--all", "--overwrite", "foreman.test/gone=:NoExecute")
  try {
    const isSecond = ({ metadata }: any) => metadata.name.endsWith("-2")
    await until("a second Job", async () => (await jobsOf("lost")).find(isSecond))
  } finally {
    await kubectl("taint", "nodes", "--all", "foreman.test/gone-")
  }
}

const isTriedAgain = async (name: string, word: string, act: (pod: string) => Promise<unknown>) => {
  await clean(name)
  await create(gateTask(name, { gateProfile: checkWith("sleep 4") }))
  await act(await runningPod(name))
  const { status } = await ended(name)
  assert.deepStrictEqual(
    [status.verdict, status.result.extra.attempts?.map((attempt: any) => attempt.fault)],
    ["GATE-PASS", [word]]
  )
}

describe("a gate whose pod is taken away is tried again, and judges", () => {
  it("by an eviction", () => isTriedAgain("evicted", "Evicted", evict))

  it("by hand", () =>
    isTriedAgain("deleted", "PodDeleted", (pod) =>
      kubectl("delete", "pod", pod, "-n", "foreman-system", "--wait=false")
    ))
})

describe("what takes long", () => {
  it("a check without end is stopped in time", async () => {
    assert.deepStrictEqual(fault(await ended("endless", 90)), notJudged("DeadlineExceeded"))
  })

  it("a claim that is never bound makes it VolumePending", { timeout: 180_000 }, async () => {
    assert.deepStrictEqual(fault(await ended("pending", 170)), notJudged("VolumePending"))
  })

  // Last, for it takes every pod that has no toleration.
  it("a gate whose node goes away is tried again, and judges", () =>
    isTriedAgain("lost", "NodeLost", loseNode))
})
