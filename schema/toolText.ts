/** Tools as words, for models whose server or chat template does not show them any. Pure. */
import type { ChatTool, ToolCall } from "./Chat.ts"

/** A call as a model writes it, in the form that most of them were trained on. */
const callText = (name: string, given: string): string =>
  `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${given}}\n</tool_call>`

export const asText = ({ function: { arguments: given, name } }: ToolCall): string =>
  callText(name, given.trim() === "" ? "{}" : given)

const form = `End your reply with a block of exactly this form for each call, with no fence around it:\n${callText("NAME", '{"KEY": "VALUE"}')}`

/** All that a request says of its tools. */
export const toolsAsText = (tools: ReadonlyArray<ChatTool>): string =>
  [
    "You act only by calling tools.",
    form,
    "The results come with the next message. The tools, with the JSON Schema of their arguments:",
    ...tools.map(({ description, name, parameters }) => JSON.stringify({ name, description, parameters }))
  ].join("\n")

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** `name(path, limit?)` */
const signature = ({ name, parameters }: ChatTool): string => {
  const properties = isRecord(parameters["properties"]) ? parameters["properties"] : {}
  const required = Array.isArray(parameters["required"]) ? parameters["required"] : []
  const keys = Object.keys(properties).map((key) => (required.includes(key) ? key : `${key}?`))
  return `${name}(${keys.join(", ")})`
}

/** What a model is reminded of that does not seem to see its tools. */
export const toolReminder = (tools: ReadonlyArray<ChatTool>): string =>
  `The tools are: ${tools.map(signature).join("; ")}.\n${form}`
