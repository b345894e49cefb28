/** A real server that is killed in the middle of a reply and started again, under a whole `foreman up`. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"

import { afterAll, assert, describe, it } from "@effect/vitest"

import { git, makeRemote, root, startUp, temporaryFolder, until, whyNoKubectl } from "../e2e/foreman.ts"
import { startModel, whyNoModel } from "./modelServer.ts"

const agent = (name: string, maxTurns: number) => ({
  apiVersion: "foreman.llmkube.dev/v1alpha1",
  kind: "Agent",
  metadata: { name, namespace: "default" },
  spec: {
    role: "coder",
    model: "m",
    inferenceServiceRef: { name: "coder-model" },
    systemPrompt: "You write code.",
    maxTurns,
    maxOutputTokens: 48,
    requestTurnTimeoutSeconds: 600,
    tools: ["read_file", "submit_result"]
  }
})
const task = (name: string) => ({
  apiVersion: "foreman.llmkube.dev/v1alpha1",
  kind: "AgenticTask",
  metadata: { name, namespace: "default" },
  spec: {
    kind: "issue-fix",
    agentRef: { name: "coder" },
    payload: { repo: "acme/slug", branch: `foreman/${name}`, prompt: "Say hello in README.md." }
  }
})

const ends: Array<() => Promise<void>> = []
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

describe.skipIf(whyNoModel !== undefined || whyNoKubectl !== undefined)("a model server", () => {
  it("that is killed and started again: the endpoint is held meanwhile, no claim is left, the next task runs", async () => {
    const home = await temporaryFolder((clean) => void ends.push(clean))
    const model = await startModel(8_192)
    ends.push(() => model.kill("SIGKILL"))
    const remote = await makeRemote(home, join(root, "examples", "demo", "repository"))
    const up = await startUp({
      home,
      agentFlags: [
        "--roles=worker",
        `--git-remote-url=${remote}`,
        `--inference-base-url-override=${model.baseURL}`,
        "--commit-author-email=bot@example.com"
      ]
    })
    ends.push(async () => void (await up.stop()))
    const objects = join(home, "objects.yaml")
    await writeFile(
      objects,
      [agent("coder", 3), task("first")].map((one) => JSON.stringify(one)).join("\n---\n")
    )
    await up.kubectl("apply", "-f", objects)
    // It reads the first prompt when it says so.
    await until(async () => (/launch_slot|processing task|prompt/u.test(model.log()) ? true : undefined))
    await model.kill("SIGKILL")
    const held = await until(async () => {
      const { status } = await up.getJson("agent", "coder")
      return status?.endpoint
    })
    assert.include(["network", "server"], held.reason)

    const again = await startModel(8_192, model.port)
    ends.push(() => again.kill("SIGKILL"))
    await writeFile(objects, JSON.stringify(task("second")))
    await up.kubectl("apply", "-f", objects)
    for (const name of ["first", "second"]) {
      const { status } = await until(async () => {
        const found = await up.getJson("agentictask", name)
        return found.status?.result === undefined ? undefined : found
      })
      assert.isAtLeast(status.result.extra.turnCount, 1, JSON.stringify(status.result))
      assert.include(["model", "network", "server"], status.result.extra.party, JSON.stringify(status.result))
      // The claim of a task that ended is history; nobody holds one that did not.
      assert.include(["Succeeded", "Failed"], status.phase)
      assert.isUndefined(status.parkedUntil)
    }
    // The node tells a little later that its slots are free.
    await until(async () => {
      const { items } = await up.getJson("fleetnodes")
      return items.every(({ status }: any) => (status?.currentTask ?? "") === "") ? true : undefined
    })
    assert.strictEqual(
      await git(join(home, "slug.git"), "for-each-ref", "--format=%(refname:short)", "refs/heads"),
      "main"
    )
  })
})
