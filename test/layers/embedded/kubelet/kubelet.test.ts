import { existsSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"

import { persistentVolumeClaims } from "../../../../layers/embedded/kubelet/volumes.ts"
import { configMaps, events, secrets } from "../../../../schema/Core.ts"
import { type Pod, pods, type PodSpec } from "../../../../schema/Job.ts"
import { KubeClient } from "../../../../src/services/KubeClient.ts"
import * as FakeCluster from "../../../fakes/FakeCluster.ts"
import {
  create,
  isOver,
  logOf,
  namespace,
  runToEnd,
  sh,
  terminated,
  until,
  withKubelet
} from "./podHarness.ts"

const reasonOf = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason

describe("a container", () => {
  it.live("runs its command, and its output keeps its order", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const pod = yield* runToEnd("ok", {
          containers: [sh("main", "echo out; echo err >&2; echo again >/dev/stderr; printf end")]
        })
        assert.strictEqual(pod.status?.phase, "Succeeded")
        const { startedAt, finishedAt, ...how } = terminated(pod) ?? { exitCode: -1 }
        assert.deepStrictEqual(how, { exitCode: 0, reason: "Completed" })
        assert.isTrue((startedAt ?? "") <= (finishedAt ?? "") && (finishedAt ?? "") !== "")
        assert.strictEqual(yield* logOf("ok"), "out\nerr\nagain\nend")
        assert.deepStrictEqual(
          pod.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
          [
            ["PodScheduled", "True", undefined],
            ["Initialized", "True", undefined],
            ["Ready", "False", "PodCompleted"],
            ["ContainersReady", "False", "PodCompleted"]
          ]
        )
      })
    )
  )

  it.live.each([
    { how: "an exit code", script: "exit 3", ends: { exitCode: 3, reason: "Error" } },
    { how: "a signal", script: "kill -KILL $$$$", ends: { exitCode: 137, signal: 9, reason: "Error" } },
    {
      how: "a termination message, of 4,096 bytes at most",
      script: "printf %05000d 7 > $FOREMAN_TERMINATION_LOG; exit 1",
      ends: { exitCode: 1, reason: "Error", message: "0".repeat(4096) }
    },
    {
      how: "no message where its file became a device",
      script: "ln -sf /dev/zero $FOREMAN_TERMINATION_LOG; exit 1",
      ends: { exitCode: 1, reason: "Error" }
    },
    {
      how: "the end of its log, where the pod asks for that",
      script: "echo why; exit 1",
      container: { terminationMessagePolicy: "FallbackToLogsOnError" },
      ends: { exitCode: 1, reason: "Error", message: "why\n" }
    },
    {
      how: "127 for a command that is not there",
      container: { command: ["no-such-command"] },
      ends: {
        exitCode: 127,
        reason: "ContainerCannotRun",
        message: 'exec: "no-such-command": executable file not found in $PATH'
      }
    }
  ])("ends with $how", ({ script, container, ends }) =>
    withKubelet(() =>
      Effect.gen(function* () {
        const env = [{ name: "FOREMAN_TERMINATION_LOG", value: "/dev/termination-log" }]
        const pod = yield* runToEnd("ends", { containers: [sh("main", script ?? "", { env, ...container })] })
        const { startedAt: _, finishedAt: __, ...how } = terminated(pod) ?? { exitCode: -1 }
        assert.deepStrictEqual({ phase: pod.status?.phase, how }, { phase: "Failed", how: ends })
      })
    )
  )

  it.live("without a command is refused in a sentence", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const pod = yield* runToEnd("image", { containers: [{ name: "main", image: "golang:1.26" }] })
        const message =
          'container "main" needs an explicit command: the embedded cluster runs processes, not images'
        assert.deepStrictEqual(
          [pod.status?.phase, pod.status?.reason, pod.status?.message],
          ["Failed", "CreateContainerConfigError", message]
        )
        assert.deepStrictEqual(pod.status?.containerStatuses?.[0]?.state, {
          waiting: { reason: "CreateContainerConfigError", message }
        })
      })
    )
  )

  it.live("sees what the pod says, how programs are found here, and nothing else of ours", () =>
    withKubelet((folder) =>
      Effect.gen(function* () {
        const { seed } = yield* FakeCluster.FakeCluster
        yield* seed(secrets, { metadata: { name: "s", namespace }, data: { token: btoa("t0p") } })
        yield* seed(configMaps, { metadata: { name: "c", namespace }, data: { mode: "fast" } })
        yield* runToEnd("env", {
          containers: [
            sh("main", "env | grep -v '^\\(PWD\\|SHLVL\\|_\\)=' | sort; command -v foreman-agent", {
              env: [
                { name: "TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "token" } } },
                { name: "MODE", valueFrom: { configMapKeyRef: { name: "c", key: "mode" } } },
                { name: "GONE", valueFrom: { secretKeyRef: { name: "x", key: "y", optional: true } } },
                { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
                { name: "BOTH", value: "$(POD)-$(MODE) $(NONE) $$(POD)" },
                { name: "PATH", value: "/usr/bin:/bin" }
              ]
            })
          ]
        })
        const pod = yield* until("env", isOver)
        const home = join(folder, "pods", `${namespace}_env_${pod.metadata.uid}`, "containers", "main")
        assert.deepStrictEqual((yield* logOf("env")).trimEnd().split("\n"), [
          "BOTH=env-fast $(NONE) $(POD)",
          `FOREMAN_CONTAINER_ID=${pod.metadata.uid}/main`,
          `HOME=${home}/home`,
          "MODE=fast",
          `PATH=${folder}/bin:/usr/bin:/bin`,
          "POD=env",
          "RUSTUP_HOME=/home/ada/.rustup",
          `TERMINATION_LOG=${home}/termination-log`,
          `TMPDIR=${home}/tmp`,
          "TOKEN=t0p",
          `${folder}/bin/foreman-agent`
        ])
      })
    )
  )

  it.live("that lacks a Secret waits with the kubelet's words and starts once it is there", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const { seed } = yield* FakeCluster.FakeCluster
        const env = [{ name: "T", valueFrom: { secretKeyRef: { name: "late", key: "k" } } }]
        yield* create("wait", { containers: [sh("main", "echo $T", { env })] })
        const waiting = yield* until("wait", (pod) => reasonOf(pod) === "CreateContainerConfigError")
        assert.deepStrictEqual(
          [waiting.status?.phase, waiting.status?.containerStatuses?.[0]?.state?.waiting?.message],
          ["Pending", 'secret "late" not found']
        )
        yield* seed(secrets, { metadata: { name: "late", namespace }, data: { k: btoa("now") } })
        yield* until("wait", isOver)
        assert.strictEqual(yield* logOf("wait"), "now\n")
      })
    )
  )
})

describe("volumes", () => {
  it.live("are folders, and what is or lies below a mountPath is rewritten", () =>
    withKubelet((folder) =>
      Effect.gen(function* () {
        const { seed } = yield* FakeCluster.FakeCluster
        yield* seed(secrets, { metadata: { name: "s", namespace }, data: { token: btoa("t0p") } })
        yield* seed(persistentVolumeClaims, { metadata: { name: "cache", namespace }, spec: {} })
        const volumeMounts = [
          { name: "work", mountPath: "/work" },
          { name: "cache", mountPath: "/work/cache" },
          { name: "secret", mountPath: "/secret" }
        ]
        const spec: PodSpec = {
          volumes: [
            { name: "work", emptyDir: {} },
            { name: "cache", persistentVolumeClaim: { claimName: "cache" } },
            { name: "secret", secret: { secretName: "s", defaultMode: 0o400 } }
          ],
          initContainers: [
            sh("first", 'echo shared > "$0"; echo kept >> "$CACHE/file"', {
              command: ["sh", "-c", 'echo shared > "$0"; echo kept >> "$CACHE/file"', "/work/a"],
              env: [{ name: "CACHE", value: "/work/cache" }],
              volumeMounts
            })
          ],
          containers: [
            sh("main", "", {
              command: ["sh", "-c", 'cat a "$1" "${2#--dir=}/file"; stat -c %a "$1"; echo /workshop', "sh"],
              args: ["/secret/token", "--dir=/work/cache"],
              workingDir: "/work",
              volumeMounts
            })
          ]
        }
        const pod = yield* runToEnd("first", spec)
        assert.strictEqual(yield* logOf("first"), "shared\nt0pkept\n400\n/workshop\n")
        const kube = yield* KubeClient
        yield* kube.delete(pods, { namespace, name: "first" })
        const own = join(folder, "pods", `${namespace}_first_${pod.metadata.uid}`)
        yield* Effect.sync(() => existsSync(own)).pipe(
          Effect.repeat({ until: (is) => !is, schedule: Schedule.spaced("10 millis") })
        )
        // A claim outlives its pods, an emptyDir does not.
        yield* runToEnd("second", spec)
        assert.strictEqual(yield* logOf("second"), "shared\nt0pkept\nkept\n400\n/workshop\n")
      })
    )
  )

  it.live("of a claim that is missing leave the pod unscheduled, and say so", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        yield* create("pending", {
          volumes: [{ name: "cache", persistentVolumeClaim: { claimName: "nope" } }],
          containers: [sh("main", "true")]
        })
        const pod = yield* until(
          "pending",
          (found) => found.status?.conditions?.some(({ reason }) => reason === "Unschedulable") === true
        )
        const { lastTransitionTime: _, ...scheduled } = pod.status?.conditions?.[0] ?? { type: "" }
        assert.deepStrictEqual(
          { phase: pod.status?.phase, scheduled },
          {
            phase: "Pending",
            scheduled: {
              type: "PodScheduled",
              status: "False",
              reason: "Unschedulable",
              message: 'persistentvolumeclaim "nope" not found'
            }
          }
        )
        const kube = yield* KubeClient
        const said = yield* kube
          .list(events)
          .pipe(
            Effect.repeat({ until: ({ items }) => items.length > 0, schedule: Schedule.spaced("10 millis") })
          )
        assert.deepStrictEqual(
          said.items.map(({ reason, message, involvedObject }) => [reason, message, involvedObject.name]),
          [["FailedScheduling", 'persistentvolumeclaim "nope" not found', "pending"]]
        )
      })
    )
  )
})

describe("init containers and sidecars", () => {
  it.live(
    "a sidecar is up before the main container, is started again when it dies, and ends with the pod",
    () =>
      withKubelet(() =>
        Effect.gen(function* () {
          const volumeMounts = [{ name: "v", mountPath: "/v" }]
          const env = [{ name: "V", value: "/v" }]
          const pod = yield* runToEnd("side", {
            volumes: [{ name: "v", emptyDir: {} }],
            initContainers: [
              sh(
                "toolchain",
                'trap "echo bye; exit 0" TERM; echo up >> $V/up; while :; do sleep 0.02; [ -e $V/die ] && rm $V/die && exit 1; done',
                {
                  restartPolicy: "Always",
                  volumeMounts,
                  env
                }
              )
            ],
            containers: [
              sh("gate", 'touch $V/die; until [ "$(wc -l < $V/up)" = 2 ]; do sleep 0.02; done; exit 1', {
                volumeMounts,
                env
              })
            ]
          })
          assert.deepStrictEqual([pod.status?.phase, terminated(pod)?.exitCode], ["Failed", 1])
          const sidecar = pod.status?.initContainerStatuses?.[0]
          assert.deepStrictEqual(
            [
              sidecar?.restartCount,
              sidecar?.state?.terminated?.exitCode,
              sidecar?.lastState?.terminated?.exitCode
            ],
            [1, 0, 1]
          )
          assert.match(yield* logOf("side", { container: "toolchain" }), /bye\n$/u)
          assert.strictEqual(yield* logOf("side", { container: "toolchain", previous: true }), "")
        })
      )
  )

  it.live("an init container that fails ends the pod before its main container", () =>
    withKubelet(() =>
      Effect.gen(function* () {
        const pod = yield* runToEnd("init", {
          initContainers: [sh("one", "exit 4")],
          containers: [sh("main", "true")]
        })
        assert.deepStrictEqual(
          [
            pod.status?.phase,
            pod.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode,
            pod.status?.containerStatuses?.[0]?.state
          ],
          ["Failed", 4, { waiting: { reason: "PodInitializing" } }]
        )
      })
    )
  )
})
