/**
 * The journals of this node's runs, as they are written: `GET /v1/runs`, and `GET /v1/runs/{uid}/events?from=N` as server-sent events, one
 * for each record. A reader needs the token in `<workspace-dir>/.journals/token`. Design §3.15.
 */
import { randomBytes, timingSafeEqual } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"

import { Effect, Exit, Fiber, Result, Schema, type Scope, Stream } from "effect"

import { JournalRecord } from "../src/journal/record.ts"
import { isLast } from "../src/journal/story.ts"
import { writeAtomically } from "./atomicFile.ts"
import { newestIn } from "./FileJournal.ts"
import { followLines } from "./followLines.ts"
import { type Bind, type BindError, listen } from "./listen.ts"

export interface Options {
  readonly bind: Bind
  readonly workspaceRoot: string
}

const tokenBytes = 32
const keepAliveMillis = 15_000
/** Of an event's data; a longer record is said to be cut, and stands whole in the file. */
const maxEventChars = 64 * 1024

const isUid = (text: string): boolean => /^[A-Za-z0-9-]{1,64}$/u.test(text)

/** A file that was cut short is not a token: an empty one would let everybody in. */
const isToken = (text: string): boolean => /^[\w-]{43}$/u.test(text)

/** Made once; only the owner of the folder reads it. */
const tokenOf = (root: string): Buffer => {
  const file = join(root, "token")
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const known = existsSync(file) ? readFileSync(file, "utf8").trim() : ""
  if (isToken(known)) return Buffer.from(known)
  const token = randomBytes(tokenBytes).toString("base64url")
  writeAtomically(file, `${token}\n`)
  return Buffer.from(token)
}

const isAllowed = ({ headers }: IncomingMessage, token: Buffer): boolean => {
  const given = Buffer.from(/^Bearer (\S+)$/u.exec(headers.authorization ?? "")?.[1] ?? "")
  return given.length === token.length && timingSafeEqual(given, token)
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(JournalRecord))

/** The newest run of each task, the last one first. */
const runsIn = Effect.fnUntraced(function* (root: string) {
  const files = readdirSync(root)
    .filter(isUid)
    .flatMap((uid) => newestIn(join(root, uid)) ?? [])
  const runs = yield* Effect.forEach(files, (file) =>
    Stream.runHead(followLines(file, { follows: false })).pipe(
      Effect.map((line) => {
        const first = line._tag === "Some" ? decode(line.value) : undefined
        if (first === undefined || Result.isFailure(first) || first.success.type !== "run") return []
        const { attempt, task } = first.success
        return [{ ...task, attempt, writtenAt: new Date(statSync(file).mtimeMs).toISOString() }]
      }),
      Effect.orElseSucceed(() => [])
    )
  )
  return runs.flat().toSorted((a, b) => (a.writtenAt < b.writtenAt ? 1 : -1))
})

const eventOf = (line: string, id: number): string => {
  const record = decode(line)
  if (Result.isFailure(record)) return `id: ${id}\nevent: unreadable\ndata: {}\n\n`
  const { at, type } = record.success
  const data = line.length > maxEventChars ? JSON.stringify({ type, at, cutChars: line.length }) : line
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`
}

const write = (response: ServerResponse, text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (response.write(text)) return resume(Effect.void)
    // A slow reader holds up nobody but itself: the file waits for it.
    response.once("drain", () => resume(Effect.void))
  })

const sendEvents = Effect.fnUntraced(function* (file: string, from: number, response: ServerResponse) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" })
  const alive = setInterval(() => response.write(": still here\n\n"), keepAliveMillis)
  yield* followLines(file, { follows: true, from, isLast }).pipe(
    Stream.zipWithIndex,
    Stream.runForEach(([line, index]) => write(response, eventOf(line, from + index))),
    Effect.ensuring(Effect.sync(() => clearInterval(alive)))
  )
  response.end()
})

const refuse = (response: ServerResponse, code: number, message: string): void => {
  response.writeHead(code, { "content-type": "application/json" }).end(`${JSON.stringify({ message })}\n`)
}

/** A reader that comes again says the last event that it has. */
const fromOf = ({ headers }: IncomingMessage, asked: string | null): number | undefined => {
  const last = headers["last-event-id"]
  const text = asked ?? (typeof last === "string" && /^\d+$/u.test(last) ? String(Number(last) + 1) : "0")
  return /^\d{1,9}$/u.test(text) ? Number(text) : undefined
}

const answer = Effect.fnUntraced(function* (
  root: string,
  token: Buffer,
  request: IncomingMessage,
  response: ServerResponse
) {
  if (!isAllowed(request, token)) {
    response.setHeader("www-authenticate", "Bearer")
    return refuse(response, 401, `the token in ${join(root, "token")} is needed, as Authorization: Bearer`)
  }
  const url = new URL(request.url ?? "/", "http://localhost")
  if (request.method !== "GET") return refuse(response, 405, "only GET is served")
  if (url.pathname === "/v1/runs") {
    const runs = yield* runsIn(root)
    response.setHeader("content-type", "application/json")
    response.end(`${JSON.stringify({ runs })}\n`)
    return
  }
  const uid = /^\/v1\/runs\/([^/]+)\/events$/u.exec(url.pathname)?.[1] ?? ""
  const file = isUid(uid) ? newestIn(join(root, uid)) : undefined
  if (file === undefined) return refuse(response, 404, "there is no such run here")
  const from = fromOf(request, url.searchParams.get("from"))
  if (from === undefined) return refuse(response, 400, "from is a number of records, such as 0")
  yield* sendEvents(file, from, response)
})

/** Serves until the scope closes; its port, or nothing where the address is empty. */
export const make = Effect.fnUntraced(function* ({
  bind,
  workspaceRoot
}: Options): Effect.fn.Return<number | undefined, BindError, Scope.Scope> {
  if (bind.address === "" || bind.address === "0") return undefined
  const root = join(workspaceRoot, ".journals")
  const token = tokenOf(root)
  const context = yield* Effect.context<never>()
  const server = createServer((request, response) => {
    const fiber = Effect.runForkWith(context)(
      answer(root, token, request, response).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) response.destroy()
          })
        )
      )
    )
    response.once("close", () => Effect.runForkWith(context)(Fiber.interrupt(fiber)))
  })
  return yield* listen(server, bind)
})
