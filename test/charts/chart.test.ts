import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, expect, it } from "@effect/vitest"
import { Result } from "effect"
import { parse } from "yaml"

import manifest from "../../package.json" with { type: "json" }
import { parseOptions } from "../../programs/agentOptions.ts"
import { chart, found, helm, render, type Rendered, renderText } from "./helm.ts"
import { releases } from "./releases.ts"

const root = join(chart, "..", "..")
const all = "path" in found ? Object.values(releases).flatMap((release) => render(release)) : []
const ofKind = (manifests: ReadonlyArray<Rendered>, kind: string) =>
  manifests.filter((one) => one.kind === kind)
const nameOf = ({ kind, metadata }: Rendered) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`

describe.skipIf("missing" in found)("the chart", () => {
  it("passes helm lint without a warning", () => {
    const { status, stdout } = helm("lint", "--strict", chart)
    assert.deepStrictEqual([status, stdout.includes("[WARNING]")], [0, false])
  })

  it.each(Object.keys(releases))("renders the golden manifests of %s", async (name) => {
    await expect(renderText(releases[name])).toMatchFileSnapshot(`golden/${name}.golden`)
  })

  it("is of the version that the programs and the images are of", () => {
    const { version, appVersion } = parse(readFileSync(join(chart, "Chart.yaml"), "utf8"))
    const images = ofKind(render(releases["default"]), "Deployment").map(
      ({ spec }) => spec.template.spec.containers[0].image
    )
    assert.deepStrictEqual(
      [version, appVersion, ...images],
      [manifest.version, manifest.version, `foreman:${manifest.version}`, `foreman:${manifest.version}`]
    )
  })

  it("puts every object where its release says, and never leaves that to the client", () => {
    const clusterWide = [
      "ClusterRole",
      "ClusterRoleBinding",
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionPolicyBinding"
    ]
    const lost = all.filter(
      ({ kind, metadata }) => clusterWide.includes(kind) !== (metadata.namespace === undefined)
    )
    assert.deepStrictEqual(lost.map(nameOf), [])
    const names = render(releases["pools"]).map(nameOf)
    assert.deepStrictEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      []
    )
  })

  it("keeps names and labels within 63 characters for a long release name", () => {
    const manifests = render({ name: `f${"o".repeat(51)}r`, values: { crds: { install: false } } })
    const words = manifests.flatMap(({ metadata }) => [
      metadata.name,
      ...Object.values(metadata.labels ?? {})
    ])
    assert.deepStrictEqual(
      words.filter((word) => word.length > 63),
      []
    )
  })

  it("runs without a gate cache when that is disabled", () => {
    const manifests = render(releases["verifier"])
    const [agent] = ofKind(manifests, "Deployment").filter(({ metadata }) => metadata.name.endsWith("-agent"))
    const kinds = manifests.map(({ kind }) => kind)
    assert.deepStrictEqual(
      [
        kinds.includes("PersistentVolumeClaim"),
        kinds.includes("Job"),
        agent?.spec.template.spec.containers[0].args.some((arg: string) => arg.includes("cache"))
      ],
      [false, false, false]
    )
  })

  it("gives the Job that binds a cache another name where its template is another, for a Job cannot be changed", () => {
    const bind = (values: object) => {
      const [job] = ofKind(render({ values: { crds: { install: false }, ...values } }), "Job").filter(
        ({ metadata }) => metadata.name.includes("-bind-")
      )
      return { name: job?.metadata.name, template: JSON.stringify(job?.spec.template) }
    }
    const others = [
      { imagePullSecrets: [{ name: "pull" }] },
      { agent: { image: { pullPolicy: "Always" } } },
      { agent: { image: { tag: "other" } } }
    ]
    for (const values of others) {
      assert.notStrictEqual(bind(values).template, bind({}).template)
      assert.notStrictEqual(bind(values).name, bind({}).name)
    }
  })

  it("gives each pool its own Deployment, account and cache, and none to one that is disabled", () => {
    const manifests = render(releases["pools"])
    const names = (kind: string) => ofKind(manifests, kind).map(({ metadata }) => metadata.name)
    assert.deepStrictEqual(
      [names("Deployment"), names("ServiceAccount"), names("PersistentVolumeClaim")].map((list) =>
        list.toSorted()
      ),
      [
        ["prod-foreman-gpu-agent", "prod-foreman-operator", "prod-foreman-verify-agent"],
        [
          "foreman-coder",
          "prod-foreman-gpu-agent",
          "prod-foreman-operator",
          "prod-foreman-test",
          "prod-foreman-verify-agent"
        ],
        ["prod-foreman-verify-gate-cache"]
      ]
    )
  })

  it("starts a daemon that understands every flag it is given", () => {
    const [gpu] = ofKind(render(releases["pools"]), "Deployment").filter(
      ({ metadata }) => metadata.name === "prod-foreman-gpu-agent"
    )
    const env = { FLEET_NODE_NAME: "host-1-gpu", HOME: "/tmp", GITHUB_TOKEN: "t" }
    const options = Result.getOrThrow(parseOptions(gpu?.spec.template.spec.containers[0].args, env))
    const { identity, mode, runner, slots, stated } = options
    const { coder, foremanNamespace, gitSecret, inferenceBaseURLOverride, workspaceRoot } = runner
    const { gateCachePVC, gateDeadlineSeconds, gateImage, gateResources, gateToolchainImage } = runner
    const said = { identity, mode, slots, stated, workspaceRoot, foremanNamespace }
    const gates = { gateCachePVC, gateDeadlineSeconds, gateImage, gateResources, gateToolchainImage }
    const builder = `foreman-builder:${manifest.version}`
    const limits = { cpu: "4", memory: "8Gi" }
    assert.deepStrictEqual(
      { ...said, ...gates, coder, gitSecret, inferenceBaseURLOverride },
      {
        identity: {
          nodeName: "host-1-gpu",
          tailscaleAddr: undefined,
          roles: ["worker"],
          labels: { "acme.io/rack": "a7" },
          taskNamespace: "team-a"
        },
        mode: "native",
        slots: 2,
        stated: { accelerator: "cuda", totalRAMGB: 64, installedModels: ["qwen", "gemma"], slots: 2 },
        workspaceRoot: "/workspace",
        foremanNamespace: "jobs",
        gateCachePVC: undefined,
        gateDeadlineSeconds: 600,
        gateImage: "mirror/foreman:1.2.3",
        gateResources: { requests: { cpu: "500m", memory: "3968Mi" }, limits },
        gateToolchainImage: builder,
        coder: {
          image: builder,
          modelSecret: "model-auth",
          journalPVC: "runs",
          resources: { requests: { cpu: "2", memory: "4Gi" }, limits }
        },
        gitSecret: { name: "push", key: "TOKEN" },
        inferenceBaseURLOverride: "http://models:8080/v1"
      }
    )
  })
})

describe.skipIf("missing" in found)("values", () => {
  const refusalOf = (values: object): string => {
    try {
      renderText({ values })
      return "accepted"
    } catch (error) {
      return String(error)
    }
  }

  it.each([
    ["a misspelt key", { agent: { mod: "native" } }, "mod"],
    ["an unknown section", { webhook: { enabled: true } }, "webhook"],
    ["an unknown mode", { agent: { mode: "real" } }, "agent.mode"],
    ["an unknown accelerator", { agent: { accelerator: "rocm" } }, "agent.accelerator"],
    ["no role at all", { agent: { roles: [] } }, "agent.roles"],
    ["a number as text", { operator: { replicaCount: "2" } }, "operator.replicaCount"],
    [
      "several operators without election",
      { operator: { replicaCount: 2, leaderElection: { enabled: false } } },
      "operator.leaderElection.enabled"
    ],
    ["a misspelt key of a pool", { agents: { gpu: { role: "x" } } }, "agents.gpu"],
    ["a deadline too short to judge in", { gate: { deadlineSeconds: 30 } }, "gate.deadlineSeconds"],
    [
      "a range that is none",
      { networkPolicies: { additionalEgressCIDRs: ["any"] } },
      "additionalEgressCIDRs"
    ],
    ["a claim that is not a name", { coder: { journalClaim: "../x" } }, "coder.journalClaim"],
    ["a label with a comma", { agent: { nodeLabels: { a: "b,c=d" } } }, "agent.nodeLabels"],
    ["a URL with a blank", { agent: { gitRemoteURL: "https://x/ --y" } }, "agent.gitRemoteURL"]
  ])("with %s are refused by name", (_, values, word) => {
    assert.include(refusalOf(values), word)
  })

  it("of a release that was made before some of them existed still render", () => {
    const newer = Object.fromEntries(
      [
        "crds",
        "foreman",
        "gate",
        "coder",
        "networkPolicies",
        "agents",
        "taskNamespaces",
        "apiKeySecrets"
      ].map((key) => [key, null])
    )
    const agent = { slots: null, totalRAMGB: null, accelerator: null, workspaceDir: null, nodeLabels: null }
    const operator = { podDisruptionBudget: null, metrics: { serviceMonitor: null, alerts: null } }
    const kinds = ofKind(render({ values: { ...newer, agent, operator } }), "Deployment")
    assert.deepStrictEqual(
      kinds.map(({ metadata }) => metadata.name),
      ["foreman-agent", "foreman-operator"]
    )
  })
})

describe.skipIf("missing" in found)("the definitions of Foreman's kinds", () => {
  it("are those of crds/, and outlive the release", () => {
    const files = readdirSync(join(root, "crds"))
      .filter((name) => name.endsWith(".yaml"))
      .toSorted()
    const written = files.map((file) => {
      const crd = parse(readFileSync(join(root, "crds", file), "utf8"))
      const annotations = { "helm.sh/resource-policy": "keep" }
      return { ...crd, metadata: { ...crd.metadata, annotations } }
    })
    const rendered = ofKind(render(), "CustomResourceDefinition")
    assert.deepStrictEqual(
      rendered.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
      written.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    )
  })

  it("are left to others when crds.install is false", () => {
    assert.deepStrictEqual(ofKind(render(releases["default"]), "CustomResourceDefinition"), [])
  })
})
