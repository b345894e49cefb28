/** What an Agent's `spec.acp` comes to: the agent's environment and command, and what it is allowed. Pure. */
import type { Agent, AgentSpec } from "../../schema/Agent.ts"
import { ToolKind } from "../../schema/ToolKind.ts"

type Settings = NonNullable<AgentSpec["acp"]>

const kinds: ReadonlySet<string> = new Set(ToolKind.literals)

/** Whether the agent may do what it asks leave for; a kind that nobody knows is `other`. */
export const isPermitted = (
  permissions: Settings["permissions"],
  kind: string | null | undefined
): boolean => {
  const { allow = [], policy = "Deny" } = permissions ?? {}
  const known = typeof kind === "string" && kinds.has(kind) ? kind : "other"
  return policy === "Allow" || allow.some((one) => one === known)
}

/** References as Kubernetes replaces them in a container: `$(NAME)`, `$$(NAME)` for the text itself; what is not known stays. */
export const expanded = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$(\$?)\(([A-Za-z_][A-Za-z0-9_]*)\)/gu, (whole, escape: string, name: string) =>
    escape === "" ? (Object.hasOwn(values, name) ? (values[name] ?? whole) : whole) : whole.slice(1)
  )

/** How the agent reaches its model. */
export interface ModelAccess {
  /** URL of the gateway without a path. */
  readonly origin: string
  /** What opens the gateway, and nothing else. */
  readonly key: string
  readonly model: string
  /** Tokens of its context. */
  readonly windowTokens: number
}

/** Variables that every agent has, by which most find their model without any setting. */
const given = ({ key, model, origin, windowTokens }: ModelAccess) => ({
  OPENAI_BASE_URL: `${origin}/v1`,
  OPENAI_API_KEY: key,
  FOREMAN_MODEL_ORIGIN: origin,
  FOREMAN_MODEL_URL: `${origin}/v1`,
  FOREMAN_MODEL: model,
  FOREMAN_MODEL_CONTEXT: String(windowTokens)
})

/** The environment in the order of the Agent, so that a variable may refer to those before it; then the command. */
export const launchOf = ({ command, env = [] }: Settings, access: ModelAccess) => {
  const values: Record<string, string> = given(access)
  for (const { name, value = "" } of env) values[name] = expanded(value, values)
  const [program = "", ...args] = command.map((word) => expanded(word, values))
  const launched: readonly [string, ...Array<string>] = [program, ...args]
  return { command: launched, env: values }
}

/** Fields that only Foreman's own loop reads. */
const ofOwnLoop = [
  "temperature",
  "stuckLoopDetection",
  "maxOutputTokens",
  "chatTemplateKwargs"
] as const satisfies ReadonlyArray<keyof AgentSpec>

/** What an Agent asks of an executor that this one does not do. */
export const unreadByExecutor = ({ spec }: Agent): ReadonlyArray<string> => {
  if (spec.executor === "Native") return spec.acp === undefined ? [] : ["spec.acp"]
  return [
    ...ofOwnLoop.filter((name) => spec[name] !== undefined).map((name) => `spec.${name}`),
    ...(spec.acp?.permissions?.policy === "Ask" ? ["spec.acp.permissions.policy Ask (answered as Deny)"] : [])
  ]
}

/** Why the Agent cannot be run by another coding agent; `undefined` where it can, or need not. */
export const acpFault = ({ spec }: Agent): string | undefined => {
  if (spec.executor !== "ACP") return undefined
  if (spec.acp === undefined)
    return "executor ACP needs spec.acp.command: the program that speaks the protocol"
  return spec.role === "coder"
    ? undefined
    : `executor ACP is for coders; a ${spec.role} judges by Foreman's own loop`
}
