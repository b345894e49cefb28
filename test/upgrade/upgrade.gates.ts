/** Today's `foreman up` on what releases left behind; `v0.1.0/README.md` says how that was made. */
import { execFileSync } from "node:child_process"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { startUp, temporaryFolder, whyNoKubectl } from "../e2e/foreman.ts"

/** Every kind that the recorded cluster holds objects of. */
const kinds =
  "agentictasks,workloads,agents,fleetnodes,modelprofiles,agentreleases,inferenceservices,secrets,configmaps"

/** A task's name, phase and verdict, as one line. */
const stateOf = ({ metadata, status }: any): string =>
  [metadata.name, status.phase, status.verdict].filter((word) => word !== undefined).join(" ")

describe.skipIf(whyNoKubectl !== undefined)("foreman up on the data folder of 0.1.0", () => {
  it("serves every object, leaves ended tasks alone and ends the one that ran", async ({
    onTestFinished
  }) => {
    const home = await temporaryFolder(onTestFinished)
    const data = join(home, "data")
    await mkdir(data)
    execFileSync("tar", ["-xzf", join(import.meta.dirname, "v0.1.0", "data.tar.gz"), "-C", data])
    const up = await startUp({
      home,
      agentFlags: ["--fleet-node-name=laptop", "--agent-mode=stub", "--stub-sleep=1ms", "--task-namespace="]
    })
    onTestFinished(async () => void (await up.stop()))
    await up.kubectl("wait", "at/runs", "--for=jsonpath={.status.verdict}=GO", "--timeout=20s")

    const { items } = await up.getJson(kinds, "--namespace=default")
    const of = (kind: string) => items.filter((item: any) => item.kind === kind)
    const names = (kind: string) => of(kind).map(({ metadata }: any) => metadata.name)
    const tasks = of("AgenticTask")
    assert.includeMembers(tasks.map(stateOf), [
      "builds-on-a-failure Failed INCOMPLETE",
      "fix-slug-code Succeeded GO",
      "fix-slug-gate Succeeded GO",
      "fix-slug-review Succeeded GO",
      "m2-stub-demo Succeeded GO",
      "runs Succeeded GO",
      "takes-too-long Succeeded INCOMPLETE",
      "waits-for-a-node Pending",
      "waits-for-a-task Pending"
    ])
    assert.strictEqual(tasks.length, 10)
    const ended = tasks.find(({ metadata }: any) => metadata.name === "fix-slug-code")
    assert.strictEqual(ended.status.result.summary, "stub executor slept 2s on task default/fix-slug-code")
    assert.deepStrictEqual(of("Workload").map(stateOf), ["fix-slug Completed"])
    assert.deepStrictEqual(names("Agent"), ["coder", "gate", "reviewer"])
    assert.deepStrictEqual(names("FleetNode"), ["laptop", "mac"])
    assert.deepStrictEqual(["ModelProfile", "AgentRelease", "InferenceService", "ConfigMap"].map(names), [
      ["coder-model"],
      ["next"],
      ["coder-model"],
      ["settings"]
    ])
    const [secret] = of("Secret")
    assert.strictEqual(Buffer.from(secret.data.token, "base64").toString(), "not-a-token")
  })
})
