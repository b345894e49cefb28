import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"

import * as JobController from "../../layers/embedded/kubelet/JobController.ts"
import * as Kubelet from "../../layers/embedded/kubelet/Kubelet.ts"
import * as LogFiles from "../../layers/embedded/kubelet/LogFiles.ts"
import * as KubeJobRunner from "../../layers/kube/KubeJobRunner.ts"
import { jobs } from "../../schema/Job.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { runGateJob } from "../../src/tools/runGateJob.ts"
import * as FakeCluster from "../fakes/FakeCluster.ts"
import * as GateWorld from "./GateWorld.ts"
import { hasNamespaces } from "./localGate.ts"

const embedded = (dataDirectory: string) =>
  Layer.mergeAll(
    KubeJobRunner.layer,
    JobController.layer,
    Kubelet.layer({
      dataDirectory,
      foremanCommand: {
        node: process.execPath,
        script: join(import.meta.dirname, "../../programs/foreman.ts")
      },
      hostEnv: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" }
    }).pipe(Layer.provide(LogFiles.layer()))
  ).pipe(Layer.provideMerge(FakeCluster.layer))

describe("a gate Job on the embedded cluster", () => {
  it.live("judges a branch with a name that a shell would run", () =>
    Effect.gen(function* () {
      const world = yield* GateWorld.make({
        Makefile: 'fmt:\n\t@test ! -e broken\ntest:\n\t@touch "$$HOME/x"\n'
      })
      const branch = '$(touch>x)-"quoted"-$$'
      const commit = world.commit(branch, { broken: "" })
      const tool = runGateJob({
        namespace: "foreman-system",
        gateImage: "foreman:test",
        cachePVC: undefined,
        claimId: "claim-1",
        taskUid: "uid-1",
        gitRemoteURL: undefined,
        onJobCreated: () => Effect.void
      })
      yield* Effect.gen(function* () {
        const kube = yield* KubeClient
        const { terminal } = yield* tool.call(
          { repo: "acme/widget", branch, cloneURL: world.remote },
          { task: { namespace: "default", name: "gate-1" }, bashTimeout: Duration.seconds(1) }
        )
        const checks = terminal?.extra["checks"] as
          | ReadonlyArray<{ name: string; exitCode: number }>
          | undefined
        assert.deepStrictEqual(
          [
            terminal?.verdict,
            terminal?.extra["message"],
            terminal?.extra["commitSHA"],
            terminal?.extra["confinement"],
            checks?.map(({ exitCode, name }) => [name, exitCode])
          ],
          [
            "GATE-FAIL",
            "fmt exited 2",
            commit,
            hasNamespaces ? "namespaces" : "process",
            [
              ["fmt", 2],
              ["test", 0]
            ]
          ]
        )
        const { items } = yield* kube.list(jobs)
        assert.deepStrictEqual(
          items.map(({ metadata }) => metadata.name),
          ["foreman-gate-gate-1-claim1-1"]
        )
      }).pipe(Effect.provide(embedded(join(world.root, "cluster"))))
    })
  )
})
