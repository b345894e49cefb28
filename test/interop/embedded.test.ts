/** Real processes of ours over HTTPS on the embedded cluster, with the first implementation's other half. Design §3.11. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Scope } from "effect"

import * as HttpKubeClient from "../../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../../layers/kube/KubeConfig.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { startUp, temporaryFolder } from "../e2e/foreman.ts"
import * as FirstDaemon from "./FirstDaemon.ts"
import * as FirstOperator from "./FirstOperator.ts"
import { done } from "./watching.ts"

/** `foreman up` with these flags, and a client of it, until the scope closes. */
const cluster = Effect.fnUntraced(function* (
  flags: ReadonlyArray<string>,
  agentFlags: ReadonlyArray<string>
) {
  const scope = yield* Effect.scope
  const onEnd = (clean: () => Promise<void>) =>
    void Effect.runSync(Scope.addFinalizer(scope, Effect.promise(clean)))
  const up = yield* Effect.promise(async () => {
    const home = await temporaryFolder(onEnd)
    const started = await startUp({ home, flags, agentFlags })
    onEnd(async () => void (await started.stop()))
    return started
  })
  const client = Layer.unwrap(
    Effect.map(KubeConfig.load({ kubeconfig: up.kubeconfig, context: "", env: {} }), (config) =>
      HttpKubeClient.layer(config)
    )
  )
  return yield* Layer.build(client)
})

const create = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
  const kube = yield* KubeClient
  for (const name of names) {
    const spec = { kind: "freeform", payload: { prompt: "say hello" } }
    yield* kube.create(agenticTasks, { metadata: { name, namespace: "default" }, spec })
  }
})

/** All tasks by name, once all of them ended. */
const ended = Effect.gen(function* () {
  const kube = yield* KubeClient
  for (;;) {
    const { items } = yield* kube.list(agenticTasks, { namespace: "default" })
    const isOver = items.every(({ status }) => status?.finishedAt !== undefined)
    if (isOver) return items.map(({ metadata, status }) => ({ name: metadata.name, ...status }))
    yield* Effect.sleep("100 millis")
  }
})

const nodeOf = ({ assignedNode }: { readonly assignedNode?: string | undefined }) => assignedNode

describe("beside the first implementation", () => {
  it.live(
    "our operator serves a first daemon and one of ours in one fleet",
    () =>
      Effect.gen(function* () {
        const client = yield* cluster([], ["--agent-mode=stub", "--stub-sleep=300ms"])
        yield* Effect.gen(function* () {
          yield* FirstDaemon.start({
            nodeName: "old",
            poll: "200 millis",
            heartbeat: "1 second",
            run: () => Effect.as(Effect.sleep("200 millis"), done)
          })
          const names = ["a", "b", "c", "d", "e", "f"]
          yield* create(...names)
          const tasks = yield* ended
          assert.deepStrictEqual(
            tasks.map(({ name, phase, verdict }) => [name, phase, verdict]),
            names.map((name) => [name, "Succeeded", "GO"])
          )
          assert.deepStrictEqual([...new Set(tasks.map(nodeOf))].toSorted(), ["m5-max", "old"])
          for (const task of tasks)
            assert.strictEqual(task.claim !== undefined, task.assignedNode === "m5-max")
        }).pipe(Effect.provide(client))
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "our agent serves a first operator, beside a first daemon",
    () =>
      Effect.gen(function* () {
        const client = yield* cluster(["--no-operator"], ["--agent-mode=stub", "--stub-sleep=300ms"])
        yield* Effect.gen(function* () {
          const kube = yield* KubeClient
          yield* Effect.forkScoped(FirstOperator.run("100 millis"))
          yield* FirstDaemon.start({
            nodeName: "old",
            poll: "200 millis",
            heartbeat: "1 second",
            run: () => Effect.as(Effect.sleep("200 millis"), done)
          })
          const names = ["a", "b", "c", "d", "e", "f"]
          yield* create(...names)
          const tasks = yield* ended
          assert.deepStrictEqual(
            tasks.map(({ name, phase, verdict }) => [name, phase, verdict]),
            names.map((name) => [name, "Succeeded", "GO"])
          )
          assert.deepStrictEqual([...new Set(tasks.map(nodeOf))].toSorted(), ["m5-max", "old"])
          const free = Effect.repeat(
            Effect.map(kube.list(fleetNodes), ({ items }) =>
              items.map(({ metadata, status }) => [metadata.name, status?.phase, status?.currentTask])
            ),
            {
              until: (nodes) => nodes.every(([, , currentTask]) => currentTask === undefined),
              schedule: Schedule.spaced("100 millis")
            }
          )
          assert.deepStrictEqual(yield* free, [
            ["m5-max", "Ready", undefined],
            ["old", "Ready", undefined]
          ])
        }).pipe(Effect.provide(client))
      }).pipe(Effect.scoped),
    60_000
  )
})
