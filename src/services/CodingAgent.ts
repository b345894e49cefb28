/** Another coding agent: a program that works in a workspace by itself and is spoken to by the Agent Client Protocol. */
import { Context, type Duration, type Effect, Schema, type Scope } from "effect"

import type { PermissionRequest, StopReason, Update } from "../../schema/Acp.ts"
import { Party } from "../../schema/Party.ts"
import type { Usage } from "../../schema/Usage.ts"
import type { Identity } from "./GitWorkspace.ts"
import type { Endpoint, InferenceError } from "./InferenceClient.ts"

const detail = { message: Schema.String, party: Party }

/** The program is not there, cannot be started, or ended before it said what it is. */
export class AgentNotStarted extends Schema.TaggedError<AgentNotStarted>()("AgentNotStarted", detail) {}
/** The program ended in the middle. */
export class AgentExited extends Schema.TaggedError<AgentExited>()("AgentExited", detail) {}
/** It answered a request with an error. */
export class AgentRefused extends Schema.TaggedError<AgentRefused>()("AgentRefused", {
  ...detail,
  method: Schema.String,
  code: Schema.Finite
}) {}
/** A line that is no message of the protocol, or one that is too long, or an answer without what it must have. */
export class ProtocolBroken extends Schema.TaggedError<ProtocolBroken>()("ProtocolBroken", detail) {}

export class CodingAgentError extends Schema.TaggedError<CodingAgentError>()("CodingAgentError", {
  reason: Schema.Union([AgentNotStarted, AgentExited, AgentRefused, ProtocolBroken])
}) {
  override get message(): string {
    return this.reason.message
  }
}

/** What the agent does, in the order in which it says so. */
export type AgentEvent =
  | { readonly type: "Update"; readonly update: Update }
  | { readonly type: "Permission"; readonly request: PermissionRequest; readonly isGranted: boolean }
  | {
      readonly type: "File"
      readonly action: "read" | "write"
      readonly path: string
      /** Why it was refused. */
      readonly refused?: string
    }

/** A request of the agent to its model, before it is passed on. */
export interface ModelRequest {
  /** Length of its body, in characters. */
  readonly chars: number
  /** The most tokens of the reply, where the request says so. */
  readonly maxTokens: number | undefined
}

/** What a request came to. */
export interface ModelAnswer {
  /** By the endpoint's own count; undefined where it did not say. */
  readonly usage: Usage | undefined
  /** Length of the reply, in characters. */
  readonly chars: number
}

export interface GatewayOptions {
  /**
   * Stands between the agent and its model: says which endpoint is asked, with which bound on the reply's tokens, counts what it came to,
   * waits for an endpoint that says later, and does not return where the run is over. `send` may be called again until it succeeds; it
   * fails only as long as the agent was told nothing. What this fails with is told to the agent.
   */
  readonly ask: (
    request: ModelRequest,
    send: (endpoint: Endpoint, maxTokens: number | undefined) => Effect.Effect<ModelAnswer, InferenceError>
  ) => Effect.Effect<ModelAnswer, InferenceError>
  /** Of what is passed on without being counted, such as the list of models. */
  readonly endpoint: Endpoint
  /** For an answer to begin, and for each further piece of it. */
  readonly turnTimeout: Duration.Duration
}

/** The only way to a model that an agent has. The endpoint's key stays on our side. */
export interface ModelGateway {
  /** As the agent finds it, without a path, such as `http://127.0.0.1:4141`. */
  readonly origin: string
  /** What the agent shows in place of a key; it opens nothing but the gateway. */
  readonly key: string
  /** Whether the agent reaches nothing else: false where the host has no namespaces. */
  readonly isOnlyNetwork: boolean
}

export interface AgentOptions {
  readonly gateway: ModelGateway
  /** Program and arguments. */
  readonly command: readonly [string, ...Array<string>]
  /** What it gets beside PATH, HOME and the like. */
  readonly env: Readonly<Record<string, string>>
  /** Absolute path of the workspace. */
  readonly directory: string
  /** Text files as the agent asks for them. A path outside the workspace is refused. */
  readonly files: {
    readonly read: (path: string) => Effect.Effect<string, { readonly message: string }>
    readonly write: (path: string, text: string) => Effect.Effect<void, { readonly message: string }>
  }
  /** Whom commits of the agent itself name; they are folded into ours later. */
  readonly identity: Identity | undefined
  /** Folder of its own, which it finds again when the run goes on; one that goes with the scope when absent. */
  readonly home: string | undefined
  readonly permit: (request: PermissionRequest) => boolean
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
}

export interface CodingAgent {
  /** As it calls itself. */
  readonly name: string
  /** Begins a session, or goes on with one where the agent can and still knows it. */
  readonly openSession: (
    earlier: string | undefined
  ) => Effect.Effect<{ readonly id: string; readonly isLoaded: boolean }, CodingAgentError>
  /** Sends a message and waits until the agent is done with it. When it is interrupted, the agent is told to cancel. */
  readonly prompt: (sessionId: string, text: string) => Effect.Effect<StopReason, CodingAgentError>
}

export class CodingAgentHost extends Context.Service<
  CodingAgentHost,
  {
    readonly openGateway: (
      options: GatewayOptions
    ) => Effect.Effect<ModelGateway, CodingAgentError, Scope.Scope>
    /** Starts the program. When the scope closes, it and all that it started are gone. */
    readonly start: (options: AgentOptions) => Effect.Effect<CodingAgent, CodingAgentError, Scope.Scope>
    /** Removes an agent's folder. */
    readonly forget: (home: string) => Effect.Effect<void>
  }
>()("foreman/services/CodingAgent/CodingAgentHost") {}
