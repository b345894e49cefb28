/** What comes in and goes out, between `Server.ts`, which knows HTTP, and the verbs, which do not. */
import type { Effect, Stream } from "effect"

import { contentType, plainJson } from "./accept.ts"
import type { ApiError, Json } from "../Apiserver.ts"

export interface ApiRequest {
  readonly method: string
  readonly url: URL
  /** Whose token came with it; absent for the pages that are open to all. */
  readonly user: string | undefined
  readonly accept: string | undefined
  readonly contentType: string | undefined
  /** Read only by the verbs that take one. */
  readonly body: Effect.Effect<Buffer, ApiError>
}

interface Document {
  readonly _tag: "Document"
  readonly code: number
  readonly contentType: string
  readonly body: string
  /** One `Warning` header each. */
  readonly warnings?: ReadonlyArray<string>
}

/** Sent as it comes, headers at once: whatever can be refused was refused before. */
interface Streaming {
  readonly _tag: "Streaming"
  readonly contentType: string
  readonly bytes: Stream.Stream<Uint8Array, ApiError>
}

export type Answer = Document | Streaming

export const json = (body: Json, code = 200, form = plainJson): Document => ({
  _tag: "Document",
  code,
  contentType: contentType(form),
  body: JSON.stringify(body)
})

export const text = (body: string, code = 200): Document => ({
  _tag: "Document",
  code,
  contentType: "text/plain; charset=utf-8",
  body
})
