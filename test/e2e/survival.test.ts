/** What a kill -9 of `foreman up` may and may not do. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"

import { start as startScriptedModel } from "../../layers/scripted/ScriptedModelServer.ts"
import { git, makeRemote, root, startUp, temporaryFolder, whyNoKubectl } from "./foreman.ts"

const example = (name: string): string => join(root, "examples", name)

/** Kills `foreman up` when the pipeline is at `moment`, starts it again and lets the pipeline end. */
const killedAt = async (
  moment: { readonly task: string; readonly phase: string },
  onEnd: (clean: () => Promise<void>) => void
) => {
  const home = await temporaryFolder(onEnd)
  const scope = Scope.makeUnsafe()
  onEnd(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const { scripts } = JSON.parse(await readFile(example("demo/script.json"), "utf8"))
  const model = await Effect.runPromise(startScriptedModel({ scripts }).pipe(Scope.provide(scope)))
  const remote = await makeRemote(home, example("demo/repository"))
  const agentFlags = [
    "--roles=worker,verifier",
    `--git-remote-url=${remote}`,
    "--commit-author-email=bot@example.com"
  ]

  const first = await startUp({ home, agentFlags })
  onEnd(async () => void (await first.stop("SIGKILL")))
  await first.kubectl("apply", "-f", example("agents"), "-f", example("inference-services.yaml"))
  for (const name of ["coder-model", "reviewer-model"]) {
    const patch = JSON.stringify({ status: { endpoint: `${model.baseURL}/chat/completions` } })
    await first.kubectl("patch", "isvc", name, "--subresource=status", "--type=merge", "-p", patch)
  }
  const reached = first.watch("agentictasks", "{.metadata.name} {.status.phase}", [
    `${moment.task} ${moment.phase}`
  ])
  await Promise.all([reached, first.kubectl("apply", "-f", example("pipeline.yaml"))])
  await first.stop("SIGKILL")

  const second = await startUp({ home, agentFlags })
  onEnd(async () => void (await second.stop()))
  await second.kubectl("wait", "wl/fix-slug", "--for=jsonpath={.status.phase}=Completed", "--timeout=40s")
  return { home, second }
}

describe.skipIf(whyNoKubectl !== undefined)("kill -9 of foreman up", () => {
  it.concurrent.each([
    { task: "fix-slug-code", phase: "Running" },
    { task: "fix-slug-gate", phase: "Running" },
    { task: "fix-slug-review", phase: "Running" }
  ])(
    "while $task is $phase: no task is lost, none ends or pushes twice",
    { timeout: 60_000 },
    async (moment) => {
      const ends: Array<() => Promise<void>> = []
      try {
        const { home, second } = await killedAt(moment, (clean) => void ends.push(clean))
        const { items } = await second.getJson("agentictasks")
        assert.deepStrictEqual(
          items.map(({ metadata, status }: any) => [metadata.name, status.phase, status.verdict]),
          [
            ["fix-slug-code", "Succeeded", "GO"],
            ["fix-slug-gate", "Succeeded", "GATE-PASS"],
            ["fix-slug-review", "Succeeded", "GO"]
          ]
        )
        const remote = join(home, "slug.git")
        assert.strictEqual(await git(remote, "rev-list", "--count", "main..foreman/issue-7"), "1")
        assert.strictEqual(items[0].status.commitSHA, await git(remote, "rev-parse", "foreman/issue-7"))
        for (const { status } of items) {
          assert.lengthOf(
            status.conditions.filter(({ type }: any) => type === "Completed"),
            1
          )
        }
      } finally {
        for (const end of ends.toReversed()) await end()
      }
    }
  )
})
