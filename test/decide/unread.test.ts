import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

import { foremanResources, openAPIV3Schema } from "../../schema/Crd.ts"
import { statusFor } from "../../src/decide/taskStatus.ts"
import { Decision } from "../../src/decide/decision.ts"
import { acceptedTask, acceptedWorkload, unread, unreadFields } from "../../src/decide/unread.ts"
import { agent, epoch, task, workload } from "../builders.ts"

/** Who reads a field, by its path or by a folder of paths; a longer one goes before a shorter. */
const payloadReaders = {
  repo: "src/decide/source.ts",
  issue: "src/decide/prompt.ts",
  branch: "src/executors/checkout.ts",
  prompt: "src/executors/prepare.ts",
  agent: "src/executors/StubExecutor.ts",
  baseBranch: "src/executors/checkout.ts",
  "gateAdvisories[].check": "src/decide/prompt.ts",
  "gateAdvisories[].detail": "src/decide/prompt.ts",
  allowOverwrite: "src/executors/publish.ts",
  reviseFromBranch: "src/executors/checkout.ts",
  promptPrefix: "src/decide/prompt.ts",
  branchStrategy: "src/executors/checkout.ts",
  paths: "src/decide/locks.ts"
}
const profileReaders = {
  language: "src/gate/checks.ts",
  image: "src/gate/checks.ts",
  commands: "src/gate/checks.ts"
}
const capabilityReaders = {
  minRAMGB: "src/decide/fit.ts",
  minContextTokens: "src/decide/fit.ts",
  accelerator: "src/decide/fit.ts",
  nodeSelector: "src/decide/fit.ts",
  roles: "src/decide/fit.ts",
  requiresModelInstalled: "src/decide/fit.ts"
}
const limitReaders = {
  tokens: "src/decide/limits.ts",
  outputTokens: "src/decide/limits.ts",
  cost: "src/decide/limits.ts",
  currency: "src/decide/limits.ts",
  modelSeconds: "src/decide/limits.ts",
  wallSeconds: "src/loop/budget.ts"
}
const priceReaders = {
  currency: "src/decide/spend.ts",
  input: "src/decide/spend.ts",
  output: "src/decide/spend.ts",
  cached: "src/decide/spend.ts",
  reasoning: "src/decide/spend.ts",
  hardwarePerHour: "src/decide/spend.ts"
}
const under = (path: string, readers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(readers).map(([name, file]) => [`${path}.${name}`, file]))

const readers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  AgenticTask: {
    "spec.kind": "src/decide/locks.ts",
    "spec.modelRef": "src/decide/fit.ts",
    "spec.agentRef": "src/decide/readiness.ts",
    ...under("spec.requiredCapability", capabilityReaders),
    ...under("spec.payload", payloadReaders),
    "spec.timeoutSeconds": "src/node/run.ts",
    "spec.dependsOn": "src/decide/dependencies.ts",
    "spec.priority": "src/decide/order.ts",
    ...under("spec.gateProfile", profileReaders),
    ...under("spec.approvals[]", {
      rule: "src/gate/approval.ts",
      path: "src/gate/approval.ts",
      reason: "src/gate/approval.ts",
      commit: "src/gate/approval.ts",
      by: "src/gate/approval.ts"
    }),
    "spec.verdictPolicy.selfGO": "src/executors/ownGate.ts",
    ...under("spec.limits", limitReaders)
  },
  Workload: {
    "spec.intent": "src/decide/issueBatch.ts",
    "spec.repo": "src/decide/workload.ts",
    "spec.maxTasks": "src/decide/workload.ts",
    "spec.pipeline[].name": "src/decide/workload.ts",
    "spec.pipeline[].kind": "src/decide/workload.ts",
    "spec.pipeline[].agentRef": "src/decide/workload.ts",
    ...under("spec.pipeline[].payload", payloadReaders),
    "spec.pipeline[].dependsOn": "src/decide/workload.ts",
    "spec.pipeline[].timeoutSeconds": "src/node/run.ts",
    "spec.pipeline[].priority": "src/decide/order.ts",
    ...under("spec.pipeline[].limits", limitReaders),
    ...under("spec.pipeline[].gateProfile", profileReaders),
    "spec.issues": "src/decide/issueBatch.ts",
    "spec.coderAgentRef": "src/decide/issueBatch.ts",
    "spec.verifierAgentRef": "src/decide/issueBatch.ts",
    "spec.reviewerAgentRefs": "src/decide/issueBatch.ts",
    "spec.allowCloudReviewers": "src/decide/workload.ts",
    ...under("spec.gateProfile", profileReaders),
    "spec.allowOverwrite": "src/decide/workload.ts",
    "spec.verdictPolicy": "src/decide/workload.ts",
    ...under("spec.limits", limitReaders)
  },
  Agent: {
    "spec.role": "src/executors/checkout.ts",
    "spec.executor": "src/decide/executor.ts",
    ...under("spec.acp", {
      command: "src/decide/acp.ts",
      "env[].name": "src/decide/acp.ts",
      "env[].value": "src/decide/acp.ts",
      "permissions.policy": "src/decide/acp.ts",
      "permissions.allow": "src/decide/acp.ts"
    }),
    "spec.model": "src/executors/modelEndpoint.ts",
    "spec.inferenceServiceRef": "src/executors/modelEndpoint.ts",
    "spec.systemPrompt": "src/decide/prompt.ts",
    "spec.temperature": "src/executors/NativeExecutor.ts",
    "spec.maxTurns": "src/executors/NativeExecutor.ts",
    "spec.maxRetries": "src/executors/NativeExecutor.ts",
    "spec.requestTimeoutSeconds": "src/executors/NativeExecutor.ts",
    "spec.requestTurnTimeoutSeconds": "src/executors/NativeExecutor.ts",
    "spec.bashTimeoutSeconds": "src/executors/NativeExecutor.ts",
    "spec.tools": "src/executors/NativeExecutor.ts",
    ...under("spec.requiredCapability", capabilityReaders),
    "spec.provider": "src/executors/modelEndpoint.ts",
    "spec.providerConfig.baseURL": "src/executors/modelEndpoint.ts",
    "spec.providerConfig.model": "src/executors/modelEndpoint.ts",
    ...under("spec.execution", {
      mode: "src/decide/executor.ts",
      image: "src/decide/coderJob.ts",
      serviceAccountName: "src/decide/coderJob.ts",
      activeDeadlineSeconds: "src/decide/coderJob.ts",
      "resources.requests": "src/decide/coderJob.ts",
      "resources.limits": "src/decide/coderJob.ts"
    }),
    ...Object.fromEntries(
      ["spec", "spec.providerConfig", "spec.fallbackEndpoints[]"].flatMap((path) =>
        ["name", "key", "optional"].map((name) => [
          `${path}.apiKeySecretRef.${name}`,
          "src/executors/modelEndpoint.ts"
        ])
      )
    ),
    "spec.contextWindowTokens": "src/executors/contextWindow.ts",
    ...under("spec.stuckLoopDetection", {
      repeatedToolThreshold: "src/decide/stuck.ts",
      editFreeTurnsLimit: "src/decide/stuck.ts",
      contextSoftCap: "src/decide/stuck.ts",
      contextHardCap: "src/decide/stuck.ts"
    }),
    "spec.maxOutputTokens": "src/executors/NativeExecutor.ts",
    "spec.chatTemplateKwargs": "src/executors/NativeExecutor.ts",
    "spec.maxConcurrentTasks": "src/decide/capacity.ts",
    "spec.endpointSlots": "src/decide/capacity.ts",
    "spec.fallbackEndpoints[].baseURL": "src/executors/modelEndpoint.ts",
    "spec.fallbackEndpoints[].model": "src/executors/modelEndpoint.ts",
    ...under("spec.fallbackEndpoints[].prices", priceReaders),
    ...under("spec.prices", priceReaders),
    ...under("spec.limits", limitReaders),
    ...under("spec.limitsPerDay", limitReaders)
  }
}

interface Field {
  readonly properties?: Readonly<Record<string, Field>>
  readonly items?: Field
}

/** Every path at which a manifest may say something. */
const pathsOf = (field: Field, path: string): ReadonlyArray<string> => {
  if (field.items?.properties !== undefined) return pathsOf(field.items, `${path}[]`)
  return field.properties === undefined
    ? [path]
    : Object.entries(field.properties).flatMap(([name, inner]) => pathsOf(inner, `${path}.${name}`))
}
const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}.`) || path.startsWith(`${folder}[]`)

/** The code of a file, without its comments and its texts. */
const codeOf = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")
    .replace(/\/\*[\s\S]*?\*\//gu, "")
    .replace(/\/\/.*$/gmu, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/gu, '""')

const kinds = ["Agent", "AgenticTask", "Workload"] as const

describe.each(kinds)("no field of %s without effect", (kind) => {
  const resource = foremanResources.find((it) => it.kind === kind)
  const schema = resource && (openAPIV3Schema(resource) as unknown as { properties: { spec: Field } })
  const paths = schema === undefined ? [] : pathsOf(schema.properties.spec, "spec")
  const known = readers[kind] ?? {}

  it("each is read by somebody, or is said to be unread, and never both", () => {
    assert.isAbove(paths.length, 20)
    const isUnread = (path: string) => unread[kind].some((folder) => isWithin(path, folder))
    const isRead = (path: string) => Object.keys(known).some((folder) => isWithin(path, folder))
    assert.deepStrictEqual(
      paths.filter((path) => isRead(path) === isUnread(path)),
      []
    )
    for (const path of [...unread[kind], ...Object.keys(known)]) {
      assert.isTrue(
        paths.some((it) => isWithin(it, path)),
        `${path} is no field of ${kind}`
      )
    }
  })

  it("who is said to read one does", () => {
    const wrong = Object.entries(known).filter(([path, file]) => {
      const name = /[^.[\]]+(?=(?:\[\])?$)/u.exec(path)?.[0] ?? path
      return !new RegExp(`\\b${name}\\b`, "u").test(codeOf(file))
    })
    assert.deepStrictEqual(wrong, [])
  })
})

describe("what is set in vain", () => {
  const branchStrategy = "reset" as const
  const nameOf = (updates: ReturnType<typeof acceptedTask>) =>
    updates.map(({ message, reason, status }) => `${status} ${reason} ${message.split(";")[0]}`)

  it("is said of a task that names it, with its path, and of nothing else", () => {
    assert.deepStrictEqual(acceptedTask(task("t")), [])
    assert.deepStrictEqual(acceptedTask(task("t", { spec: { mcpEnabled: false } })), [])
    const payload = { branchStrategy, slices: [{ name: "a" }], branchPrefix: "" }
    assert.deepStrictEqual(nameOf(acceptedTask(task("t", { spec: { payload, mcpEnabled: true } }))), [
      "False NotImplemented has no effect yet: spec.payload.slices, spec.mcpEnabled"
    ])
  })

  it("is said of a Workload, down to the step that sets it, and not of the tasks that it made", () => {
    const agentRef = { name: "a" }
    const step = (name: string, contract: string) =>
      ({ name, kind: "freeform", agentRef, payload: { branchStrategy, contract } }) as const
    const it = workload("w", { spec: { pipeline: [step("a", ""), step("b", "c")], maxReviewIterations: 0 } })
    assert.deepStrictEqual(nameOf(acceptedWorkload(it)), [
      "False NotImplemented has no effect yet: spec.pipeline[1].payload.contract"
    ])
    const made = task("w-b", {
      metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Workload", name: "w", uid: "u" }] },
      spec: { payload: { branchStrategy, contract: "c" } }
    })
    assert.deepStrictEqual(acceptedTask(made), [])
  })

  it("is said of an Agent only where it asks for something", () => {
    assert.deepStrictEqual(unreadFields(agent("a", { spec: { mcp: { enabled: false } } })), [])
    assert.deepStrictEqual(unreadFields(agent("a", { spec: { mcp: { enabled: true } } })), ["spec.mcp"])
  })

  it("goes with the write that places the task, which runs all the same; taken back once it is gone", () => {
    const vain = task("t", { spec: { mcpEnabled: true } })
    const placed = statusFor(vain, Decision.Assign({ node: "n" }), epoch)
    assert.strictEqual(placed?.phase, "Scheduled")
    assert.deepStrictEqual(
      placed?.conditions?.map(({ status, type }) => [type, status]),
      [
        ["Scheduled", "True"],
        ["Accepted", "False"]
      ]
    )
    const mended = task("t", { status: { phase: "Pending", conditions: placed?.conditions ?? [] } })
    assert.deepStrictEqual(
      statusFor(mended, Decision.Assign({ node: "n" }), epoch)?.conditions?.map(({ status }) => status),
      ["True", "True"]
    )
  })
})
