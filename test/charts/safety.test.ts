import { assert, describe, it } from "@effect/vitest"

import { coderJob } from "../../src/decide/coderJob.ts"
import { gateJob } from "../../src/gate/manifest.ts"
import { agent, task } from "../builders.ts"
import { found, render, type Rendered, type Rule } from "./helm.ts"
import { releases } from "./releases.ts"

const manifests = "path" in found ? Object.values(releases).flatMap((release) => render(release)) : []

/** What Pod Security's `restricted` refuses about a pod, in words. */
const violations = (spec: any): ReadonlyArray<string> => {
  const pod = spec.securityContext ?? {}
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const allowed = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"]
  const volumes = [...allowed, "persistentVolumeClaim", "projected", "secret"]
  return [
    ...["hostNetwork", "hostPID", "hostIPC"].filter((key) => spec[key] === true),
    ...(spec.volumes ?? []).flatMap(({ name, ...source }: Record<string, unknown>) =>
      Object.keys(source).every((key) => volumes.includes(key)) ? [] : [`volume ${String(name)}`]
    ),
    ...containers.flatMap((container) => {
      const own = container.securityContext ?? {}
      const kept = { ...pod, ...own }
      return [
        own.allowPrivilegeEscalation === false ? [] : ["allowPrivilegeEscalation"],
        own.privileged === true ? ["privileged"] : [],
        own.capabilities?.drop?.includes("ALL") === true && own.capabilities.add === undefined
          ? []
          : ["capabilities"],
        kept.runAsNonRoot === true && kept.runAsUser !== 0 ? [] : ["runAsNonRoot"],
        kept.seccompProfile?.type === "RuntimeDefault" ? [] : ["seccompProfile"],
        (container.ports ?? []).some((port: any) => port.hostPort !== undefined) ? ["hostPort"] : []
      ]
        .flat()
        .map((what) => `${container.name}: ${what}`)
    })
  ]
}

const podOf = ({ kind, spec }: Rendered): unknown => (kind === "Pod" ? spec : spec?.template?.spec)

describe("Pod Security restricted", () => {
  it.skipIf("missing" in found)("takes every pod of the chart", () => {
    const pods = manifests.filter((one) => ["Deployment", "Job", "Pod"].includes(one.kind))
    assert.isAbove(pods.length, 5)
    assert.deepStrictEqual(
      pods.flatMap((one) => violations(podOf(one)).map((what) => `${one.metadata.name}: ${what}`)),
      []
    )
  })

  it("takes a gate's pod and a coder's", () => {
    const gate = gateJob({
      task: { namespace: "default", name: "gate-1" },
      suffix: "a-1",
      namespace: "foreman-system",
      gateImage: "foreman:1",
      toolchainImage: "tools:1",
      cachePVC: "cache",
      repo: "acme/widget",
      branch: "b",
      cloneURL: "https://example.com/acme/widget.git",
      gitSecret: { name: "git", key: "token" }
    })
    const coder = coderJob({
      task: task("code-1"),
      agent: agent("coder"),
      settings: { image: "foreman-builder:1", modelSecret: "model-auth", resources: {} },
      gitSecret: { name: "git", key: "token" },
      suffix: "a",
      namespace: "foreman-system",
      gitRemoteURL: undefined,
      author: undefined,
      committer: undefined
    })
    assert.deepStrictEqual(
      [gate, coder].flatMap(({ spec }) => violations(spec.template.spec)),
      []
    )
  })
})

describe.skipIf("missing" in found)("rights", () => {
  const rules = manifests.flatMap((one) =>
    (one.rules ?? []).map((rule: Rule) => ({
      ...rule,
      of: `${one.kind} ${one.metadata.name}`,
      kind: one.kind
    }))
  )

  it("name every group, resource and verb", () => {
    const wild = rules.filter(({ apiGroups, resources, verbs }) =>
      [...apiGroups, ...resources, ...verbs].some((word) => word.includes("*"))
    )
    assert.deepStrictEqual(wild, [])
  })

  it("read Secrets by name only, and never in the whole cluster", () => {
    const secrets = rules.filter(({ resources }) => resources.some((one) => one.startsWith("secrets")))
    assert.isAbove(secrets.length, 0)
    assert.deepStrictEqual(
      secrets.filter(
        ({ kind, resourceNames, verbs }) =>
          kind === "ClusterRole" || (resourceNames ?? []).length === 0 || verbs.join() !== "get"
      ),
      []
    )
  })

  it("let nobody make pods, change rights or speak as another", () => {
    const grave = ["pods", "pods/exec", "roles", "rolebindings", "clusterroles", "clusterrolebindings"]
    const reading = ["get", "list", "watch"]
    assert.deepStrictEqual(
      rules.filter(
        ({ resources, verbs }) =>
          verbs.some((verb) => ["impersonate", "escalate", "bind"].includes(verb)) ||
          (resources.some((one) => grave.includes(one)) && verbs.some((verb) => !reading.includes(verb)))
      ),
      []
    )
  })

  it("give a coder's pod no way to write a task or a Job", () => {
    const coder = manifests.filter(
      ({ kind, metadata }) => kind === "Role" && metadata.name.endsWith("-coder")
    )
    assert.deepStrictEqual(
      coder
        .flatMap((role) => role.rules ?? [])
        .filter(({ resources, verbs }) => verbs.some((verb) => !["get", "list"].includes(verb)) && resources)
        .map(({ resources, verbs }) => `${resources.join()} ${verbs.join()}`)
        .filter((line, index, lines) => lines.indexOf(line) === index),
      ["agentictasks/finalizers update", "configmaps create,patch"]
    )
  })

  it("in a task's namespace exist for each namespace that has tasks", () => {
    const roles = render(releases["pools"])
      .filter(({ kind }) => kind === "Role")
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    assert.deepStrictEqual(roles.toSorted(), [
      "jobs/prod-foreman-gpu-agent",
      "jobs/prod-foreman-operator",
      "jobs/prod-foreman-verify-agent",
      "team-a/prod-foreman-coder",
      "team-a/prod-foreman-gpu-agent-tasks",
      "team-c/prod-foreman-coder",
      "team-c/prod-foreman-gpu-agent-tasks",
      "team-c/prod-foreman-verify-agent-tasks"
    ])
  })
})
