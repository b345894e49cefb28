import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { expand } from "../../layers/embedded/kubelet/podEnv.ts"
import { JobSpec } from "../../schema/Job.ts"
import { type CoderJob, coderJob, coderJobName, isKept } from "../../src/decide/coderJob.ts"
import { agent, task } from "../builders.ts"

const uid = "6c1b3a52-0000-4000-8000-000000000001"
const inJob = (changes: object = {}) => ({ mode: "Job" as const, activeDeadlineSeconds: 3600, ...changes })

const job: CoderJob = {
  task: task("fix-620", { metadata: { uid } }),
  agent: agent("coder", { spec: { execution: inJob() } }),
  settings: { image: "foreman-builder:test", modelSecret: undefined, resources: {} },
  gitSecret: { name: "foreman-git-credentials", key: "token" },
  suffix: "1750000000000",
  namespace: "foreman-system",
  gitRemoteURL: undefined,
  author: undefined,
  committer: undefined
}
const podOf = (changes: Partial<CoderJob>) => coderJob({ ...job, ...changes }).spec.template.spec
const coderOf = (changes: Partial<CoderJob>) => {
  const [container] = podOf(changes).containers
  if (container === undefined) throw new Error("no container")
  return container
}

describe("coderJob", () => {
  it("is the Job of contract §3.8", () => {
    const { metadata, spec } = coderJob(job)
    const labels = {
      "app.kubernetes.io/name": "foreman-coder",
      "foreman.llmkube.dev/task-namespace": "default",
      "foreman.llmkube.dev/task-name": "fix-620",
      "foreman.llmkube.dev/task-uid": uid
    }
    assert.deepStrictEqual<unknown>(metadata, {
      name: "foreman-coder-fix-620-1750000000000",
      namespace: "foreman-system",
      labels: { ...labels, "app.kubernetes.io/managed-by": "foreman-agent" }
    })
    const hardened = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } }
    assert.deepStrictEqual<unknown>(spec, {
      backoffLimit: 0,
      activeDeadlineSeconds: 3600,
      ttlSecondsAfterFinished: 86_400,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: "Never",
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 5,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            runAsGroup: 65_532,
            seccompProfile: { type: "RuntimeDefault" }
          },
          containers: [
            {
              name: "coder",
              image: "foreman-builder:test",
              command: ["foreman-agent"],
              args: "run-task --task fix-620 --namespace default --workspace-dir /workspace".split(" "),
              env: [
                {
                  name: "GITHUB_TOKEN",
                  valueFrom: {
                    secretKeyRef: { name: "foreman-git-credentials", key: "token", optional: true }
                  }
                },
                { name: "GOMODCACHE", value: "/workspace/.cache/gomod" },
                { name: "GOCACHE", value: "/workspace/.cache/gobuild" },
                { name: "XDG_DATA_HOME", value: "/workspace/.cache/xdg" },
                { name: "HOME", value: "/scratch" },
                { name: "TMPDIR", value: "/scratch" },
                { name: "FOREMAN_TERMINATION_LOG", value: "/dev/termination-log" },
                { name: "FOREMAN_GIT_SECRETS", value: "/secrets/git" }
              ],
              volumeMounts: [
                { name: "workspace", mountPath: "/workspace" },
                { name: "scratch", mountPath: "/scratch" },
                { name: "git-credentials", mountPath: "/secrets/git", readOnly: true }
              ],
              resources: { requests: { cpu: "2", memory: "4Gi" }, limits: { cpu: "4", memory: "8Gi" } },
              securityContext: hardened,
              terminationMessagePath: "/dev/termination-log"
            }
          ],
          volumes: [
            { name: "workspace", emptyDir: {} },
            { name: "scratch", emptyDir: {} },
            {
              name: "git-credentials",
              secret: { secretName: "foreman-git-credentials", optional: true, defaultMode: 0o400 }
            }
          ]
        }
      }
    })
    assert.deepStrictEqual(Schema.decodeUnknownSync(JobSpec)(JSON.parse(JSON.stringify(spec))), spec)
  })

  it("keeps the run on a volume where there is one, and sees the folder of its own task alone", () => {
    const settings = { ...job.settings, journalPVC: "runs" }
    const pod = podOf({ settings })
    const mounts = (pod.containers[0]?.volumeMounts ?? []).filter(({ name }) => name === "journals")
    assert.deepStrictEqual<unknown>(mounts, [
      { name: "journals", mountPath: `/workspace/.journals/${uid}`, subPath: uid }
    ])
    assert.deepStrictEqual<unknown>(
      pod.volumes?.filter(({ name }) => name === "journals"),
      [{ name: "journals", persistentVolumeClaim: { claimName: "runs" } }]
    )
    const spec = coderJob({ ...job, settings }).spec
    assert.deepStrictEqual(Schema.decodeUnknownSync(JobSpec)(JSON.parse(JSON.stringify(spec))), spec)
    assert.isTrue(isKept({ ...job, settings }))
    assert.isTrue(isKept({ ...job, checkpointRemote: true }))
    const acp = { ...job, agent: { ...job.agent, spec: { ...job.agent.spec, executor: "ACP" as const } } }
    assert.isFalse(isKept({ ...acp, checkpointRemote: true }))
    assert.isTrue(isKept({ ...acp, settings }))
    assert.isFalse(isKept(job))
  })

  it("mounts no folder that a uid could lead out of", () => {
    const settings = { ...job.settings, journalPVC: "runs" }
    for (const bad of ["../other", "a/b", "", undefined]) {
      const hostile = {
        ...job,
        settings,
        task: task("fix-620", { metadata: bad === undefined ? {} : { uid: bad } })
      }
      if (bad === undefined && hostile.task.metadata.uid !== undefined) continue
      assert.notInclude(JSON.stringify(coderJob(hostile)), "journals")
      assert.isFalse(isKept(hostile))
    }
  })

  it("takes image, account, deadline and resources from the Agent, each resource in place of its default", () => {
    const own = agent("coder", {
      spec: {
        execution: inJob({
          image: "own:1",
          serviceAccountName: "foreman-coder",
          activeDeadlineSeconds: 600,
          resources: { requests: { cpu: "8" }, limits: { "nvidia.com/gpu": "1" } }
        })
      }
    })
    const settings = { ...job.settings, resources: { requests: { cpu: "1", memory: "1Gi" }, limits: {} } }
    const pod = podOf({ agent: own, settings })
    assert.deepStrictEqual<unknown>(
      [pod.serviceAccountName, pod.containers[0]?.image, pod.containers[0]?.resources],
      [
        "foreman-coder",
        "own:1",
        {
          requests: { cpu: "8", memory: "1Gi" },
          limits: { cpu: "4", memory: "8Gi", "nvidia.com/gpu": "1" }
        }
      ]
    )
    const deadlines = [0, 60, 900].map(
      (timeoutSeconds) =>
        coderJob({ ...job, agent: own, task: task("t", { spec: { timeoutSeconds } }) }).spec
          .activeDeadlineSeconds
    )
    assert.deepStrictEqual(deadlines, [600, 60, 600])
  })

  it("is owned by its task in the same namespace only", () => {
    const ownersIn = (namespace: string) => {
      const { metadata } = coderJob({ ...job, namespace })
      return "ownerReferences" in metadata ? metadata.ownerReferences : undefined
    }
    assert.deepStrictEqual<unknown>(
      [ownersIn("foreman-system"), ownersIn("default")],
      [
        undefined,
        [
          {
            apiVersion: "foreman.llmkube.dev/v1alpha1",
            kind: "AgenticTask",
            name: "fix-620",
            uid,
            controller: true
          }
        ]
      ]
    )
  })

  it("carries what flags say as arguments, dollar signs and all", () => {
    const author = { name: "$(HOME) $$ 'Bot'", email: "bot@example.com" }
    const { args = [] } = coderOf({ gitRemoteURL: "file:///srv/$x.git", author, committer: author })
    assert.deepStrictEqual(
      args.slice(7).map((word) => expand(word, { HOME: "expanded" })),
      [
        "--git-remote-url=file:///srv/$x.git",
        "--commit-author-name=$(HOME) $$ 'Bot'",
        "--commit-author-email=bot@example.com",
        "--commit-committer-name=$(HOME) $$ 'Bot'",
        "--commit-committer-email=bot@example.com"
      ]
    )
  })

  it("mounts the model's Secret in the init container alone, which hands the token over in memory", () => {
    const pod = podOf({ settings: { ...job.settings, modelSecret: "model-auth" } })
    const mounts = (container: { readonly volumeMounts?: ReadonlyArray<{ readonly name: string }> }) =>
      container.volumeMounts?.map(({ name }) => name)
    assert.deepStrictEqual(
      [...(pod.initContainers ?? []), ...pod.containers].map((container) => [
        container.name,
        mounts(container)
      ]),
      [
        ["model-auth", ["model-auth", "model-token"]],
        ["coder", ["workspace", "scratch", "git-credentials", "model-token"]]
      ]
    )
    assert.deepStrictEqual<unknown>(
      pod.volumes?.filter(({ name }) => name.startsWith("model-")),
      [
        { name: "model-auth", secret: { secretName: "model-auth", optional: true, defaultMode: 0o444 } },
        { name: "model-token", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }
      ]
    )
  })
})

describe("coderJobName", () => {
  it.each([
    ["fix-620", "foreman-coder-fix-620-1750000000000"],
    ["x".repeat(200), `foreman-coder-${"x".repeat(35)}-1750000000000`],
    ["A_b..C", "foreman-coder-a-b-c-1750000000000"],
    ["___", "foreman-coder-task-1750000000000"]
  ])("names the Job of %s with its whole suffix", (name, expected) => {
    assert.strictEqual(coderJobName(name, "1750000000000"), expected)
    assert.isAtMost(expected.length, 63)
  })
})
