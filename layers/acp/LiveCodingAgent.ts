/** Coding agents as processes of this host: confined like a model's commands, and without a network where the host can do that. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Effect, Layer, Schema, type Scope } from "effect"

import { agentMethod, Initialized, NewSession, Prompted, protocolVersion } from "../../schema/Acp.ts"
import {
  AgentNotStarted,
  type AgentOptions,
  type CodingAgent,
  CodingAgentError,
  CodingAgentHost,
  type GatewayOptions,
  type ModelGateway,
  ProtocolBroken
} from "../../src/services/CodingAgent.ts"
import { borrowedBy, commandEnvironment } from "../commandEnvironment.ts"
import * as ConfinedShell from "../confinedShell.ts"
import { wipe } from "../wipe.ts"
import * as AgentProcess from "./AgentProcess.ts"
import { clientHandlers } from "./clientHandlers.ts"
import { forwarded, gatewayPort } from "./forwarder.ts"
import * as Gateway from "./ModelGateway.ts"
import * as Peer from "./Peer.ts"

/** For an agent to say what it is, and to open a session: some look for their settings and caches first. */
const openingPatience = "2 minutes"

const workspaceFault = (cause: unknown) =>
  new CodingAgentError({
    reason: new AgentNotStarted({
      message: `the agent's folder cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      party: "workspace"
    })
  })

/** A folder that goes with the scope. Short: the path of a socket has room for some hundred characters. */
const temporary = (prefix: string) =>
  Effect.acquireRelease(
    Effect.try({ try: () => realpathSync(mkdtempSync(join(tmpdir(), prefix))), catch: workspaceFault }),
    remove
  )

const remove = (folder: string) =>
  Effect.try({ try: () => wipe(folder), catch: workspaceFault }).pipe(
    Effect.catch((error) => Effect.logWarning("a folder of an agent was left behind", error))
  )

/** The gateway's folder, by the gateway: the agent that is started with it has the socket, and nobody else. */
const sockets = new WeakMap<ModelGateway, string>()

const openGateway = Effect.fn("CodingAgentHost.openGateway")(function* (
  options: GatewayOptions,
  offline: Effect.Effect<ConfinedShell.Shell | undefined>
): Effect.fn.Return<ModelGateway, CodingAgentError, Scope.Scope> {
  if ((yield* offline) === undefined) {
    yield* Effect.logWarning("the agent has the host's network: this host has no namespaces to take it away")
    const key = Gateway.newKey()
    const { port } = yield* Gateway.open(options, { key })
    return { origin: `http://127.0.0.1:${port}`, key, isOnlyNetwork: false }
  }
  const folder = yield* temporary("foreman-model-")
  yield* Gateway.open(options, { path: join(folder, "socket") })
  const gateway = { origin: `http://127.0.0.1:${gatewayPort}`, key: "foreman", isOnlyNetwork: true }
  sockets.set(gateway, folder)
  return gateway
})

/** A word of a shell's command line. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

const decoded = <A>(schema: Schema.ConstraintDecoder<A>, method: string) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return Effect.flatMap((value: unknown) =>
    decode(value).pipe(
      Effect.mapError(
        (error) =>
          new CodingAgentError({
            reason: new ProtocolBroken({
              message: `the agent's answer to ${method} cannot be read: ${error.message}`,
              party: "server"
            })
          })
      )
    )
  )
}

const inTime = (method: string) =>
  Effect.timeoutOrElse({
    duration: openingPatience,
    orElse: () =>
      Effect.fail(
        new CodingAgentError({
          reason: new ProtocolBroken({
            message: `the agent did not answer ${method} within ${openingPatience}`,
            party: "server"
          })
        })
      )
  })

/** An agent that ends before it said what it is was not started as it must be. */
const asNotStarted = Effect.mapError((error: CodingAgentError) =>
  error.reason._tag === "AgentExited" || error.reason._tag === "ProtocolBroken"
    ? new CodingAgentError({
        reason: new AgentNotStarted({ message: error.message, party: "configuration" })
      })
    : error
)

const start = Effect.fn("CodingAgentHost.start")(function* (
  options: AgentOptions,
  shells: {
    readonly offline: Effect.Effect<ConfinedShell.Shell | undefined>
    readonly host: Effect.Effect<ConfinedShell.Shell>
  }
): Effect.fn.Return<CodingAgent, CodingAgentError, Scope.Scope> {
  const { command, directory, gateway, identity } = options
  const folder = sockets.get(gateway)
  const scratch = options.home ?? (yield* temporary("foreman-agent-"))
  yield* Effect.try({
    try: () => {
      for (const name of ["home", "tmp"]) mkdirSync(join(scratch, name), { recursive: true, mode: 0o700 })
    },
    catch: workspaceFault
  })
  const shell = folder === undefined ? yield* shells.host : ((yield* shells.offline) ?? (yield* shells.host))
  const words = folder === undefined ? command : forwarded(join(folder, "socket"), command)
  const own = {
    workspace: directory,
    writable: [realpathSync(scratch), ...(folder === undefined ? [] : [folder])],
    readable: borrowedBy(directory).filter((path) => existsSync(path))
  }
  const process = yield* AgentProcess.open({
    ...shell(`exec ${words.map(quoted).join(" ")}`, own),
    directory,
    env: { ...commandEnvironment(scratch, identity), PWD: directory, ...options.env }
  })
  const peer = yield* Peer.make(process, clientHandlers(options))
  const { agentCapabilities, agentInfo, ...said } = yield* peer
    .request(agentMethod.initialize, {
      protocolVersion,
      clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: false },
      clientInfo: { name: "foreman", version: "1" }
    })
    .pipe(inTime(agentMethod.initialize), asNotStarted, decoded(Initialized, agentMethod.initialize))
  if (said.protocolVersion !== protocolVersion) {
    return yield* new CodingAgentError({
      reason: new ProtocolBroken({
        message: `the agent speaks version ${said.protocolVersion} of the protocol, not ${protocolVersion}`,
        party: "configuration"
      })
    })
  }
  const session = { cwd: directory, mcpServers: [] }
  const open = peer
    .request(agentMethod.newSession, session)
    .pipe(inTime(agentMethod.newSession), decoded(NewSession, agentMethod.newSession))
  return {
    name: agentInfo?.name ?? command[0],
    openSession: Effect.fnUntraced(function* (earlier) {
      const isLoaded =
        earlier !== undefined &&
        agentCapabilities?.loadSession === true &&
        (yield* peer.request(agentMethod.loadSession, { ...session, sessionId: earlier }).pipe(
          inTime(agentMethod.loadSession),
          Effect.as(true),
          Effect.catchIf(
            ({ reason }) => reason._tag === "AgentRefused",
            (error) => Effect.as(Effect.logInfo("the agent does not know its session any more", error), false)
          )
        ))
      if (isLoaded) return { id: earlier, isLoaded }
      const { sessionId } = yield* open
      return { id: sessionId, isLoaded: false }
    }),
    prompt: (sessionId, text) =>
      peer.request(agentMethod.prompt, { sessionId, prompt: [{ type: "text", text }] }).pipe(
        Effect.onInterrupt(() => peer.notify(agentMethod.cancel, { sessionId })),
        decoded(Prompted, agentMethod.prompt),
        Effect.map(({ stopReason }) => stopReason)
      )
  }
})

export const layer = Layer.effect(
  CodingAgentHost,
  Effect.gen(function* () {
    // Each is tried once, when the first agent needs it.
    const offline = yield* Effect.cached(ConfinedShell.makeOffline)
    const host = yield* Effect.cached(ConfinedShell.make)
    return CodingAgentHost.of({
      openGateway: (options) => openGateway(options, offline),
      start: (options) => start(options, { offline, host }),
      forget: remove
    })
  })
)
