import { readFileSync } from "node:fs"
import { resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parse } from "yaml"

import { Agent, AgentSpec } from "../../schema/Agent.ts"
import { launchOf } from "../../src/decide/acp.ts"
import { validate } from "../../src/decide/agent.ts"
import { toolNames } from "../../src/tools/catalog.ts"

const text = readFileSync(resolve(import.meta.dirname, "../../docs/agents.md"), "utf8")
const [, block = ""] = /^```yaml\n(.*?)^```/msu.exec(text) ?? []

describe("docs/agents.md", () => {
  it("shows an Agent that is read as it is written, each field with its effect", () => {
    const manifest: { readonly spec?: unknown } = parse(block)
    const agent = Schema.decodeUnknownSync(Agent)(manifest)
    Schema.decodeUnknownSync(AgentSpec)(manifest.spec, { onExcessProperty: "error" })
    assert.strictEqual(validate(agent, toolNames).reason, "ConfigComplete")
    assert.isDefined(agent.spec.acp)
    if (agent.spec.acp === undefined) return
    const { env } = launchOf(agent.spec.acp, {
      origin: "http://127.0.0.1:4141",
      key: "foreman",
      model: "qwen",
      windowTokens: 32_768
    })
    assert.deepInclude(JSON.parse(env["OPENCODE_CONFIG_CONTENT"] ?? ""), { model: "foreman/qwen" })
  })
})
