/** Fields of an Agent that are accepted and that nothing reads yet (design §3.15). A new field does not compile before it is entered here. */
import type { Agent, AgentSpec } from "../../schema/Agent.ts"

type Fields<A> = { readonly [K in keyof A]-?: "read" | ((value: NonNullable<A[K]>) => boolean) }

/** Of an unread one: whether its value asks for something that will not happen. */
const fields: Fields<AgentSpec> = {
  role: "read",
  model: "read",
  inferenceServiceRef: "read",
  systemPrompt: "read",
  temperature: "read",
  maxTurns: "read",
  maxRetries: "read",
  requestTimeoutSeconds: "read",
  requestTurnTimeoutSeconds: "read",
  bashTimeoutSeconds: "read",
  tools: "read",
  requiredCapability: "read",
  provider: "read",
  providerConfig: "read",
  execution: "read",
  contextWindowTokens: "read",
  observationWindowTurns: (turns) => turns > 0,
  stuckLoopDetection: "read",
  contextStrategy: (strategy) => strategy !== "window",
  modelProfileRef: (name) => name !== "",
  mcp: ({ enabled }) => enabled === true,
  maxEnvtestIterations: (times) => times > 0,
  maxOutputTokens: "read",
  chatTemplateKwargs: "read",
  vision: ({ enabled }) => enabled === true,
  maxConcurrentTasks: "read",
  endpointSlots: "read",
  fallbackEndpoints: "read"
}

/** Names of the fields that an Agent sets in vain, in the order of the schema. */
export const unreadFields = ({ spec }: Agent): ReadonlyArray<string> =>
  (Object.keys(fields) as ReadonlyArray<keyof AgentSpec>).filter((name) => {
    const field: "read" | ((value: never) => boolean) = fields[name]
    const value = spec[name]
    return field !== "read" && value !== undefined && field(value as never)
  })
