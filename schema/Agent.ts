/** Agent: a role, its tools, its model. Contract §1.3; `endpointSlots` is ours. */
import { Schema } from "effect"

import { ToolKind } from "./ToolKind.ts"
import { Limits, Prices, Spend } from "./Budget.ts"
import { RequiredCapability } from "./Capability.ts"
import { anyObject, int32, nonEmpty, optional, required, time, withDefault } from "./Field.ts"
import { conditions, ObjectMeta, statusOf } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"

export const AgentRole = Schema.Literals(["coder", "verifier", "reviewer", "planner"])
export type AgentRole = typeof AgentRole.Type

const SecretKeyRef = Schema.Struct({
  name: required(Schema.String, "Name of the Secret, in the Agent's namespace."),
  key: required(Schema.String, "Key within it."),
  optional: optional(Schema.Boolean, "Whether it may be missing.")
})

export const StuckLoopDetection = Schema.Struct({
  repeatedToolThreshold: optional(int32(0, 100), "Identical tool calls in a row that count as stuck."),
  editFreeTurnsLimit: optional(int32(0, 200), "Turns without an edit that count as stuck."),
  contextSoftCap: optional(int32(0), "Tokens of context after which the model is told to finish."),
  contextHardCap: optional(int32(0), "Tokens of context after which the run ends.")
})

export const ResourceRequirements = Schema.Struct({
  requests: optional(Schema.Record(Schema.String, Schema.String), "What is set aside."),
  limits: optional(Schema.Record(Schema.String, Schema.String), "What may not be passed.")
})
export type ResourceRequirements = typeof ResourceRequirements.Type

/** Another coding agent in place of Foreman's own loop. */
export const AcpSettings = Schema.Struct({
  command: required(
    Schema.Array(nonEmpty).check(Schema.isMinLength(1), Schema.isMaxLength(64)),
    "Program and arguments. $(NAME) is replaced by what the agent's environment has under the name."
  ),
  env: optional(
    Schema.Array(
      Schema.Struct({
        name: required(
          Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/u)),
          "Name of the variable."
        ),
        value: optional(Schema.String, "Its value; $(NAME) is replaced as in command.")
      })
    ).check(Schema.isMaxLength(64)),
    "Further environment of the agent. It has no other way to get a secret, and needs none for its model."
  ),
  permissions: optional(
    Schema.Struct({
      policy: withDefault(
        Schema.Literals(["Deny", "Ask", "Allow"]),
        "Deny",
        "What is answered when the agent asks for leave. Ask is answered as Deny until a person can be asked."
      ),
      allow: optional(
        Schema.Array(ToolKind).check(Schema.isMaxLength(9)),
        "Kinds of tools that are allowed with Deny and Ask, too."
      )
    }),
    "How its requests for leave are answered; Deny when absent."
  )
})

export const AgentSpec = Schema.Struct({
  role: required(AgentRole, "What the Agent does; a reviewer never commits."),
  model: optional(Schema.String, "Name of the model, as the endpoint knows it."),
  inferenceServiceRef: optional(
    Schema.Struct({
      name: optional(Schema.String, "Name of the InferenceService, in the Agent's namespace.")
    }),
    "Where the model is served. Absent or empty with a local provider: the Agent is deterministic and its first tool is run."
  ),
  systemPrompt: optional(Schema.String, "First message of every run."),
  temperature: optional(
    Schema.String.check(Schema.isPattern(/^(2(\.0+)?|[01](\.[0-9]+)?)$/u)),
    "Sampling temperature as decimal text, 0 to 2."
  ),
  maxTurns: withDefault(int32(1, 500), 50, "Model replies that one run may use."),
  maxRetries: withDefault(
    int32(0, 20),
    3,
    "Further tries when the endpoint stumbles or cuts a tool call short."
  ),
  requestTimeoutSeconds: withDefault(int32(1), 3600, "Wall time of the whole loop, in seconds."),
  requestTurnTimeoutSeconds: withDefault(int32(1), 120, "Wait for the model to begin its reply, in seconds."),
  bashTimeoutSeconds: withDefault(int32(1), 30, "Wall time of one bash command, in seconds."),
  tools: required(
    Schema.Array(Schema.String).check(Schema.isMinLength(1)),
    "Tools that the Agent may use, by name."
  ),
  requiredCapability: optional(RequiredCapability, "What the node must offer; wins over the task's."),
  provider: withDefault(
    Schema.Literals(["local", "cloud-proxy"]),
    "local",
    "Who serves the model: an InferenceService, or the endpoint in providerConfig."
  ),
  apiKeySecretRef: optional(
    SecretKeyRef,
    "Where the API key of a local Agent's endpoint is; a cloud-proxy Agent's is in providerConfig."
  ),
  providerConfig: optional(
    Schema.Struct({
      baseURL: required(nonEmpty, "Base URL of an OpenAI-compatible endpoint."),
      model: required(nonEmpty, "Name of the model there."),
      apiKeySecretRef: optional(SecretKeyRef, "Where the API key is.")
    }),
    "Endpoint of a cloud-proxy Agent."
  ),
  execution: optional(
    Schema.Struct({
      mode: withDefault(
        Schema.Literals(["InProcess", "Job"]),
        "InProcess",
        "Whether the loop runs in the daemon or in a Job's pod."
      ),
      image: optional(Schema.String, "Image of the Job's container."),
      serviceAccountName: optional(Schema.String, "ServiceAccount of the Job's pod."),
      activeDeadlineSeconds: withDefault(int32(1), 3600, "Wall time of the Job, in seconds."),
      resources: optional(ResourceRequirements, "Resources of the Job's container.")
    }),
    "Where the loop runs."
  ),
  executor: withDefault(
    Schema.Literals(["Native", "ACP"]),
    "Native",
    "Who does the work: Foreman's own loop, or a coding agent that speaks the Agent Client Protocol."
  ),
  acp: optional(AcpSettings, "The coding agent of executor ACP."),
  contextWindowTokens: optional(
    int32(0),
    "Context window of the model, in tokens; 0 means what its server says, or 32768 where it says nothing."
  ),
  observationWindowTurns: optional(int32(0, 50), "Turns whose tool results stay whole; 0 means 3."),
  stuckLoopDetection: optional(
    StuckLoopDetection,
    "When a run counts as stuck; 5, 15, 90000, 140000 when absent, off when all are zero."
  ),
  contextStrategy: withDefault(
    Schema.Literals(["window", "session"]),
    "window",
    "How old tool results leave the context."
  ),
  modelProfileRef: optional(Schema.String, "Name of a ModelProfile."),
  mcp: optional(
    Schema.Struct({
      enabled: optional(Schema.Boolean, "Whether external tools are offered."),
      callTimeout: optional(Schema.String, "Wall time of one call, such as 30s."),
      maxResultBytes: optional(int32(0), "Bytes of a result that are kept."),
      servers: optional(
        Schema.Array(
          Schema.Struct({
            name: required(nonEmpty, "Name of the server."),
            transport: optional(Schema.Literals(["http"]), "How it is reached."),
            url: optional(Schema.String, "Where it is."),
            headers: optional(
              Schema.Array(
                Schema.Struct({
                  name: required(nonEmpty, "Name of the header."),
                  valueFrom: optional(
                    Schema.Struct({ secretKeyRef: optional(SecretKeyRef, "Where the value is.") }),
                    "Where its value comes from."
                  )
                })
              ),
              "Headers of each request."
            ),
            allowedTools: optional(Schema.Array(Schema.String), "Tools that may be used.")
          })
        ),
        "Servers that offer tools."
      )
    }),
    "External tools."
  ),
  maxEnvtestIterations: optional(int32(0), "Times that a failing environment test goes back to the model."),
  maxOutputTokens: optional(int32(0), "Tokens of one reply; 0 means 8192."),
  chatTemplateKwargs: optional(
    anyObject.annotate({ "x-kubernetes-preserve-unknown-fields": true } as never),
    "Arguments of the model's chat template, passed on as they are."
  ),
  vision: optional(
    Schema.Struct({
      enabled: optional(Schema.Boolean, "Whether images may be sent."),
      maxImageBytes: optional(int32(0), "Bytes of one image."),
      maxImages: optional(int32(0), "Images of one prompt.")
    }),
    "Images in prompts."
  ),
  maxConcurrentTasks: optional(int32(1), "Tasks of this Agent that may run at once; no bound when absent."),
  endpointSlots: optional(
    int32(1),
    "Requests that the model's endpoint serves at once; no bound when absent."
  ),
  fallbackEndpoints: optional(
    Schema.Array(
      Schema.Struct({
        baseURL: required(nonEmpty, "Base URL of an OpenAI-compatible endpoint."),
        model: required(nonEmpty, "Name of the model there."),
        apiKeySecretRef: optional(SecretKeyRef, "Where the API key is."),
        prices: optional(Prices, "What its tokens cost; the Agent's prices are not those of a fallback.")
      })
    ).check(Schema.isMaxLength(8)),
    "Endpoints that are asked, in this order, while those before them are away or say later."
  ),
  prices: optional(Prices, "What the model's tokens and own hardware cost."),
  limits: optional(
    Limits,
    "What one run may use. It ends as INCOMPLETE with reason LimitReached and what it has."
  ),
  limitsPerDay: optional(
    Limits,
    "What all tasks of the Agent together may use in a day (UTC). Further tasks wait for the next day."
  )
})
export type AgentSpec = typeof AgentSpec.Type

export const Agent = Schema.Struct({
  metadata: ObjectMeta,
  spec: required(AgentSpec, "What the Agent is."),
  status: statusOf(
    Schema.Struct({
      observedGeneration: optional(Schema.Int, "Generation of the spec that was judged."),
      endpoint: optional(
        Schema.Struct({
          heldUntil: required(time, "Until when nothing new is placed there."),
          reason: optional(Schema.String, "Whose doing it is, such as quota or network."),
          message: optional(Schema.String, "In the words of the endpoint.")
        }),
        "The model's endpoint while it says later; gone once it answers."
      ),
      usageOfDay: optional(
        Schema.Struct({
          day: required(Schema.String, "The day (UTC), such as 2026-12-01."),
          usage: required(Spend, "What tasks that ended on it used."),
          deletedTasks: optional(Spend, "The part of it of tasks that are deleted since.")
        }),
        "What the Agent's tasks used on the last day on which one ended; written some seconds late."
      ),
      conditions
    }),
    "Whether the Agent is sound."
  )
})
export interface Agent extends Schema.Schema.Type<typeof Agent> {}

export const agents: CustomResource<Agent> = {
  group: "foreman.llmkube.dev",
  version: "v1alpha1",
  kind: "Agent",
  plural: "agents",
  singular: "agent",
  shortNames: ["ag"],
  namespaced: true,
  schema: Agent,
  description: "Agent is a role, its tools and its model.",
  columns: [
    { name: "Role", type: "string", jsonPath: ".spec.role" },
    { name: "Model", type: "string", jsonPath: ".spec.model" },
    { name: "InferenceService", type: "string", jsonPath: ".spec.inferenceServiceRef.name" },
    { name: "Validated", type: "string", jsonPath: ".status.conditions[?(@.type=='Validated')].status" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: [".spec.role"]
}
