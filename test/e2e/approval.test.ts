/** A gate that asks, through `foreman up` with real kubectl and git: what depends on it waits until somebody approves (design §3.15). */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { git, makeRemote, root, startUp, temporaryFolder, whyNoKubectl } from "./foreman.ts"

const gate = (name: string, branch: string, dependsOn: ReadonlyArray<string> = []) => ({
  apiVersion: "foreman.llmkube.dev/v1alpha1",
  kind: "AgenticTask",
  metadata: { name, namespace: "default" },
  spec: { kind: "verify", agentRef: { name: "gate" }, payload: { repo: "acme/slug", branch }, dependsOn }
})

/** A remote whose gate asks about CI files, with one branch that changes one and one that does not. */
const makeAskingRemote = async (home: string) => {
  const source = join(home, "source")
  await mkdir(join(source, ".foreman"), { recursive: true })
  await writeFile(
    join(source, ".foreman", "gate.yaml"),
    "checks: [{ role: test, command: 'true' }]\npolicy: { protected: ask }\n"
  )
  const remote = await makeRemote(home, source)
  const work = join(home, "work")
  const commit = async (branch: string, file: string) => {
    await git(work, "checkout", "--quiet", "-b", branch, "main")
    await mkdir(join(work, file, ".."), { recursive: true })
    await writeFile(join(work, file), "* @ada\n")
    await git(work, "add", "--all")
    await git(work, "commit", "--quiet", "--message=Work")
    await git(work, "push", "--quiet", join(home, "slug.git"), branch)
    return git(work, "rev-parse", "HEAD")
  }
  return {
    remote,
    asking: await commit("asking", ".github/CODEOWNERS"),
    plain: await commit("plain", "a.md")
  }
}

describe.skipIf(whyNoKubectl !== undefined)("a gate that needs approval", () => {
  it(
    "holds up what depends on it until the owner approves; its next attempt passes, and the rest runs",
    { timeout: 120_000 },
    async ({ onTestFailed, onTestFinished }) => {
      const home = await temporaryFolder(onTestFinished)
      const { asking, remote } = await makeAskingRemote(home)
      const up = await startUp({ home, agentFlags: ["--roles=verifier", `--git-remote-url=${remote}`] })
      onTestFailed(async () =>
        console.log(await up.kubectl("get", "at,fleetnodes,pods", "-A", "-o", "yaml").catch(String))
      )
      onTestFinished(async () => void (await up.stop()))
      const tasks = join(home, "tasks.yaml")
      const items = [gate("first", "asking"), gate("second", "plain", ["first"])]
      await writeFile(tasks, items.map((item) => JSON.stringify(item)).join("\n---\n"))
      const phases = '{.metadata.name} {.status.verdict} {.status.conditions[?(@.type=="Scheduled")].reason}'
      const asked = up.watch("agentictasks", phases, [
        "first GATE-FAIL FleetNodeAssigned",
        "second  NeedsApproval"
      ])
      await up.kubectl("apply", "-f", join(root, "examples", "agents", "gate.yaml"), "-f", tasks)
      await asked

      const { status } = await up.getJson("at", "first")
      const { message, reason } = status.result.extra.modelExtra
      const [entry] = JSON.parse(/spec\.approvals: (\[.*\])$/u.exec(message)?.[1] ?? "[]")
      assert.deepStrictEqual([reason, status.commitSHA, entry?.commit], ["NeedsApproval", asking, asking])
      const approve = (by: string) =>
        up.kubectl(
          "patch",
          "at/first",
          "--type=merge",
          "--patch",
          JSON.stringify({ spec: { approvals: [{ ...entry, reason: "one owner more", by }] } })
        )
      const refused = await approve("grace").catch((error: unknown) => String(error))
      assert.match(refused, /spec\.approvals\[0\]\.by: must be foreman-admin, who writes it/u)

      const passed = up.watch("agentictasks", "{.metadata.name} {.status.verdict}", [
        "first GATE-PASS",
        "second GATE-PASS"
      ])
      await approve("foreman-admin")
      await passed
      const first = (await up.getJson("at", "first")).status
      assert.deepStrictEqual(first.result.extra.approvals, [
        { ...entry, reason: "one owner more", by: "foreman-admin", files: [".github/CODEOWNERS"] }
      ])
      assert.deepStrictEqual(
        first.attempts.map((attempt: any) => [attempt.verdict, attempt.reason, attempt.commitSHA]),
        [["GATE-FAIL", "NeedsApproval", asking]]
      )
      assert.notStrictEqual(first.jobName, first.attempts[0].jobName)
    }
  )
})
