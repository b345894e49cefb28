/**
 * Code, gate and review with a real server, under a whole `foreman up`. Its model solves nothing, so the branch that is judged is pushed
 * beforehand: here is what a run with such a server ends as, and that a verdict which needs no model is not touched by it.
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"

import { afterAll, assert, describe, it } from "@effect/vitest"

import { git, makeRemote, root, startUp, temporaryFolder, until, whyNoKubectl } from "../e2e/foreman.ts"
import { startModel, whyNoModel } from "./modelServer.ts"

const apiVersion = "foreman.llmkube.dev/v1alpha1"
const branch = "foreman/issue-7"

const agent = (name: string, role: string, tools: ReadonlyArray<string>) => ({
  apiVersion,
  kind: "Agent",
  metadata: { name, namespace: "default" },
  spec: {
    role,
    tools,
    ...(role !== "verifier" && {
      model: "m",
      inferenceServiceRef: { name: "model" },
      systemPrompt: `You are a ${role}.`,
      maxTurns: 3,
      maxOutputTokens: 48,
      requestTurnTimeoutSeconds: 600
    })
  }
})

const task = (name: string, kind: string, agentName: string, payload: Readonly<Record<string, unknown>>) => ({
  apiVersion,
  kind: "AgenticTask",
  metadata: { name, namespace: "default" },
  spec: {
    kind,
    agentRef: { name: agentName },
    payload: { repo: "acme/slug", ...payload },
    ...(kind === "verify" && {
      gateProfile: { language: "generic", commands: { test: "node --test" } }
    })
  }
})

const fixed = `export const slug = (title) =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
`

const ends: Array<() => Promise<void>> = []
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

describe.skipIf(whyNoModel !== undefined || whyNoKubectl !== undefined)("a real server", () => {
  it("takes part in code, gate and review: each ends, and says whose doing it was", async () => {
    const home = await temporaryFolder((clean) => void ends.push(clean))
    const model = await startModel(8_192)
    ends.push(() => model.kill("SIGKILL"))
    const remote = await makeRemote(home, join(root, "examples", "demo", "repository"))
    const work = join(home, "work")
    await writeFile(join(work, "src", "slug.js"), fixed)
    await git(work, "commit", "--quiet", "--all", "--message=Keep digits in a slug")
    await git(work, "push", "--quiet", join(home, "slug.git"), `HEAD:refs/heads/${branch}`)
    const up = await startUp({
      home,
      agentFlags: [
        `--git-remote-url=${remote}`,
        `--inference-base-url-override=${model.baseURL}`,
        "--commit-author-email=bot@example.com"
      ]
    })
    ends.push(async () => void (await up.stop()))
    const objects = join(home, "objects.yaml")
    const manifests = [
      agent("coder", "coder", ["read_file", "submit_result"]),
      agent("gate", "verifier", ["run_gate_job"]),
      agent("reviewer", "reviewer", ["read_file", "submit_result"]),
      task("code", "issue-fix", "coder", { branch: "foreman/code", prompt: "Say hello in README.md." }),
      task("gate", "verify", "gate", { branch }),
      task("review", "review", "reviewer", { branch, prompt: "Digits are lost." })
    ]
    await writeFile(objects, manifests.map((one) => JSON.stringify(one)).join("\n---\n"))
    await up.kubectl("apply", "-f", objects)
    const resultOf = (name: string) =>
      until(async () => {
        const { status } = await up.getJson("agentictask", name)
        return status?.result
      })
    const gate = await resultOf("gate")
    assert.strictEqual(gate.verdict, "GATE-PASS", JSON.stringify(gate))
    for (const name of ["code", "review"]) {
      const { extra, verdict } = await resultOf(name)
      assert.isAtLeast(extra.turnCount, 1, name)
      // Should the model ever hand in something, that is its word; otherwise it is said that the model did not come to an end.
      if (verdict !== "GO" && verdict !== "NO-GO")
        assert.strictEqual(extra.party, "model", JSON.stringify(extra))
      assert.isAbove(extra.usage.inputTokens, 100, name)
    }
  })
})
