/** JSON-RPC 2.0 with a program: our requests and their answers, its requests and its notifications. */
import { Deferred, Effect, Result, Schema, type Scope } from "effect"

import { errorCode, type Id, Message } from "../../schema/Acp.ts"
import {
  AgentExited,
  AgentRefused,
  CodingAgentError,
  ProtocolBroken
} from "../../src/services/CodingAgent.ts"
import type { AgentProcess } from "./AgentProcess.ts"

/** Of a line that is quoted. */
const maxQuoted = 200

/** What a request of the program is answered with. */
export type Answer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string } }

export interface Handlers {
  /** `undefined` for a method that nobody knows. */
  readonly request: (method: string, params: unknown) => Effect.Effect<Answer | undefined>
  readonly notification: (method: string, params: unknown) => Effect.Effect<void>
}

export interface Peer {
  readonly request: (method: string, params: object) => Effect.Effect<unknown, CodingAgentError>
  readonly notify: (method: string, params: object) => Effect.Effect<void>
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Message))

const broken = (message: string) =>
  new CodingAgentError({ reason: new ProtocolBroken({ message, party: "server" }) })

/** Reads until the program ends, one message after another, so that a request's updates are known before its answer. */
export const make = Effect.fnUntraced(function* (
  process: AgentProcess,
  handlers: Handlers
): Effect.fn.Return<Peer, never, Scope.Scope> {
  const pending = new Map<
    Id,
    { readonly method: string; readonly answer: Deferred.Deferred<unknown, CodingAgentError> }
  >()
  const over = yield* Deferred.make<never, CodingAgentError>()
  let count = 0
  const send = (message: object) => process.send(JSON.stringify({ jsonrpc: "2.0", ...message }))

  const answered = Effect.fnUntraced(function* ({ error, id, result }: Message) {
    // An agent tells with `id: null` that it did not understand what we sent; an answer to nobody is ignored.
    const asked = id === undefined || id === null ? undefined : pending.get(id)
    if (id === undefined || id === null || asked === undefined) return
    pending.delete(id)
    const { answer, method } = asked
    yield* error === undefined
      ? Deferred.succeed(answer, result)
      : Deferred.fail(answer, refusal(method, error))
  })

  const take = Effect.fnUntraced(function* (line: string) {
    const read = decode(line)
    if (Result.isFailure(read)) {
      return yield* broken(
        `the agent sent what is not a message of the protocol: ${line.slice(0, maxQuoted)}`
      )
    }
    const message = read.success
    const { id, method, params } = message
    if (method === undefined) return yield* answered(message)
    if (id === undefined || id === null) return yield* handlers.notification(method, params)
    const answer = yield* handlers.request(method, params)
    send({
      id,
      ...(answer ?? { error: { code: errorCode.methodNotFound, message: `there is no method ${method}` } })
    })
  })

  const readAll = Effect.gen(function* () {
    for (;;) {
      const lines = yield* process.lines
      if (lines === undefined) {
        const message = `the agent ended: ${yield* process.ending}`
        return yield* new CodingAgentError({ reason: new AgentExited({ message, party: "server" }) })
      }
      for (const line of lines) yield* take(line)
    }
  })
  yield* readAll.pipe(
    Effect.catchCause((cause) => Deferred.failCause(over, cause)),
    Effect.forkScoped
  )

  return {
    request: Effect.fnUntraced(function* (method, params) {
      const answer = yield* Deferred.make<unknown, CodingAgentError>()
      const id = ++count
      pending.set(id, { method, answer })
      send({ id, method, params })
      return yield* Effect.raceFirst(Deferred.await(answer), Deferred.await(over)).pipe(
        Effect.ensuring(Effect.sync(() => pending.delete(id)))
      )
    }),
    notify: (method, params) => Effect.sync(() => send({ method, params }))
  }
})

/** Of what it says beside its message: a reason is often there only. */
const maxData = 500

const refusal = (method: string, { code, data, message }: NonNullable<Message["error"]>) => {
  const more = data === undefined || data === null ? "" : ` ${JSON.stringify(data).slice(0, maxData)}`
  return new CodingAgentError({
    reason: new AgentRefused({
      message: `the agent answered ${method} with error ${code}: ${message}${more}`,
      party: code === errorCode.authRequired ? "configuration" : "server",
      method,
      code
    })
  })
}
