/** The file that `foreman simulate` reads: a fleet and its work in a few lines, or manifests as `kubectl get -o yaml` prints them. */
import { Duration, Result, Schema, SchemaIssue } from "effect"
import { parseAllDocuments } from "yaml"

import { Agent } from "../../schema/Agent.ts"
import { AgenticTask, TaskKind } from "../../schema/AgenticTask.ts"
import { RequiredCapability } from "../../schema/Capability.ts"
import { FleetNode } from "../../schema/FleetNode.ts"
import { parseGoDuration } from "../goDuration.ts"

const opt = Schema.optionalKey
const Name = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$/u, {
    message: "must be a name of small letters, digits and dashes"
  })
)
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
const Span = Schema.String.check(
  Schema.makeFilter((text: string) =>
    parseGoDuration(text) === undefined ? "must be a span of time such as 90s, 20m or 1h30m" : undefined
  )
)

export const millisOf = (span: string): number => Duration.toMillis(parseGoDuration(span) ?? Duration.zero)

/** How long something takes: always the same, or drawn anew each time. */
export const Takes = Schema.Union([
  Span,
  Schema.Struct({ uniform: Schema.Tuple([Span, Span]) }),
  Schema.Struct({ exponential: Span }),
  Schema.Struct({ lognormal: Schema.Struct({ median: Span, p95: Span }) }),
  Schema.Struct({ measured: Schema.Array(Span).check(Schema.isMinLength(1)) })
])
export type Takes = typeof Takes.Type

const NodeClass = Schema.Struct({
  name: Name,
  count: opt(Count),
  roles: opt(Schema.Array(Schema.String)),
  labels: opt(Schema.Record(Schema.String, Schema.String)),
  accelerator: opt(Schema.Literals(["metal", "cuda", "vulkan", "none"])),
  memoryGB: opt(Count),
  contextTokens: opt(Count),
  models: opt(Schema.Array(Schema.String)),
  slots: opt(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
  joins: opt(Span),
  leaves: opt(Span)
})
export type NodeClass = typeof NodeClass.Type

const SimpleAgent = Schema.Struct({
  name: Name,
  model: opt(Schema.String),
  requires: opt(RequiredCapability),
  maxConcurrentTasks: opt(Count),
  endpointSlots: opt(Count),
  /** Runs in a pod of its own, and takes no slot. */
  job: opt(Schema.Boolean)
})
export type SimpleAgent = typeof SimpleAgent.Type

const Step = Schema.Struct({
  name: Name,
  kind: TaskKind,
  agent: opt(Schema.String),
  requires: opt(RequiredCapability),
  takes: Takes,
  /** Steps of the same item that come first; the step before this one when absent. */
  after: opt(Schema.Array(Schema.String))
})
export type Step = typeof Step.Type

const Work = Schema.Struct({
  name: Name,
  count: Count,
  repo: opt(Schema.String),
  priority: opt(Schema.Int),
  /** Each item touches these paths: items that share one do not run side by side. */
  paths: opt(Schema.Array(Schema.String)),
  begins: opt(Span),
  /** Time between two items: all at once when absent. */
  every: opt(Span),
  /** The same, but as chance has it, with this mean. */
  poisson: opt(Span),
  steps: Schema.Array(Step).check(Schema.isMinLength(1))
})
export type Work = typeof Work.Type

const Described = Schema.Struct({
  seed: opt(Schema.Int),
  nodes: opt(Schema.Array(NodeClass)),
  agents: opt(Schema.Array(SimpleAgent)),
  work: opt(Schema.Array(Work))
})
export type Described = typeof Described.Type

export interface Contents {
  readonly described: Described
  readonly nodes: ReadonlyArray<FleetNode>
  readonly agents: ReadonlyArray<Agent>
  readonly tasks: ReadonlyArray<AgenticTask>
}

const decodeDescribed = Schema.decodeUnknownResult(Described, { onExcessProperty: "error", errors: "all" })
const kinds = {
  FleetNode: Schema.decodeUnknownResult(FleetNode),
  Agent: Schema.decodeUnknownResult(Agent),
  AgenticTask: Schema.decodeUnknownResult(AgenticTask)
}
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** `nodes[0].cout: …`, each issue of a document. */
const sentences = (error: Schema.SchemaError): string =>
  issuesOf(error.issue)
    .issues.map(({ message, path = [] }) => {
      const where = path
        .map((part) => (typeof part === "object" ? part.key : part))
        .map((word, index) =>
          typeof word === "number" ? `[${word}]` : `${index === 0 ? "" : "."}${String(word)}`
        )
        .join("")
      return `${where === "" ? "the document" : where}: ${message}`
    })
    .join("; ")

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A `List`, as kubectl prints it, is its items. */
const itemsOf = (value: unknown): ReadonlyArray<unknown> =>
  isRecord(value) && value["kind"] === "List" && Array.isArray(value["items"]) ? value["items"] : [value]

/** `path=value` of `--set`: the items of a list are named by their `name`. */
const assign = (described: unknown, setting: string): Result.Result<void, string> => {
  const at = setting.indexOf("=")
  const words = setting.slice(0, at).split(".")
  const last = words.pop()
  let here: unknown = described
  for (const word of words) {
    here = Array.isArray(here)
      ? here.find((item) => isRecord(item) && item["name"] === word)
      : isRecord(here)
        ? here[word]
        : undefined
  }
  if (at < 1 || last === undefined || !isRecord(here)) {
    return Result.fail(`--set ${setting}: there is no such place; write it as nodes.NAME.count=3`)
  }
  const [document] = parseAllDocuments(setting.slice(at + 1))
  here[last] = document === undefined || !("toJS" in document) ? "" : document.toJS()
  return Result.succeed(undefined)
}

/** What the file says, with the settings put over it; else one sentence for a person. */
export const readContents = (
  text: string,
  settings: ReadonlyArray<string>
): Result.Result<Contents, string> => {
  let described: Described | undefined
  const nodes: Array<FleetNode> = []
  const agents: Array<Agent> = []
  const tasks: Array<AgenticTask> = []
  for (const document of parseAllDocuments(text)) {
    const [broken] = "errors" in document ? document.errors : []
    if (broken !== undefined) return Result.fail(`is no YAML: ${broken.message.split("\n")[0] ?? ""}`)
    for (const value of itemsOf(document.toJS({ maxAliasCount: 100 }))) {
      const kind = isRecord(value) ? value["kind"] : undefined
      const taken =
        kind === "FleetNode"
          ? Result.map(kinds.FleetNode(value), (node) => nodes.push(node))
          : kind === "Agent"
            ? Result.map(kinds.Agent(value), (agent) => agents.push(agent))
            : kind === "AgenticTask"
              ? Result.map(kinds.AgenticTask(value), (task) => tasks.push(task))
              : undefined
      if (taken !== undefined) {
        if (Result.isFailure(taken)) return Result.fail(`${String(kind)}: ${sentences(taken.failure)}`)
        continue
      }
      if (kind !== undefined)
        return Result.fail(`there is a ${String(kind)}; FleetNode, Agent and AgenticTask are read`)
      if (described !== undefined) return Result.fail("describes a fleet twice")
      for (const setting of settings) {
        const assigned = assign(value, setting)
        if (Result.isFailure(assigned)) return Result.fail(assigned.failure)
      }
      const decoded = decodeDescribed(value ?? {})
      if (Result.isFailure(decoded)) return Result.fail(sentences(decoded.failure))
      described = decoded.success
    }
  }
  return Result.succeed({ described: described ?? {}, nodes, agents, tasks })
}
