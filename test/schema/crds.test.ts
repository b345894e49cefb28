import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { parse, parseAllDocuments } from "yaml"

import { AgenticTask } from "../../schema/AgenticTask.ts"
import { type Agent, AgentSpec } from "../../schema/Agent.ts"
import { foremanResources, inferenceResources, openAPIV3Schema, toCrd } from "../../schema/Crd.ts"
import { groupVersion } from "../../schema/Resource.ts"
import { validate } from "../../src/decide/agent.ts"
import { toolNames } from "../../src/tools/catalog.ts"

const root = join(import.meta.dirname, "..", "..")

/** Everything of a structural schema that a client can observe of a field, by path. */
const fields = (schema: any, path = ""): ReadonlyArray<readonly [string, any]> => [
  [path, schema],
  ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => fields(field, `${path}.${name}`)),
  ...(schema.items === undefined ? [] : fields(schema.items, `${path}[]`))
]

const fieldOf = (kind: string, path: string): any => {
  const resource = foremanResources.find((resource) => resource.kind === kind)!
  return new Map(fields(openAPIV3Schema(resource))).get(path)
}

describe("crds/", () => {
  it("holds what the schemas say, to the byte", () => {
    for (const resource of foremanResources) {
      const text = readFileSync(join(root, "crds", `${resource.group}_${resource.plural}.yaml`), "utf8")
      assert.deepStrictEqual(parse(text), toCrd(resource), resource.kind)
    }
    const files = readdirSync(join(root, "crds")).filter((name) => name.endsWith(".yaml"))
    assert.strictEqual(files.length, foremanResources.length)
  })

  it("has the short names, scopes and columns of the contract", () => {
    const table = Object.fromEntries(
      foremanResources.map(({ kind, shortNames, namespaced, columns }) => [
        kind,
        `${shortNames.join()} ${namespaced ? "namespaced" : "cluster"}: ${columns.map(({ name }) => name).join(", ")}`
      ])
    )
    assert.deepStrictEqual(table, {
      Workload: "wl namespaced: Phase, Repo, Tasks, Failed, Age",
      AgenticTask: "at namespaced: Phase, Kind, Node, Verdict, Age",
      Agent: "ag namespaced: Role, Model, InferenceService, Validated, Age",
      FleetNode: "fn cluster: Phase, Accelerator, RAM, Current Task, Heartbeat, Age",
      AgentRelease: "agr cluster: Phase, Version, Approved, Updated, Age",
      ModelProfile: "mp cluster: Reads-Restricted, Age"
    })
  })

  it.each([
    [
      "AgenticTask",
      ".spec.kind",
      { enum: ["issue-fix", "verify", "review", "freeform", "integrate", "reconcile"] }
    ],
    ["AgenticTask", ".spec.payload.issue", { type: "integer", format: "int32", minimum: 1 }],
    ["AgenticTask", ".spec.timeoutSeconds", { minimum: 0 }],
    ["AgenticTask", ".spec.dependsOn", { type: "array", items: { type: "string" } }],
    [
      "AgenticTask",
      ".spec.requiredCapability.accelerator",
      { default: "any", enum: ["metal", "cuda", "vulkan", "any"] }
    ],
    [
      "AgenticTask",
      ".status.verdict",
      { enum: ["GO", "NO-GO", "INCOMPLETE", "GATE-PASS", "GATE-FAIL", "GATE-ERROR", "Skipped"] }
    ],
    ["AgenticTask", ".status.result", { "x-kubernetes-preserve-unknown-fields": true }],
    [
      "AgenticTask",
      ".status.conditions",
      { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] }
    ],
    ["AgenticTask", ".status", { "x-kubernetes-map-type": "atomic" }],
    ["FleetNode", ".status", { "x-kubernetes-map-type": "atomic" }],
    ["Agent", ".spec.maxTurns", { default: 50, minimum: 1, maximum: 500 }],
    ["Agent", ".spec.maxRetries", { default: 3, minimum: 0, maximum: 20 }],
    ["Agent", ".spec.tools", { minItems: 1 }],
    ["Agent", ".spec.execution.mode", { default: "InProcess", enum: ["InProcess", "Job"] }],
    ["Agent", ".spec.provider", { default: "local", enum: ["local", "cloud-proxy"] }],
    ["FleetNode", ".status.phase", { enum: ["Ready", "Draining", "NotReady", "Unknown"] }],
    ["FleetNode", ".status.updateRequest.sha256", { pattern: "^[0-9a-f]{64}$" }],
    ["Workload", ".spec.intent", { minLength: 1 }],
    ["Workload", ".spec.pipeline[].name", { pattern: "^[a-z0-9][a-z0-9-]*$" }],
    ["Workload", ".status.phase", { enum: ["Planning", "Planned", "Dispatched", "Completed", "Failed"] }]
  ])("%s %s is as contracted", (kind, path, expected) => {
    const field = fieldOf(kind, path)
    for (const [key, value] of Object.entries(expected)) {
      const found = key === "items" ? { type: field.items.type } : field[key]
      assert.deepStrictEqual(found, value, key)
    }
  })

  it("describes every field, because that is what kubectl explain says", () => {
    const silent = foremanResources.flatMap((resource) =>
      fields(openAPIV3Schema(resource))
        .filter(
          ([path, field]) => !path.endsWith("[]") && path !== ".metadata" && field.description === undefined
        )
        .map(([path]) => `${resource.kind}${path}`)
    )
    assert.deepStrictEqual(silent, [])
  })

  it("lets a node's daemon select its own tasks on the server", () => {
    const tasks = foremanResources.find(({ kind }) => kind === "AgenticTask")!
    assert.include(tasks.selectableFields, ".status.assignedNode")
  })
})

describe("kinds", () => {
  it.effect("dependsOn takes names; an object with a name is refused", () =>
    Effect.gen(function* () {
      const task = (dependsOn: unknown) => ({
        metadata: { name: "t" },
        spec: { kind: "verify", payload: {}, dependsOn }
      })
      const decoded = yield* Schema.decodeUnknownEffect(AgenticTask)(task(["code"]))
      assert.deepStrictEqual(decoded.spec.dependsOn, ["code"])
      const error = yield* Schema.decodeUnknownEffect(AgenticTask)(task([{ name: "code" }])).pipe(Effect.flip)
      assert.include(error.message, `["dependsOn"][0]`)
    })
  )

  it.each([
    ["0", true],
    ["0.2", true],
    ["2", true],
    ["2.0", true],
    ["2.9", false],
    ["-1", false],
    [".5", false]
  ])("a temperature of %s is taken: %s", (temperature, isTaken) => {
    const decoded = Schema.decodeUnknownExit(AgentSpec)({ role: "coder", tools: ["bash"], temperature })
    assert.strictEqual(decoded._tag, isTaken ? "Success" : "Failure")
  })
})

describe("examples/", () => {
  const files = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      // What `foreman simulate` reads is no manifest, and a workflow is none.
      name.endsWith(".yaml") && !/^(?:simulate|ci)\//u.test(name)
  )
  it.effect.each(files)("%s decodes", (file) =>
    Effect.forEach(parseAllDocuments(readFileSync(join(root, "examples", file), "utf8")), (document) => {
      const { apiVersion, kind, ...object } = document.toJS()
      const resource = [...foremanResources, ...inferenceResources].find(
        (resource) => resource.kind === kind && groupVersion(resource) === apiVersion
      )
      assert.isDefined(resource, `${apiVersion} ${kind}`)
      return Schema.decodeUnknownEffect(resource!.schema as Schema.Codec<unknown>)(object, {
        onExcessProperty: "error"
      }).pipe(
        Effect.map((decoded) => {
          const judged = kind === "Agent" ? validate(decoded as Agent, toolNames) : undefined
          assert.notStrictEqual(judged?.status, "False", judged?.message)
        })
      )
    })
  )
})
