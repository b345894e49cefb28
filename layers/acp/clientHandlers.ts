/** What an agent may ask of us: text files of the workspace, and leave to do something. */
import { Effect, Option, Result, Schema } from "effect"

import {
  clientMethod,
  errorCode,
  PermissionRequest,
  ReadTextFile,
  SessionUpdate,
  Update,
  WriteTextFile
} from "../../schema/Acp.ts"
import type { AgentOptions } from "../../src/services/CodingAgent.ts"
import type { Answer, Handlers } from "./Peer.ts"

type Options = Pick<AgentOptions, "files" | "onEvent" | "permit">

const decodeRead = Schema.decodeUnknownResult(ReadTextFile)
const decodeWrite = Schema.decodeUnknownResult(WriteTextFile)
const decodePermission = Schema.decodeUnknownResult(PermissionRequest)
const decodeUpdate = Schema.decodeUnknownOption(Update)
const decodeSessionUpdate = Schema.decodeUnknownOption(SessionUpdate)

const failed = (code: number, message: string): Answer => ({ error: { code, message } })

/** Decodes the parameters; what does not fit is answered at once. */
const withParams = <A>(
  params: Result.Result<A, { readonly message: string }>,
  use: (params: A) => Effect.Effect<Answer>
): Effect.Effect<Answer> =>
  Result.isFailure(params)
    ? Effect.succeed(failed(errorCode.invalidParams, params.failure.message))
    : use(params.success)

/** The lines that were asked for, counted from 1. */
const linesOf = (text: string, { limit, line }: typeof ReadTextFile.Type): string => {
  if ((line ?? 1) <= 1 && (limit === undefined || limit === null)) return text
  const from = Math.max(0, (line ?? 1) - 1)
  return text
    .split(/(?<=\n)/u)
    .slice(from, limit === undefined || limit === null ? undefined : from + limit)
    .join("")
}

const grants = ["allow_once", "allow_always"]
const refusals = ["reject_once", "reject_always"]

/** The option that says it; leave is given for this once, so that each further request is asked again. */
const chosen = ({ options }: PermissionRequest, isGranted: boolean): Answer => {
  const wanted = isGranted ? grants : refusals
  const option = wanted
    .map((kind) => options.find((one) => one.kind === kind))
    .find((one) => one !== undefined)
  return {
    result: {
      outcome:
        option === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId: option.optionId }
    }
  }
}

export const clientHandlers = ({ files, onEvent, permit }: Options): Handlers => {
  const told = (action: "read" | "write", path: string, refused?: string) =>
    onEvent({ type: "File", action, path, ...(refused !== undefined && { refused }) })

  const onFile = (
    action: "read" | "write",
    path: string,
    work: Effect.Effect<unknown, { readonly message: string }>
  ): Effect.Effect<Answer> =>
    work.pipe(
      Effect.tap(() => told(action, path)),
      Effect.map((result): Answer => ({ result })),
      Effect.catch(({ message }) =>
        Effect.as(told(action, path, message), failed(errorCode.internal, message))
      )
    )

  return {
    notification: (method, params) => {
      if (method !== clientMethod.update) return Effect.void
      const update = Option.flatMap(decodeSessionUpdate(params), (one) => decodeUpdate(one.update))
      return Option.isNone(update) ? Effect.void : onEvent({ type: "Update", update: update.value })
    },
    request: (method, params) => {
      switch (method) {
        case clientMethod.readTextFile:
          return withParams(decodeRead(params), (read) =>
            onFile(
              "read",
              read.path,
              Effect.map(files.read(read.path), (text) => ({ content: linesOf(text, read) }))
            )
          )
        case clientMethod.writeTextFile:
          return withParams(decodeWrite(params), ({ content, path }) =>
            onFile("write", path, Effect.as(files.write(path, content), {}))
          )
        case clientMethod.requestPermission:
          return withParams(decodePermission(params), (request) => {
            const isGranted = permit(request)
            return Effect.as(onEvent({ type: "Permission", request, isGranted }), chosen(request, isGranted))
          })
        default:
          return Effect.undefined
      }
    }
  }
}
