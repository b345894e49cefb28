import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { expand } from "../../layers/embedded/kubelet/podEnv.ts"
import { JobSpec } from "../../schema/Job.ts"
import { makeCheck } from "../../src/gate/checks.ts"
import { startLoop } from "../../src/gate/exchange.ts"
import { type GateJob, gateJob, gateJobName } from "../../src/gate/manifest.ts"

const job: GateJob = {
  task: { namespace: "default", name: "gate-503" },
  taskUid: "6c1b3a52-0000-4000-8000-000000000001",
  suffix: "3a5200000001-1",
  namespace: "foreman-system",
  gateImage: "foreman:test",
  toolchainImage: "golang:1.26",
  repo: "acme/widget",
  branch: "foreman/issue-503",
  cloneURL: "https://github.com/acme/widget.git"
}
const podOf = (changes: Partial<GateJob>) => gateJob({ ...job, ...changes }).spec.template.spec
const cacheOf = (changes: Partial<GateJob>) => podOf(changes).volumes?.find(({ name }) => name === "cache")
/** What the container sees, after the kubelet's own expansion. */
const envOf = (container: {
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value?: string }>
}) =>
  Object.fromEntries(
    (container.env ?? []).map(({ name, value }) => [name, expand(value ?? "", { REPO: "expanded" })])
  )

describe("gateJob", () => {
  it("leaves a node that is silent for half a minute, so that it is soon run elsewhere", () => {
    assert.deepStrictEqual(
      podOf({}).tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]),
      [
        ["node.kubernetes.io/not-ready", 30],
        ["node.kubernetes.io/unreachable", 30]
      ]
    )
  })

  it("hands approvals to the judge as they are, whatever they say, and none where there are none", () => {
    const approvals = [
      { rule: "weakened", path: "a/$(REPO).ts", commit: "a".repeat(40), reason: "$$ $(REPO)", by: "grace" }
    ]
    const judgeEnv = (changes: Partial<GateJob>) => envOf(podOf(changes).containers[0] ?? {})
    assert.deepStrictEqual(JSON.parse(judgeEnv({ approvals })["APPROVALS"] ?? ""), approvals)
    assert.notProperty(judgeEnv({ approvals: [] }), "APPROVALS")
    assert.notProperty(envOf(podOf({ approvals }).initContainers?.[0] ?? {}), "APPROVALS")
  })

  it("is the Job of contract §5.1", () => {
    const { metadata, spec } = gateJob(job)
    const pod = spec.template.spec
    assert.deepStrictEqual<unknown>(metadata, {
      name: "foreman-gate-gate-503-3a5200000001-1",
      namespace: "foreman-system",
      labels: {
        "app.kubernetes.io/name": "foreman-gate",
        "foreman.llmkube.dev/task-namespace": "default",
        "foreman.llmkube.dev/task-name": "gate-503",
        "foreman.llmkube.dev/task-uid": "6c1b3a52-0000-4000-8000-000000000001",
        "app.kubernetes.io/managed-by": "foreman-agent"
      }
    })
    assert.deepStrictEqual(
      [spec.backoffLimit, spec.activeDeadlineSeconds, spec.ttlSecondsAfterFinished, pod.restartPolicy],
      [0, 1800, 86_400, "Never"]
    )
    assert.deepStrictEqual(
      [...(pod.initContainers ?? []), ...pod.containers].map((container) => ({
        name: container.name,
        image: container.image,
        restartPolicy: container.restartPolicy,
        command: container.command,
        mounts: container.volumeMounts?.map(({ mountPath }) => mountPath),
        resources: container.resources
      })),
      [
        {
          name: "toolchain",
          image: "golang:1.26",
          restartPolicy: "Always",
          command: startLoop.map((word) => word.split("$").join("$$")),
          mounts: ["/work", "/scratch", "/tmp", "/exchange", "/cache"],
          resources: { requests: { cpu: "1900m", memory: "3968Mi" }, limits: { cpu: "4", memory: "8Gi" } }
        },
        {
          name: "gate",
          image: "foreman:test",
          restartPolicy: undefined,
          command: ["foreman", "judge"],
          mounts: ["/work", "/volume", "/exchange", "/judge"],
          resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2", memory: "1Gi" } }
        }
      ]
    )
    assert.isFalse(pod.automountServiceAccountToken)
    assert.deepStrictEqual(Schema.decodeUnknownSync(JobSpec)(JSON.parse(JSON.stringify(spec))), spec)
  })

  it("mounts the cache claim only when there is one", () => {
    assert.deepStrictEqual<unknown>(
      [cacheOf({}), cacheOf({ cachePVC: "foreman-gate-cache" })],
      [
        { name: "cache", emptyDir: {} },
        { name: "cache", persistentVolumeClaim: { claimName: "foreman-gate-cache" } }
      ]
    )
  })

  it("takes a deadline and resources of its own, each in place of a default", () => {
    const { spec } = gateJob({ ...job, deadlineSeconds: 300, resources: { requests: { cpu: "500m" } } })
    const pod = spec.template.spec
    const deadlines = [300, 60, 1800].map(
      (deadlineSeconds) => envOf(podOf({ deadlineSeconds }).containers[0] ?? {})["DEADLINE_SECONDS"]
    )
    assert.deepStrictEqual<unknown>(
      [spec.activeDeadlineSeconds, deadlines, pod.initContainers?.[0]?.resources],
      [
        300,
        ["240", "30", "1740"],
        { requests: { cpu: "500m", memory: "3968Mi" }, limits: { cpu: "4", memory: "8Gi" } }
      ]
    )
  })

  it.each([
    ["20Gi", 16 * 1024 ** 3],
    ["1G", 800_000_000],
    ["1.5Ki", 1228],
    ["a lot", undefined]
  ])("of a pod that may hold %s on disk gives the judge a limit below that", (quantity, bytes) => {
    const [gate] = podOf({ resources: { limits: { "ephemeral-storage": quantity } } }).containers
    assert.strictEqual(envOf(gate ?? {})["DISK_BYTES"], bytes === undefined ? undefined : String(bytes))
  })

  it("gives the token to the judge alone", () => {
    const [judge, toolchain] = ["containers", "initContainers"].map((kind) => {
      const pod = podOf({ gitSecret: { name: "s", key: "token" } })
      return (kind === "containers" ? pod.containers : (pod.initContainers ?? [])).flatMap(
        ({ env }) => env ?? []
      )
    })
    assert.deepStrictEqual(
      judge?.filter(({ name }) => name === "GITHUB_TOKEN"),
      [{ name: "GITHUB_TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "token", optional: true } } }]
    )
    assert.isFalse(toolchain?.some(({ valueFrom }) => valueFrom !== undefined))
  })

  it("carries what a task says as values, and in no script", () => {
    const branch = "$(touch x)\"';\n$$ $(REPO) {{ .Values }}"
    const pod = podOf({ branch, baseBranch: branch, checks: [makeCheck("fmt")] })
    const [gate] = pod.containers
    assert.deepStrictEqual(
      [envOf(gate ?? {})["BRANCH"], envOf(gate ?? {})["BASE_BRANCH"], envOf(gate ?? {})["CHECKS"]],
      [branch, branch, '[{"name":"fmt","command":"make fmt","target":"fmt","role":"format"}]']
    )
    assert.deepStrictEqual(
      pod.initContainers?.[0]?.command?.map((word) => expand(word, {})),
      startLoop
    )
    const commands = JSON.stringify(
      [...(pod.initContainers ?? []), ...pod.containers].map(({ command }) => command)
    )
    assert.notInclude(commands, "touch")
    assert.strictEqual(gateJob({ ...job, branch }).metadata.name, gateJob(job).metadata.name)
  })

  it("shortens labels that a long name would make illegal", () => {
    const name = "n".repeat(200)
    const { labels } = gateJob({ ...job, task: { namespace: "default", name } }).metadata
    assert.match(
      String(Object.entries(labels).find(([key]) => key.endsWith("task-name"))?.[1]),
      /^n{52}-[0-9a-f]{10}$/u
    )
  })
})

describe("gateJobName", () => {
  it.each([
    ["gate-503", "1750000000000", "foreman-gate-gate-503-1750000000000"],
    ["x".repeat(200), "1750000000000", `foreman-gate-${"x".repeat(36)}-1750000000000`],
    ["A_b..C", "s", "foreman-gate-a-b-c-s"],
    ["___", "s", "foreman-gate-task-s"],
    [`${"y".repeat(47)}-z`, "s", `foreman-gate-${"y".repeat(47)}-s`]
  ])("names the Job of %s with the whole suffix %s", (task, suffix, name) => {
    assert.strictEqual(gateJobName(task, suffix), name)
    assert.isAtMost(name.length, 63)
  })
})
