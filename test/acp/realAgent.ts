/**
 * Coding agents from their makers, where there are any: `FOREMAN_TEST_ACP_AGENT` is the command that starts opencode as an agent, such as
 * `/opt/opencode/bin/opencode acp`, and `FOREMAN_TEST_ACP_CODEX` the program codex-acp; else those of the PATH.
 */
import { execFileSync } from "node:child_process"

import type { AgentSpec } from "../../schema/Agent.ts"

const found = (name: string): ReadonlyArray<string> => {
  try {
    return [execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim()]
  } catch {
    return []
  }
}

export const agentCommand =
  process.env["FOREMAN_TEST_ACP_AGENT"] ?? found("opencode").map((path) => `${path} acp`)[0]
export const codexCommand = process.env["FOREMAN_TEST_ACP_CODEX"] ?? found("codex-acp")[0]

/** As docs/agents.md says it. */
export const codex = {
  executor: "ACP",
  model: "qwen",
  tools: ["submit_result"],
  acp: {
    command: [
      codexCommand ?? "codex-acp",
      ...[
        "model=$(FOREMAN_MODEL)",
        "model_provider=foreman",
        "model_providers.foreman.name=Foreman",
        "model_providers.foreman.base_url=$(FOREMAN_MODEL_URL)",
        "model_providers.foreman.env_key=OPENAI_API_KEY",
        "sandbox_mode=danger-full-access",
        "approval_policy=on-request"
      ].flatMap((setting) => ["-c", setting])
    ],
    permissions: { policy: "Deny", allow: ["edit", "execute"] }
  }
} as const satisfies Partial<AgentSpec>

/** As docs/agents.md says it. */
const settings = {
  $schema: "https://opencode.ai/config.json",
  model: "foreman/$(FOREMAN_MODEL)",
  share: "disabled",
  autoupdate: false,
  permission: { edit: "ask", bash: "ask", webfetch: "deny" },
  provider: {
    foreman: {
      npm: "@ai-sdk/openai-compatible",
      name: "Foreman",
      options: { baseURL: "$(FOREMAN_MODEL_URL)", apiKey: "$(OPENAI_API_KEY)" },
      models: {
        "$(FOREMAN_MODEL)": { name: "$(FOREMAN_MODEL)", limit: { context: 32_768, output: 4_096 } }
      }
    }
  }
}

/** An Agent that opencode works for. */
export const opencode = {
  executor: "ACP",
  model: "qwen",
  tools: ["submit_result"],
  acp: {
    command: (agentCommand ?? "opencode acp").split(" "),
    env: [
      { name: "OPENCODE_CONFIG_CONTENT", value: JSON.stringify(settings) },
      { name: "OPENCODE_DISABLE_MODELS_FETCH", value: "1" }
    ],
    permissions: { policy: "Deny", allow: ["edit", "execute"] }
  }
} as const satisfies Partial<AgentSpec>
