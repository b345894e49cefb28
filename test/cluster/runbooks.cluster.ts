/** The runbooks of docs/, block by block as they are written, from a cluster without Foreman to one that has outlived a reinstall. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, beforeAll, describe, it } from "@effect/vitest"

import { root } from "../e2e/foreman.ts"
import { careless } from "./scripts.ts"
import {
  create,
  ended,
  everything,
  getJson,
  git,
  helm,
  kubectl,
  kubectlWith,
  release,
  sh,
  task,
  uninstall
} from "./world.ts"

interface Block {
  readonly title: string
  readonly text: string
}

/** The blocks marked `sh`, each with the heading above it. */
const blocksOf = (file: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let heading = file
  for (const [, title, language, text] of readFileSync(join(root, "docs", file), "utf8").matchAll(
    /^#+ (.+)$|^```(\w*)\n([^]*?)^```$/gmu
  )) {
    if (title !== undefined) heading = title
    if (language === "sh" && text !== undefined)
      blocks.push({ title: `${heading}: ${text.split("\n", 1)[0]}`, text })
  }
  return blocks
}

const runBlocks = (file: string) => {
  it.each(blocksOf(file))("$title", { timeout: 320_000 }, async ({ text }) => {
    const done = await sh(text).catch((error: { readonly stdout?: string; readonly stderr?: string }) => {
      throw new Error(`${text}\n${error.stdout}\n${error.stderr}`)
    })
    assert.notMatch(done.stderr, /warning/iu)
  })
}

beforeAll(async () => {
  await uninstall()
  // Rights may go before a program can give its Lease back.
  await kubectl("delete", "leases", "--all", "--namespace=foreman-system")
  const { stdout } = await kubectlWith(
    "",
    "get",
    "crd",
    "agentictasks.foreman.llmkube.dev",
    "--ignore-not-found",
    "-o",
    "name"
  )
  if (stdout !== "") await kubectl("delete", "at", "--all", "--timeout=60s")
})

describe("docs/verifier-node.md", () => {
  runBlocks("verifier-node.md")

  it("leaves a Ready node with its roles and a smoke task that a stub did", async () => {
    const { items } = await getJson("fleetnodes")
    assert.deepStrictEqual(
      items.map(({ spec, status }: any) =>
        [...spec.roles, status.phase, status.capability.accelerator].join(" ")
      ),
      ["worker verifier Ready cuda"]
    )
    const { status } = await getJson("at", "verifier-smoke")
    assert.deepStrictEqual([status.phase, status.verdict, status.result.kind], ["Succeeded", "GO", "stub"])
  })

  it("helm test passes", async () => {
    assert.match(await helm("test", "foreman", "--namespace=foreman-system"), /Phase: +Succeeded/u)
  })
})

describe("docs/two-step.md", () => {
  runBlocks("two-step.md")

  it("leaves the branch on the remote, and a GATE-PASS that names its commit", async () => {
    const head = await git("rev-parse", "foreman/issue-503")
    const code = await getJson("at", "code-503")
    const gate = await getJson("at", "gate-503")
    assert.deepStrictEqual(
      [code.status.commitSHA, gate.status.verdict, gate.status.result.extra.commitSHA],
      [head, "GATE-PASS", head]
    )
    assert.match(gate.status.result.extra.modelExtra.logTail, /\nGATE PASS\n?$/u)
  })

  it("a change that is not formatted ends as GATE-FAIL, and the log names the file", async () => {
    const branch = "foreman/issue-504"
    const payload = { repo: "acme/slug", issue: 504, branch }
    const prompt = `The title of a release loses its digits. ${careless}`
    await create(
      task("code-504", { kind: "issue-fix", agentRef: { name: "coder" }, payload: { ...payload, prompt } }),
      task("gate-504", { kind: "verify", agentRef: { name: "gate" }, dependsOn: ["code-504"], payload })
    )
    const { status } = await ended("gate-504")
    assert.deepStrictEqual(
      [status.phase, status.verdict, status.failureReason, status.result.extra.commitSHA],
      ["Succeeded", "GATE-FAIL", "GateFailed", await git("rev-parse", branch)]
    )
    assert.include(status.result.extra.modelExtra.logTail, "- src/slug.js\n")
  })
})

describe("docs/job-mode.md", () => {
  runBlocks("job-mode.md")

  it("leaves GO, one Job and the branch on the remote", async () => {
    const { status } = await getJson("at", "fix-issue-620")
    assert.deepStrictEqual(
      [status.verdict, status.branch, status.commitSHA, status.result.extra.executionMode],
      ["GO", "foreman/issue-620", await git("rev-parse", "foreman/issue-620"), "Job"]
    )
    assert.strictEqual(await git("rev-list", "--count", "main..foreman/issue-620"), "1")
  })
})

describe("the chart", () => {
  it("is taken by the API server without a warning, plain and with all that it can do", async () => {
    const all = [
      "--set=networkPolicies.enabled=true",
      "--set=operator.replicaCount=2",
      "--set=agents.more.slots=2"
    ]
    for (const values of [[], all]) {
      const manifests = await helm("template", ...release, "--skip-tests", ...values)
      const { stderr } = await kubectlWith(
        manifests,
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "-f",
        "-"
      )
      assert.strictEqual(stderr, "")
    }
  })

  it("loses no object when it is taken away and comes again", { timeout: 240_000 }, async () => {
    const before = await everything()
    assert.isAtLeast(before.size, 7)
    await uninstall()
    assert.deepStrictEqual(await everything(), before)
    const [installation] = blocksOf("verifier-node.md")
    await sh(installation?.text ?? "false")
    assert.deepStrictEqual(await everything(), before)
    assert.match(await helm("test", "foreman", "--namespace=foreman-system"), /Phase: +Succeeded/u)
  })
})
