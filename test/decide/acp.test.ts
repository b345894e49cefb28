import { assert, describe, it } from "@effect/vitest"

import type { AgentSpec } from "../../schema/Agent.ts"
import { expanded, isPermitted, launchOf } from "../../src/decide/acp.ts"
import { validate } from "../../src/decide/agent.ts"
import { chooseExecutor } from "../../src/decide/executor.ts"
import { submissionOf } from "../../src/decide/messageSubmission.ts"
import { toolNames } from "../../src/tools/catalog.ts"
import { agent } from "../builders.ts"

const acp = { command: ["opencode", "acp"] }
const access = { origin: "http://127.0.0.1:4141", key: "foreman", model: "qwen", windowTokens: 32_768 }

describe("expanded", () => {
  for (const [text, expected] of [
    ["$(A)/$(B)", "one/two"],
    ["$$(A)", "$(A)"],
    ["$(C) $A $()", "$(C) $A $()"],
    ["$(A", "$(A"]
  ] as const) {
    it(`${text} becomes ${expected}`, () =>
      assert.strictEqual(expanded(text, { A: "one", B: "two" }), expected))
  }
})

describe("launchOf", () => {
  it("gives the agent its model, and what its author adds", () => {
    const { command, env } = launchOf(
      {
        command: ["agent", "--url=$(FOREMAN_MODEL_URL)", "$(EXTRA)"],
        env: [{ name: "EXTRA", value: "$(FOREMAN_MODEL)@$(FOREMAN_MODEL_CONTEXT)" }, { name: "EMPTY" }]
      },
      access
    )
    assert.deepStrictEqual(command, ["agent", "--url=http://127.0.0.1:4141/v1", "qwen@32768"])
    assert.deepStrictEqual(env, {
      OPENAI_BASE_URL: "http://127.0.0.1:4141/v1",
      OPENAI_API_KEY: "foreman",
      FOREMAN_MODEL_ORIGIN: "http://127.0.0.1:4141",
      FOREMAN_MODEL_URL: "http://127.0.0.1:4141/v1",
      FOREMAN_MODEL: "qwen",
      FOREMAN_MODEL_CONTEXT: "32768",
      EXTRA: "qwen@32768",
      EMPTY: ""
    })
  })
})

describe("isPermitted", () => {
  for (const [permissions, kind, expected] of [
    [undefined, "edit", false],
    [{ policy: "Deny", allow: ["edit"] }, "edit", true],
    [{ policy: "Deny", allow: ["edit"] }, "execute", false],
    [{ policy: "Ask", allow: ["edit"] }, "execute", false],
    [{ policy: "Allow" }, "execute", true],
    [{ policy: "Deny", allow: ["other"] }, "switch_mode", true],
    [{ policy: "Deny", allow: ["other"] }, undefined, true]
  ] as const) {
    it(`${JSON.stringify(permissions)} ${expected ? "allows" : "refuses"} ${kind}`, () =>
      assert.strictEqual(isPermitted(permissions, kind), expected))
  }
})

describe("an Agent with executor ACP", () => {
  const validated = (spec: Partial<AgentSpec>) => {
    const { message, reason } = validate(agent("coder", { spec: { executor: "ACP", ...spec } }), toolNames)
    return [reason, message]
  }
  it("is run by another coding agent, also without an InferenceService", () => {
    const { inferenceServiceRef: _, ...spec } = agent("coder").spec
    const coder = { ...agent("coder"), spec: { ...spec, executor: "ACP", acp } } as const
    assert.deepStrictEqual(chooseExecutor("native", "coder", coder), { type: "ACP" })
  })
  it("is complete with a command", () => assert.strictEqual(validated({ acp })[0], "ConfigComplete"))
  it("needs a command", () => assert.strictEqual(validated({})[0], "ExecutorUnusable"))
  it("is a coder", () =>
    assert.strictEqual(validated({ acp, role: "reviewer", tools: ["fetch_issue"] })[0], "ExecutorUnusable"))
  it("is told which fields have no effect", () => {
    const [reason, message] = validated({
      acp: { ...acp, permissions: { policy: "Ask" } },
      temperature: "0.2"
    })
    assert.strictEqual(reason, "NotImplemented")
    assert.match(message ?? "", /spec\.temperature, spec\.acp\.permissions\.policy Ask \(answered as Deny\)/u)
  })
  it("without it spec.acp has no effect", () =>
    assert.match(validated({ executor: "Native", acp })[1] ?? "", /has no effect yet: spec\.acp/u))
})

describe("submissionOf", () => {
  const task = { issue: 7, refused: undefined }
  it("a message without a block is a GO by its first line", () =>
    assert.deepStrictEqual(submissionOf("\n## **Greet politely.**\nMore.", task), {
      args: { verdict: "GO", summary: "Greet politely.", commit_message: "Greet politely\n\nFixes #7" }
    }))
  it("who ends without a word is asked for one, and told what was not allowed", () => {
    assert.deepStrictEqual(submissionOf(" \n---\n", task), {
      problem: "you ended your turn without a word. When the task is done, say in a line what you did"
    })
    const { problem = "" } = { ...submissionOf("", { ...task, refused: "rm -rf /" }) } as { problem?: string }
    assert.include(problem, "This was not allowed: rm -rf /. Go on without it.")
  })
  it("the last block counts", () =>
    assert.deepStrictEqual(
      submissionOf(
        '```submit_result\n{"a": 1}\n```\nno:\n````submit_result\n{"verdict": "NO-GO"}\n````',
        task
      ),
      { args: { verdict: "NO-GO" } }
    ))
  it("a block that is not JSON is told", () => {
    assert.property(submissionOf("```submit_result\nGO\n```", task), "problem")
    assert.property(submissionOf("```submit_result\n[]\n```", task), "problem")
  })
})
