/**
 * A container's log on disk, as the container runtimes keep it: one record a line, `<time> F <text>`, where `P` instead of `F` says
 * that the text has no newline after it. Segments `<run>-<number>.log`; the two newest are kept.
 */
import { readdirSync } from "node:fs"

export interface LogRecord {
  /** RFC 3339 with milliseconds: as text they sort by time. */
  readonly time: string
  readonly isLine: boolean
  readonly text: Buffer
  /** Where it begins in its segment. */
  readonly offset: number
}

/** Where to read on: the segment's number and a byte in it. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

/** A longer line is several records, so that a block always holds a whole one. */
const longestText = 16 * 1024
export const blockBytes = 64 * 1024

const newline = 0x0a
const space = 0x20

export const segmentName = (run: number, segment: number): string =>
  `${run}-${String(segment).padStart(8, "0")}.log`

/** The numbers of the segments of a run, oldest first. Without a folder there are none. */
export const segmentsOf = (folder: string, run: number): ReadonlyArray<number> =>
  namesIn(folder)
    .flatMap((name) =>
      name.startsWith(`${run}-`) ? Number(name.slice(`${run}-`.length, -".log".length)) : []
    )
    .toSorted((a, b) => a - b)

/** How often the container ran, as far as logs are there: the number of its newest run, -1 when there is none. */
export const newestRun = (folder: string): number =>
  namesIn(folder).reduce((newest, name) => Math.max(newest, Number.parseInt(name, 10)), -1)

const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".log"))
  } catch {
    return []
  }
}

/** The bytes of a chunk of output, as records. */
export const encodeRecords = (chunk: Buffer, time: string): Buffer => {
  const parts: Array<Buffer> = []
  const full = Buffer.from(`${time} F `)
  const partial = Buffer.from(`${time} P `)
  for (let start = 0; start < chunk.length;) {
    const found = chunk.indexOf(newline, start)
    const end = Math.min(found < 0 ? chunk.length : found, start + longestText)
    const isLine = found >= 0 && end === found
    parts.push(isLine ? full : partial, chunk.subarray(start, end), lineEnd)
    start = isLine ? end + 1 : end
  }
  return Buffer.concat(parts)
}
const lineEnd = Buffer.from("\n")

/** Whole records of a block that begins at `base`, and where they end. What follows the last newline is still being written. */
export const decodeRecords = (
  block: Buffer,
  base: number
): { readonly records: ReadonlyArray<LogRecord>; readonly end: number } => {
  const records: Array<LogRecord> = []
  let start = 0
  for (let end = block.indexOf(newline); end >= 0; end = block.indexOf(newline, start)) {
    const afterTime = block.indexOf(space, start)
    records.push({
      time: block.toString("latin1", start, afterTime),
      isLine: block[afterTime + 1] === 0x46,
      text: block.subarray(afterTime + 3, end),
      offset: base + start
    })
    start = end + 1
  }
  return { records, end: base + start }
}
