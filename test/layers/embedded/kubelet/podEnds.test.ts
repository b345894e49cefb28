import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"

import { writeRecord } from "../../../../layers/embedded/kubelet/podFolder.ts"
import { startTimeOf } from "../../../../layers/embedded/kubelet/processTable.ts"
import { type Container, pods } from "../../../../schema/Job.ts"
import { KubeClient, Unavailable } from "../../../../src/services/KubeClient.ts"
import * as FakeCluster from "../../../fakes/FakeCluster.ts"
import {
  cluster,
  create,
  isOver,
  isRunning,
  kubelet,
  namespace,
  noneLeft,
  processesWith,
  runToEnd,
  sh,
  temporary,
  terminated,
  until,
  withKubelet
} from "./podHarness.ts"

/** It, and what it starts: one that ignores TERM, one that left the group, one that left it and cleared its environment. */
const stubborn = (mark: string) =>
  `trap "" TERM; (exec -a ${mark} sleep 60) & setsid bash -c 'exec -a ${mark} sleep 60' & ` +
  `env -i PATH="$PATH" setsid bash -c 'exec -a ${mark} sleep 60' & while :; do sleep 0.05; done`

const bash = (script: string): Container => ({ name: "main", image: "i", command: ["bash", "-c", script] })

describe("an end from outside", () => {
  it.live("a deadline ends the pod, with everything that it started", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const mark = "foreman-deadline-mark"
        yield* create("slow", {
          activeDeadlineSeconds: 1,
          terminationGracePeriodSeconds: 0,
          containers: [bash(stubborn(mark))]
        })
        yield* until("slow", () => processesWith(mark) === 3)
        const pod = yield* until("slow", isOver)
        assert.deepStrictEqual(
          [pod.status?.phase, pod.status?.reason, terminated(pod)?.exitCode],
          ["Failed", "DeadlineExceeded", 137]
        )
        assert.strictEqual(processesWith(mark), 0)
      })
    )
  )

  it.live("a deleted pod's processes end, also those that ignore the request, and its folder goes", () =>
    withKubelet((folder) =>
      Effect.gen(function* () {
        const mark = "foreman-delete-mark"
        yield* create("gone", { terminationGracePeriodSeconds: 0, containers: [bash(stubborn(mark))] })
        yield* until("gone", () => processesWith(mark) === 3)
        const kube = yield* KubeClient
        yield* kube.delete(pods, { namespace, name: "gone" })
        yield* noneLeft(mark)
        yield* Effect.sync(() => readdirSync(join(folder, "pods"))).pipe(
          Effect.repeat({ until: (names) => names.length === 0, schedule: Schedule.spaced("10 millis") }),
          Effect.timeout("3 seconds")
        )
      })
    )
  )

  it.live("a main container's own end takes along what it left behind", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const mark = "foreman-orphan-mark"
        const pod = yield* runToEnd("orphan", {
          containers: [bash(`setsid bash -c 'exec -a ${mark} sleep 60' & sleep 0.1; exit 0`)]
        })
        assert.strictEqual(pod.status?.phase, "Succeeded")
        assert.strictEqual(processesWith(mark), 0)
      })
    )
  )

  it.live("a kubelet that stops leaves nothing running; the next one says that the pod was lost", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const mark = "foreman-stop-mark"
      yield* Effect.gen(function* () {
        yield* create("lost", { containers: [bash(`exec -a ${mark} sleep 60`)] })
        yield* until("lost", (pod) => isRunning(pod) && processesWith(mark) === 1)
      }).pipe(Effect.provide(kubelet(folder)))
      assert.strictEqual(processesWith(mark), 0)
      const pod = yield* until("lost", isOver).pipe(Effect.provide(kubelet(folder)))
      assert.deepStrictEqual(
        [pod.status?.phase, pod.status?.reason, terminated(pod)?.reason],
        ["Failed", "NodeLost", "ContainerStatusUnknown"]
      )
      assert.deepStrictEqual(
        pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`),
        ["PodScheduled=True", "Initialized=True", "Ready=False", "ContainersReady=False"]
      )
    }).pipe(cluster)
  )
})

describe("a kubelet after kill -9", () => {
  it.live("ends the processes that were left and fails their pod; nothing runs twice", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const mark = "foreman-leftover-mark"
      const pod = yield* create("left", { containers: [sh("main", "echo again")] })
      const uid = pod.metadata.uid ?? ""
      // What a kubelet that was killed leaves: a process group of its own, and the record of it.
      const child = spawn("bash", ["-c", `exec -a ${mark} sleep 60`], {
        detached: true,
        stdio: "ignore",
        env: { PATH: process.env["PATH"], FOREMAN_CONTAINER_ID: `${uid}/main` }
      })
      // A process that merely has the number of one that we once started.
      const stranger = spawn("sleep", ["60"], { detached: true, stdio: "ignore" })
      const own = join(folder, "pods", `${namespace}_left_${uid}`)
      writeRecord(own, {
        uid,
        containers: ["main"],
        initContainers: [],
        isStarted: true,
        groups: [
          { container: "main", pid: child.pid ?? 0, startTime: startTimeOf(child.pid ?? 0) },
          { container: "main", pid: stranger.pid ?? 0, startTime: "1" }
        ]
      })
      const ended = yield* until("left", isOver).pipe(Effect.provide(kubelet(folder)))
      assert.deepStrictEqual([ended.status?.phase, ended.status?.reason], ["Failed", "NodeLost"])
      assert.strictEqual(processesWith(mark), 0)
      assert.isNull(stranger.exitCode ?? stranger.signalCode)
      stranger.kill("SIGKILL")
      assert.isFalse(existsSync(join(own, "logs")))
    }).pipe(cluster)
  )

  it.live("tells how a pod ended whose end the server never heard of", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const pod = yield* create("told", { containers: [sh("main", "echo again")] })
      const uid = pod.metadata.uid ?? ""
      writeRecord(join(folder, "pods", `${namespace}_told_${uid}`), {
        uid,
        containers: ["main"],
        initContainers: [],
        isStarted: true,
        groups: [],
        final: { phase: "Succeeded" }
      })
      const ended = yield* until("told", isOver).pipe(Effect.provide(kubelet(folder)))
      assert.strictEqual(ended.status?.phase, "Succeeded")
    }).pipe(cluster)
  )

  it.live("removes the folders of pods that are no more", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const own = join(folder, "pods", `${namespace}_old_1234`)
      writeRecord(own, { uid: "1234", containers: [], initContainers: [], isStarted: true, groups: [] })
      yield* Effect.sync(() => existsSync(own)).pipe(
        Effect.repeat({ until: (is) => !is, schedule: Schedule.spaced("10 millis") }),
        Effect.timeout("3 seconds"),
        Effect.provide(kubelet(folder))
      )
    }).pipe(cluster)
  )
})

describe("a kubelet", () => {
  it.live("tells how a pod ended until the server has heard it", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const { failNext } = yield* FakeCluster.FakeCluster
        yield* failNext(new Unavailable({ message: "connection refused" }), {
          times: 3,
          when: ({ verb, resource }) => verb === "patch" && resource === "pods"
        })
        assert.strictEqual(
          (yield* runToEnd("told", { containers: [sh("main", "true")] })).status?.phase,
          "Succeeded"
        )
      })
    )
  )

  it.live("runs no more pods at a time than it may", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      yield* Effect.gen(function* () {
        const mark = "foreman-room-mark"
        const waiting = [bash(`exec -a ${mark} sleep 60`)]
        yield* create("first", { containers: waiting, terminationGracePeriodSeconds: 0 })
        yield* until("first", isRunning)
        yield* create("second", { containers: [sh("main", "true")] })
        yield* Effect.sleep("100 millis")
        assert.strictEqual((yield* until("second", () => true)).status?.phase, "Pending")
        const kube = yield* KubeClient
        yield* kube.delete(pods, { namespace, name: "first" })
        assert.strictEqual((yield* until("second", isOver)).status?.phase, "Succeeded")
      }).pipe(Effect.provide(kubelet(folder, { maxPods: 1 })))
    }).pipe(cluster)
  )
})
