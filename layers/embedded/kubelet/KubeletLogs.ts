/** `kubectl logs`, from the files of the kubelet. Knows no API server: the server itself asks it. */
import { Clock, Effect, Layer, Stream } from "effect"

import { ApiError } from "../Apiserver.ts"
import { LogFiles } from "./LogFiles.ts"
import { type LogRecord, newestRun, type Position } from "./logRecords.ts"
import { findPodFolder, logFolder, type PodRecord, readRecord } from "./podFolder.ts"
import { type PodLogOptions, PodLogs } from "../PodLogs.ts"

const beginning: Position = { segment: 0, offset: 0 }

export const layer = (options: { readonly dataDirectory: string }): Layer.Layer<PodLogs, never, LogFiles> =>
  Layer.effect(
    PodLogs,
    Effect.gen(function* () {
      const files = yield* LogFiles

      /** Where the last lines begin. Reads the log once, from its start: at most the two segments that are kept. */
      const tailPosition = Effect.fnUntraced(function* (folder: string, run: number, lines: number) {
        const starts: Array<Position> = []
        let isLineStart = true
        let position = beginning
        for (;;) {
          const block = yield* files.read(folder, run, position)
          if (block._tag !== "Records") return lines === 0 ? position : (starts.at(-lines) ?? beginning)
          for (const record of block.records) {
            if (isLineStart) starts.push({ segment: block.segment, offset: record.offset })
            isLineStart = record.isLine
          }
          position = block.next
        }
      })

      const stream = (folder: string, run: number, from: Position, asked: PodLogOptions, since: string) =>
        Stream.unfold(
          { position: from, isLineStart: true, left: asked.limitBytes ?? Number.POSITIVE_INFINITY },
          Effect.fnUntraced(function* (state) {
            let { position } = state
            while (state.left > 0) {
              const block = yield* files.read(folder, run, position)
              if (block._tag === "Ended") return undefined
              if (block._tag === "Drained") {
                if (asked.follow !== true) return undefined
                yield* block.changed
                continue
              }
              position = block.next
              const { bytes, isLineStart } = render(
                block.records.filter(({ time }) => time >= since),
                asked.timestamps === true,
                state.isLineStart
              )
              if (bytes.length === 0) continue
              const sent = bytes.subarray(0, state.left)
              return [sent, { position, isLineStart, left: state.left - sent.length }] as const
            }
            return undefined
          })
        )

      const open = Effect.fn("KubeletLogs.open")(function* (
        ref: { readonly namespace: string; readonly name: string },
        asked: PodLogOptions
      ) {
        const pod = findPodFolder(options.dataDirectory, ref)
        const record = pod === undefined ? undefined : readRecord(pod)
        if (pod === undefined || record === undefined) return yield* waiting(ref.name, asked.container ?? "")
        const container = yield* chooseContainer(ref.name, record, asked.container)
        const folder = logFolder(pod, container)
        const newest = newestRun(folder)
        if (newest < 0) return yield* waiting(ref.name, container)
        const run = asked.previous === true ? newest - 1 : newest
        if (run < 0)
          return yield* badRequest(
            `previous terminated container "${container}" in pod "${ref.name}" not found`
          )

        const now = yield* Clock.currentTimeMillis
        const since =
          asked.sinceSeconds === undefined ? "" : new Date(now - asked.sinceSeconds * 1000).toISOString()
        const from =
          asked.tailLines === undefined ? beginning : yield* tailPosition(folder, run, asked.tailLines)
        return stream(folder, run, from, asked, since)
      })

      return PodLogs.of({ open })
    })
  )

const badRequest = (message: string) => new ApiError({ code: 400, reason: "BadRequest", message })

const waiting = (pod: string, container: string) =>
  badRequest(`container "${container}" in pod "${pod}" is waiting to start: ContainerCreating`)

const chooseContainer = (
  pod: string,
  record: PodRecord,
  asked: string | undefined
): Effect.Effect<string, ApiError> => {
  const { containers, initContainers, defaultContainer } = record
  const only = containers.length === 1 ? containers[0] : undefined
  const name = asked ?? defaultContainer ?? only
  if (name === undefined)
    return Effect.fail(
      badRequest(
        `a container name must be specified for pod ${pod}, choose one of: [${containers.join(" ")}]`
      )
    )
  return [...containers, ...initContainers].includes(name)
    ? Effect.succeed(name)
    : Effect.fail(badRequest(`container ${name} is not valid for pod ${pod}`))
}

const render = (records: ReadonlyArray<LogRecord>, timestamps: boolean, startsLine: boolean) => {
  const parts: Array<Buffer> = []
  let isLineStart = startsLine
  for (const { time, isLine, text } of records) {
    if (timestamps && isLineStart) parts.push(Buffer.from(`${time} `))
    parts.push(text)
    if (isLine) parts.push(newline)
    isLineStart = isLine
  }
  return { bytes: Buffer.concat(parts), isLineStart }
}
const newline = Buffer.from("\n")
