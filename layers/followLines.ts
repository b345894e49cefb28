/** The whole lines of a file, also of one that somebody goes on writing. */
import { type FileHandle, open } from "node:fs/promises"

import { Duration, Effect, Option, Schema, Stream } from "effect"

/** The file is not there, or cannot be read. */
export class FollowError extends Schema.TaggedError<FollowError>()("FollowError", {
  message: Schema.String
}) {}

export interface FollowOptions {
  /** Wait for more at the end of the file; its lines so far are all when false. */
  readonly follows: boolean
  /** Lines before this one are left out; counted from 0. */
  readonly from?: number
  /** Nothing comes after this line. */
  readonly isLast?: (line: string) => boolean
}

/** Between two looks at a file that did not grow. */
const pause = Duration.millis(250)
const chunkBytes = 64 * 1024
/** A line that is longer is handed on in pieces of this size: a journal has none. */
const maxLineBytes = 16 * 1024 * 1024

interface State {
  readonly offset: number
  /** What was read after the last whole line. */
  readonly rest: Buffer
  readonly count: number
}

const failure = (cause: unknown) =>
  new FollowError({ message: cause instanceof Error ? cause.message : String(cause) })

const read = (file: FileHandle, offset: number) =>
  Effect.tryPromise({
    try: async () => {
      const buffer = Buffer.alloc(chunkBytes)
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, offset)
      return buffer.subarray(0, bytesRead)
    },
    catch: failure
  })

/** A line that was begun is not handed on before its end is there. */
export const followLines = (
  path: string,
  { follows, from = 0, isLast = () => false }: FollowOptions
): Stream.Stream<string, FollowError> =>
  Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(Effect.tryPromise({ try: () => open(path, "r"), catch: failure }), (file) =>
        Effect.promise(() => file.close())
      ),
      (file) =>
        Stream.paginate<State, string, FollowError>(
          { offset: 0, rest: Buffer.alloc(0), count: 0 },
          Effect.fnUntraced(function* ({ count, offset, rest }) {
            const chunk = yield* read(file, offset)
            if (chunk.length === 0) {
              if (!follows) return [[], Option.none()]
              yield* Effect.sleep(pause)
              return [[], Option.some({ count, offset, rest })]
            }
            const bytes = Buffer.concat([rest, chunk])
            const end = bytes.length > maxLineBytes ? bytes.length : bytes.lastIndexOf(10) + 1
            const lines = end === 0 ? [] : bytes.toString("utf8", 0, end).split("\n")
            if (lines.at(-1) === "") lines.pop()
            const shown = lines.slice(Math.max(0, from - count))
            const last = shown.findIndex(isLast)
            const next = {
              offset: offset + chunk.length,
              rest: bytes.subarray(end),
              count: count + lines.length
            }
            return last >= 0 ? [shown.slice(0, last + 1), Option.none()] : [shown, Option.some(next)]
          })
        )
    )
  )
