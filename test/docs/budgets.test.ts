import { readFileSync } from "node:fs"
import { resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parseAllDocuments } from "yaml"

import { Agent, AgentSpec } from "../../schema/Agent.ts"
import { AgenticTask } from "../../schema/AgenticTask.ts"
import { Workload } from "../../schema/Workload.ts"
import { validate } from "../../src/decide/agent.ts"
import { acceptedTask, acceptedWorkload } from "../../src/decide/unread.ts"
import { toolNames } from "../../src/tools/catalog.ts"

const text = readFileSync(resolve(import.meta.dirname, "..", "..", "docs", "budgets.md"), "utf8")
const manifests = Array.from(text.matchAll(/^```yaml\n(.*?)^```/gmsu), ([, block = ""]) => block)
  .flatMap((block) => parseAllDocuments(block))
  .map((document): unknown => document.toJS())
const ofKind = (kind: string): unknown =>
  manifests.find((it) => typeof it === "object" && it !== null && "kind" in it && it.kind === kind)

/** As an API server would not take it: a key that the kind does not have. */
const strict = { onExcessProperty: "error" } as const

describe("docs/budgets.md", () => {
  it("shows manifests that are read as they are written, each field with its effect", () => {
    const agent = Schema.decodeUnknownSync(Agent)(ofKind("Agent"))
    const { spec } = ofKind("Agent") as { readonly spec: unknown }
    Schema.decodeUnknownSync(AgentSpec)(spec, strict)
    assert.strictEqual(validate(agent, toolNames).reason, "ConfigComplete")
    assert.deepStrictEqual(acceptedTask(Schema.decodeUnknownSync(AgenticTask)(ofKind("AgenticTask"))), [])
    assert.deepStrictEqual(acceptedWorkload(Schema.decodeUnknownSync(Workload)(ofKind("Workload"))), [])
  })
})
