/** Why a gate did not judge: each fault of the infrastructure has its own word, and none is held against the author. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import { checkWith, clean, fault, isTriedAgain, notJudged, runningPod } from "./gates.ts"
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

/** Releases beside Foreman's own in which gates fare badly, each in a namespace of its own with a node and an Agent of its own. */
const releases = {
  /** Whose Jobs wait for a volume that nobody makes. */
  broken: ["--set=agents.broken.gateCache.storageClass=none-such", "--set=gate.deadlineSeconds=600"],
  /** Whose Jobs ask for more than any node has, and are waited for as briefly as can be. */
  vast: [
    "--set=gate.resources.requests.cpu=64",
    "--set=gate.resources.limits.cpu=64",
    "--set=gate.deadlineSeconds=60"
  ]
} as const
type Release = keyof typeof releases

const namespaceOf = (release: Release) => `foreman-${release}`
const namespace = namespaceOf("broken")

const elsewhere = (release: Release, name: string) =>
  gateTask(name, { agentRef: { name: `${release}-gate` }, gateProfile: checkWith("true") })
const brokenTask = (name: string) => elsewhere("broken", name)

const installRelease = (release: Release) =>
  helm(
    "upgrade",
    "--install",
    release,
    "charts/foreman",
    `--namespace=${namespaceOf(release)}`,
    "--create-namespace",
    "--set=crds.install=false,operator.enabled=false,coder.enabled=false",
    `--set=agents.${release}.mode=native,agents.${release}.roles={${release}}`,
    ...releases[release]
  )

const createAgent = (release: Release, name = `${release}-gate`) =>
  create({
    apiVersion: "foreman.llmkube.dev/v1alpha1",
    kind: "Agent",
    metadata: { name, namespace: "default" },
    spec: { role: "verifier", tools: ["run_gate_job"], requiredCapability: { roles: [release] } }
  })

const parkedJob = { name: "parked", namespace: namespaceOf("vast") }

/** A task that finds a Job of its own, suspended by somebody: neither its pod nor its deadline ever begins. */
const park = async (): Promise<void> => {
  await kubectl("delete", "agents", "parked-gate", "--ignore-not-found")
  // Waits for its Agent until the Job is there.
  await create(gateTask("parked", { agentRef: { name: "parked-gate" }, gateProfile: checkWith("true") }))
  const [key = "", uid] = (await selectorOf("parked")).split("=")
  const labels = { "app.kubernetes.io/name": "foreman-gate", [key]: uid }
  const container = { name: "gate", image: "foreman", command: ["foreman", "judge"] }
  await create({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { ...parkedJob, labels },
    spec: { suspend: true, template: { spec: { restartPolicy: "Never", containers: [container] } } }
  })
  await createAgent("vast", "parked-gate")
}

beforeAll(async () => {
  await install()
  await clean("no-image", "hungry", "hungry-change", "endless", "pending", "parked", "vast")
  await pushBranch("hungry", { hungry: "yes\n" })
  await Promise.all([installRelease("broken"), installRelease("vast")])
  await Promise.all([createAgent("broken"), createAgent("vast")])
  // All at once, for some take their time to fail.
  await park()
  await create(
    brokenTask("pending"),
    elsewhere("vast", "vast"),
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
  const { items } = await getJson("fleetnodes")
  for (const release of ["broken", "vast"] as const) {
    await helm("uninstall", release, `--namespace=${namespaceOf(release)}`, "--ignore-not-found")
    await kubectl("delete", "namespace", namespaceOf(release), "--wait=false")
    const names = items.map(({ metadata }: any) => metadata.name)
    await kubectl("delete", "fleetnodes", ...names.filter((name: string) => name.endsWith(`-${release}`)))
  }
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
    assert.match(status.result.extra.modelExtra.message, /memory.* on the base/u)
  })
})

describe("a gate Job whose deadline somebody shortens", () => {
  it("ends there and judges nobody", async () => {
    await clean("hasty")
    await create(gateTask("hasty", { gateProfile: checkWith("sleep 60") }))
    await runningPod("hasty")
    const [job] = await jobsOf("hasty")
    const patch = JSON.stringify({ spec: { activeDeadlineSeconds: 1 } })
    await kubectl("patch", "job", job.metadata.name, "-n", "foreman-system", "--type=merge", "-p", patch)
    assert.deepStrictEqual(fault(await ended("hasty")), notJudged("DeadlineExceeded"))
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

const evict = (pod: string) => {
  const metadata = { name: pod, namespace: "foreman-system" }
  const path = `/api/v1/namespaces/foreman-system/pods/${pod}/eviction`
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata }
  return kubectlWith(JSON.stringify(eviction), "create", "--raw", path, "-f", "-")
}

describe("a gate whose pod is taken away is tried again, and judges", () => {
  it("by an eviction", () => isTriedAgain("evicted", "Evicted", evict))

  it("by hand", () =>
    isTriedAgain("deleted", "PodDeleted", (pod) =>
      kubectl("delete", "pod", pod, "-n", "foreman-system", "--wait=false")
    ))
})

describe("what takes long", () => {
  it("a check that does not end on the base either is stopped in time", async () => {
    assert.deepStrictEqual(fault(await ended("endless", 90)), notJudged("CheckTimedOut"))
  })

  it("a claim that is never bound makes it VolumePending", { timeout: 180_000 }, async () => {
    assert.deepStrictEqual(fault(await ended("pending", 170)), notJudged("VolumePending"))
  })

  it("a pod that is too large for every node makes it Unschedulable, long before its deadline", async () => {
    const { status } = await ended("vast", 90)
    assert.deepStrictEqual(fault({ status }), notJudged("Unschedulable"))
    assert.match(status.result.extra.modelExtra.message, /Insufficient cpu/u)
    const seconds = (Date.parse(status.finishedAt) - Date.parse(status.startedAt)) / 1000
    assert.isBelow(seconds, 45)
  })

  it(
    "a Job that never ends makes it a poll timeout after twice its deadline",
    { timeout: 180_000 },
    async () => {
      const { status } = await ended("parked", 170)
      assert.deepStrictEqual(fault({ status }), notJudged("PollTimeout"))
      const { jobName, pollError } = status.result.extra.modelExtra
      assert.deepStrictEqual([jobName, pollError], [parkedJob.name, "poll timeout"])
      const seconds = (Date.parse(status.finishedAt) - Date.parse(status.startedAt)) / 1000
      assert.isAtLeast(seconds, 120)
      assert.deepStrictEqual(await jobsOf("parked", parkedJob.namespace), [])
    }
  )
})
