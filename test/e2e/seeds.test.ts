/** The seeds' acceptance, through `foreman up` with real kubectl and git: the M2 smoke task and the M4 two-step pipeline. */
import { execFileSync } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"

import { start as startScriptedModel } from "../../layers/scripted/ScriptedModelServer.ts"
import { git, makeRemote, root, startUp, temporaryFolder, whyNoKubectl } from "./foreman.ts"

const example = (name: string): string => join(root, "examples", name)

const checks = ["fmt", "vet", "lint", "test", "manifests", "chart-crds", "foreman-chart-crds"]

const hasMake = ((): boolean => {
  try {
    return execFileSync("make", ["--version"]).length > 0
  } catch {
    return false
  }
})()

const conditionTrail = (task: any): ReadonlyArray<string> =>
  task.status.conditions.map((condition: any) => `${condition.type}=${condition.status}/${condition.reason}`)

describe.skipIf(whyNoKubectl !== undefined)("the M2 smoke task (seed 002)", () => {
  it("goes Scheduled, Running, Succeeded with the seed's conditions, columns and result", async ({
    onTestFinished
  }) => {
    const home = await temporaryFolder(onTestFinished)
    const up = await startUp({
      home,
      agentFlags: ["--agent-mode=stub", "--stub-sleep=300ms", "--accelerator=metal"]
    })
    onTestFinished(async () => void (await up.stop()))

    const nodes = await up.kubectl("get", "fleetnodes")
    assert.match(
      nodes,
      /^NAME +PHASE +ACCELERATOR +RAM +CURRENT TASK +HEARTBEAT +AGE\nm5-max +Ready +metal +\d+ +/u
    )

    await up.kubectl("apply", "-f", example("stub-task.yaml"))
    await up.kubectl(
      "wait",
      "agentictask/m2-stub-demo",
      "--for=jsonpath={.status.phase}=Succeeded",
      "--timeout=15s"
    )

    const task = await up.getJson("agentictask", "m2-stub-demo")
    assert.deepStrictEqual(conditionTrail(task), [
      "Scheduled=True/FleetNodeAssigned",
      "Running=True/Claimed",
      "Completed=True/ExecutorSucceeded"
    ])
    assert.strictEqual(task.status.assignedNode, "m5-max")
    assert.strictEqual(task.status.verdict, "GO")
    const { elapsedSec, summary, ...result } = task.status.result
    assert.deepStrictEqual(result, {
      schemaVersion: "foreman.v1",
      kind: "stub",
      verdict: "GO",
      extra: { taskKind: "freeform", agentName: "stub", modelRef: "" }
    })
    assert.isAbove(elapsedSec, 0.29)
    assert.match(summary, /^stub executor slept \S+ on task default\/m2-stub-demo$/u)
    assert.match(
      await up.kubectl("get", "at"),
      /^NAME +PHASE +KIND +NODE +VERDICT +AGE\nm2-stub-demo +Succeeded +freeform +m5-max +GO +\d+s\n$/u
    )

    assert.strictEqual(await up.stop(), 0)
    assert.match(up.log(), /Starting workers/u)
  })
})

describe.skipIf(!hasMake || whyNoKubectl !== undefined)(
  "the M4 two-step pipeline (seed 000; skipped where there is no make)",
  () => {
    // A target that the coder's own gate leaves to the gate: else the coder would hear of it first.
    const commands: Readonly<Record<string, string>> = { manifests: "tools/format.js", test: "--test" }
    const makefile = `.PHONY: ${checks.join(" ")}\n${checks.map((name) => `${name}:\n\t@node ${commands[name] ?? "tools/none.js"}\n`).join("")}`

    const pipeline = async (script: string, onEnd: (clean: () => Promise<void>) => void) => {
      const home = await temporaryFolder(onEnd)
      const scope = Scope.makeUnsafe()
      onEnd(() => Effect.runPromise(Scope.close(scope, Exit.void)))
      const { scripts } = JSON.parse(await readFile(example(`demo/${script}`), "utf8"))
      const model = await Effect.runPromise(startScriptedModel({ scripts }).pipe(Scope.provide(scope)))
      const remote = await makeRemote(home, example("demo/repository"), {
        Makefile: makefile,
        "tools/none.js": "\n"
      })
      const up = await startUp({
        home,
        agentFlags: [
          "--roles=worker,verifier",
          `--git-remote-url=${remote}`,
          "--commit-author-email=bot@example.com"
        ]
      })
      onEnd(async () => void (await up.stop()))
      await up.kubectl("apply", "-f", example("agents"), "-f", example("inference-services.yaml"))
      for (const name of ["coder-model", "reviewer-model"]) {
        const patch = JSON.stringify({ status: { endpoint: `${model.baseURL}/chat/completions` } })
        await up.kubectl("patch", "isvc", name, "--subresource=status", "--type=merge", "-p", patch)
      }
      await up.kubectl("apply", "-f", example("two-step.yaml"))
      await up.kubectl("wait", "at/gate-503", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=40s")
      return { home, up, code: await up.getJson("at", "code-503"), gate: await up.getJson("at", "gate-503") }
    }

    it(
      "GATE-PASS has the seed's status, and the branch is on the remote",
      { timeout: 60_000 },
      async ({ onTestFinished }) => {
        const { home, up, code, gate } = await pipeline("script.json", onTestFinished)

        assert.strictEqual(code.status.verdict, "GO")
        const head = await git(join(home, "slug.git"), "rev-parse", "foreman/issue-503")
        assert.strictEqual(code.status.commitSHA, head)

        const { result, ...status } = gate.status
        assert.deepInclude(status, { phase: "Succeeded", verdict: "GATE-PASS", assignedNode: "m5-max" })
        assert.deepInclude(result, {
          schemaVersion: "foreman.v1",
          kind: "native-agent-loop",
          verdict: "GATE-PASS",
          summary: "all gate checks passed"
        })
        const { toolOutput, modelExtra } = result.extra
        assert.deepInclude(result.extra, { outcome: "", deterministic: true, dispatchedTool: "run_gate_job" })
        assert.deepInclude(toolOutput, {
          namespace: "foreman-system",
          repo: "acme/slug",
          branch: "foreman/issue-503"
        })
        assert.match(toolOutput.jobName, /^foreman-gate-gate-503-/u)
        assert.strictEqual(modelExtra.jobName, toolOutput.jobName)
        for (const check of checks) assert.include(modelExtra.logTail, `=== make ${check} ===\n`)
        assert.match(modelExtra.logTail, /\nGATE PASS\n?$/u)
        assert.strictEqual(result.extra.commitSHA, head)

        const ofTask = ["-n", "foreman-system", "jobs", "-l", "foreman.llmkube.dev/task-name=gate-503"]
        // The verdict is read from the pod, so it may be there before the Job counts as complete.
        await up.kubectl("wait", ...ofTask, "--for=condition=Complete", "--timeout=20s")
        const jobs = await up.kubectl("get", ...ofTask)
        assert.match(jobs, new RegExp(`${toolOutput.jobName} +Complete +1/1`, "u"))
        const log = await up.kubectl(
          "-n",
          "foreman-system",
          "logs",
          `job/${toolOutput.jobName}`,
          "-c",
          "gate"
        )
        assert.match(log, /\nGATE PASS\n$/u)
      }
    )

    it(
      "GATE-FAIL is phase Succeeded, and the log's tail names the file",
      { timeout: 60_000 },
      async ({ onTestFinished }) => {
        const { gate } = await pipeline("script-fail.json", onTestFinished)
        assert.deepInclude(gate.status, {
          phase: "Succeeded",
          verdict: "GATE-FAIL",
          failureReason: "GateFailed"
        })
        assert.strictEqual(gate.status.result.summary, "one or more gate checks failed")
        const { logTail } = gate.status.result.extra.modelExtra
        assert.include(logTail, "- src/slug.js\n")
        assert.include(logTail, "GATE FAIL: tree dirty after checks (unformatted or stale codegen)")
      }
    )
  }
)
