/**
 * A coding agent from its maker, where there is one: `FOREMAN_TEST_ACP_AGENT` is the command that starts opencode as an agent, such as
 * `/opt/opencode/bin/opencode acp`; else `opencode` of the PATH.
 */
import { execFileSync } from "node:child_process"

import type { AgentSpec } from "../../schema/Agent.ts"

const found = (): string | undefined => {
  try {
    return `${execFileSync("sh", ["-c", "command -v opencode"], { encoding: "utf8" }).trim()} acp`
  } catch {
    return undefined
  }
}

export const agentCommand = process.env["FOREMAN_TEST_ACP_AGENT"] ?? found()

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
