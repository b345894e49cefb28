import { writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"

import * as KubeletLogs from "../../../../layers/embedded/kubelet/KubeletLogs.ts"
import * as LogFiles from "../../../../layers/embedded/kubelet/LogFiles.ts"
import { decodeRecords, encodeRecords } from "../../../../layers/embedded/kubelet/logRecords.ts"
import { logFolder, writeRecord } from "../../../../layers/embedded/kubelet/podFolder.ts"
import { PodLogs, type PodLogOptions } from "../../../../layers/embedded/PodLogs.ts"
import { create, isRunning, namespace, sh, temporary, until, withKubelet } from "./podHarness.ts"

describe("logs", () => {
  it.live("are followed until the container ends", () =>
    withKubelet((folder) =>
      Effect.gen(function* () {
        yield* create("talk", {
          containers: [sh("main", 'echo one; until [ -e "$HOME/go" ]; do sleep 0.02; done; echo two')]
        })
        const pod = yield* until("talk", isRunning)
        const logs = yield* PodLogs
        const stream = yield* logs.open({ namespace, name: "talk" }, { follow: true })
        const chunks: Array<string> = []
        yield* stream.pipe(
          Stream.decodeText(),
          Stream.runForEach((text) =>
            Effect.sync(() => {
              chunks.push(text)
              if (text === "one\n")
                writeFileSync(
                  join(folder, "pods", `${namespace}_talk_${pod.metadata.uid}`, "containers/main/home/go"),
                  ""
                )
            })
          ),
          Effect.timeout("5 seconds")
        )
        assert.deepStrictEqual(chunks, ["one\n", "two\n"])
      })
    )
  )
})

const ref = { namespace, name: "p" }

/** A pod's log, written by hand: small segments, and a time of our own. */
const withLog = <A, E>(
  test: (write: (run: number) => Effect.Effect<LogFiles.LogWriter>) => Effect.Effect<A, E, PodLogs>,
  segmentBytes?: number
) =>
  Effect.gen(function* () {
    const dataDirectory = yield* temporary
    const own = join(dataDirectory, "pods", `${namespace}_p_1`)
    writeRecord(own, { uid: "1", containers: ["a", "b"], initContainers: ["i"], isStarted: true, groups: [] })
    const files = LogFiles.layer(segmentBytes === undefined ? {} : { segmentBytes })
    return yield* Effect.gen(function* () {
      const { write } = yield* LogFiles.LogFiles
      return yield* test((run) => write(logFolder(own, "a"), run))
    }).pipe(Effect.provide(KubeletLogs.layer({ dataDirectory }).pipe(Layer.provideMerge(files))))
  })

const read = Effect.fnUntraced(function* (options: PodLogOptions = {}) {
  const logs = yield* PodLogs
  const stream = yield* logs.open(ref, { container: "a", ...options })
  return yield* stream.pipe(Stream.decodeText(), Stream.mkString)
})

describe("a log that was written", () => {
  it.effect("is read whole, in part, with times, and from a time on", () =>
    withLog(
      Effect.fnUntraced(function* (write) {
        yield* TestClock.setTime(60_000)
        const writer = yield* write(0)
        writer.append(Buffer.from("one\ntw"), 10_000)
        writer.append(Buffer.from("o\nthree\n"), 20_000)
        writer.end()
        const parts = {
          all: yield* read(),
          tail: yield* read({ tailLines: 2 }),
          none: yield* read({ tailLines: 0 }),
          more: yield* read({ tailLines: 9 }),
          limited: yield* read({ limitBytes: 6 }),
          recent: yield* read({ sinceSeconds: 45 }),
          times: yield* read({ timestamps: true, tailLines: 2 })
        }
        assert.deepStrictEqual(parts, {
          all: "one\ntwo\nthree\n",
          tail: "two\nthree\n",
          none: "",
          more: "one\ntwo\nthree\n",
          limited: "one\ntw",
          recent: "o\nthree\n",
          times: "1970-01-01T00:00:10.000Z two\n1970-01-01T00:00:20.000Z three\n"
        })
      })
    )
  )

  it.effect("keeps its newest segments when there is too much of it", () =>
    withLog(
      Effect.fnUntraced(function* (write) {
        const writer = yield* write(0)
        for (let line = 0; line < 100; line++) writer.append(Buffer.from(`line ${line}\n`), 0)
        writer.end()
        const kept = (yield* read()).trimEnd().split("\n")
        assert.strictEqual(kept.at(-1), "line 99")
        assert.isTrue(kept.length > 20 && kept.length < 60, `${kept.length} lines`)
        assert.deepStrictEqual(
          kept,
          Array.from({ length: kept.length }, (_, index) => `line ${100 - kept.length + index}`)
        )
      }),
      1024
    )
  )

  it.effect("has the run before it under `previous`", () =>
    withLog(
      Effect.fnUntraced(function* (write) {
        const first = yield* write(0)
        first.append(Buffer.from("first\n"), 0)
        first.end()
        const failure = yield* Effect.flip(read({ previous: true }))
        assert.strictEqual(failure.message, 'previous terminated container "a" in pod "p" not found')
        const second = yield* write(1)
        second.append(Buffer.from("second\n"), 0)
        second.end()
        assert.deepStrictEqual([yield* read(), yield* read({ previous: true })], ["second\n", "first\n"])
      })
    )
  )

  it.effect.each([
    {
      asked: {},
      says: "a container name must be specified for pod p, choose one of: [a b]"
    },
    { asked: { container: "x" }, says: "container x is not valid for pod p" },
    { asked: { container: "b" }, says: 'container "b" in pod "p" is waiting to start: ContainerCreating' }
  ])("is refused as Kubernetes does: $says", ({ asked, says }) =>
    withLog(
      Effect.fnUntraced(function* () {
        const logs = yield* PodLogs
        const { code, reason, message } = yield* Effect.flip(logs.open(ref, asked))
        assert.deepStrictEqual({ code, reason, message }, { code: 400, reason: "BadRequest", message: says })
      })
    )
  )

  it.effect.prop("loses no byte, however it came", [Schema.Array(Schema.Uint8Array)], ([chunks]) =>
    Effect.sync(() => {
      const written = Buffer.concat(chunks.map((chunk) => encodeRecords(Buffer.from(chunk), "t")))
      const { records, end } = decodeRecords(written, 0)
      const back = records.flatMap(({ text, isLine }) => (isLine ? [text, Buffer.from("\n")] : [text]))
      assert.strictEqual(end, written.length)
      assert.deepStrictEqual(Buffer.concat(back), Buffer.concat(chunks))
    })
  )
})
