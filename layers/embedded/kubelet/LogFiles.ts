/** The logs of containers: written by the kubelet, read by `KubeletLogs.ts`, bounded on disk. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"

import { Context, Effect, Latch, Layer } from "effect"

import {
  blockBytes,
  decodeRecords,
  encodeRecords,
  type LogRecord,
  type Position,
  segmentName,
  segmentsOf
} from "./logRecords.ts"

export interface LogWriter {
  /** Synchronous, so that output is in the file before the exit that followed it is known. A full disk loses output, not Foreman. */
  readonly append: (chunk: Buffer, timeMillis: number) => void
  readonly end: () => void
}

/** Some records and where to go on, or the end of what there will ever be. */
export type Block =
  | {
      readonly _tag: "Records"
      readonly segment: number
      readonly records: ReadonlyArray<LogRecord>
      readonly next: Position
    }
  /** Read all that is there. `changed` waits for more; the container still runs. */
  | { readonly _tag: "Drained"; readonly changed: Effect.Effect<void> }
  | { readonly _tag: "Ended" }

export class LogFiles extends Context.Service<
  LogFiles,
  {
    readonly write: (folder: string, run: number) => Effect.Effect<LogWriter>
    /** What is at a position. A segment that was dropped meanwhile is skipped. */
    readonly read: (folder: string, run: number, position: Position) => Effect.Effect<Block>
  }
>()("foreman/layers/embedded/LogFiles") {}

const keyOf = (folder: string, run: number) => `${folder}#${run}`

/** Two segments are kept: 64 MiB a run of a container. */
const defaultSegmentBytes = 32 * 1024 * 1024

export const layer = (options: { readonly segmentBytes?: number } = {}) =>
  Layer.sync(LogFiles, () => {
    const segmentBytes = options.segmentBytes ?? defaultSegmentBytes
    /** Runs that are being written, and the latch that opens at their next change. */
    const live = new Map<string, Latch.Latch>()

    const changed = (key: string, isEnd: boolean) => {
      const latch = live.get(key)
      if (isEnd) live.delete(key)
      else live.set(key, Latch.makeUnsafe())
      latch?.openUnsafe()
    }

    const write = (folder: string, run: number) =>
      Effect.sync((): LogWriter => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const key = keyOf(folder, run)
        let segment = 0
        let size = 0
        let file = openSync(join(folder, segmentName(run, segment)), "a", 0o600)
        live.set(key, Latch.makeUnsafe())

        const turn = () => {
          const next = openSync(join(folder, segmentName(run, segment + 1)), "a", 0o600)
          closeSync(file)
          rmSync(join(folder, segmentName(run, segment - 1)), { force: true })
          file = next
          segment += 1
          size = 0
        }
        return {
          append: (chunk, timeMillis) => {
            try {
              const bytes = encodeRecords(chunk, new Date(timeMillis).toISOString())
              if (size > 0 && size + bytes.length > segmentBytes) turn()
              for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
              size += bytes.length
            } catch {
              // No space: said nowhere, because the one place to say it is full.
            }
            changed(key, false)
          },
          end: () => {
            closeSync(file)
            changed(key, true)
          }
        }
      })

    const read = Effect.fnUntraced(function* (
      folder: string,
      run: number,
      position: Position
    ): Effect.fn.Return<Block> {
      // Taken before the file is read: what is written after the read opens it.
      const latch = live.get(keyOf(folder, run))
      const segments = segmentsOf(folder, run)
      const segment = segments.find((number) => number >= position.segment)
      if (segment === undefined) return { _tag: "Ended" }
      const offset = segment === position.segment ? position.offset : 0
      const block = yield* Effect.promise(() => readBlock(join(folder, segmentName(run, segment)), offset))
      const { records, end } = decodeRecords(block, offset)
      if (records.length > 0) return { _tag: "Records", segment, records, next: { segment, offset: end } }
      if (segments.some((number) => number > segment))
        return { _tag: "Records", segment, records: [], next: { segment: segment + 1, offset: 0 } }
      return latch === undefined ? { _tag: "Ended" } : { _tag: "Drained", changed: latch.await }
    })

    return LogFiles.of({ write, read })
  })

/** Empty at the end of the file, and when the segment was dropped since we looked. */
const readBlock = async (path: string, offset: number): Promise<Buffer> => {
  const file = await open(path, "r").catch(() => undefined)
  if (file === undefined) return Buffer.alloc(0)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
