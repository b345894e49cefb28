/** The gate in its pod: what a candidate tries there, limits that stop it, and what is told of it. All of it at once. */
import { execFile } from "node:child_process"
import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

import { assert, beforeAll, describe, inject, it } from "@effect/vitest"

import { maxEnvelopeBytes, readEnvelope } from "../../src/gate/envelope.ts"
import type { Case } from "../corpus/Case.ts"
import { grade, saidBy } from "../corpus/judged.ts"
import { makeRepository } from "../corpus/repository.ts"
import { clean } from "./gates.ts"
import { judged, shared } from "./podCases.ts"
import { create, ended, gateTask, getJson, install, kubectl, selectorOf } from "./world.ts"

const run = promisify(execFile)

const nameOf = ({ name }: Case): string => `pod-${name.replace("/", "-")}`
const all = [...judged, ...shared.map(({ each }) => each)]

/** What one gate may hold on disk: little enough to be filled here, and so much that the judge sees its tenth go before the kubelet does. */
const disk = "3Gi"

beforeAll(async () => {
  const repository = await makeRepository(await mkdtemp(join(inject("home"), "cases-")), all)
  const remote = join(inject("home"), "slug.git")
  await run("git", [
    "-C",
    repository.path,
    "push",
    "--quiet",
    "--force",
    remote,
    "refs/heads/*:refs/heads/pod/*"
  ])
  await install(
    `--set=gate.resources.limits.ephemeral-storage=${disk}`,
    "--set=gate.resources.requests.ephemeral-storage=1Mi",
    // Room for as many processes as are let be.
    "--set=gate.resources.limits.memory=2Gi"
  )
  await clean(...all.map(nameOf))
  const payloadOf = (each: Case) => {
    const { base, head } = repository.branches.get(each) ?? { base: "", head: "" }
    return { repo: "acme/slug", branch: `pod/${head}`, baseBranch: `pod/${base}` }
  }
  await create(...all.map((each) => gateTask(nameOf(each), { payload: payloadOf(each) })))
})

const resultOf = async (each: Case) => (await ended(nameOf(each), 110)).status.result

describe("a gate in a pod", () => {
  it.each(judged)("judges $name by what it is", async (each) => {
    const result = await resultOf(each)
    const { outcome, why } = grade(each, saidBy(result))
    assert.strictEqual(outcome, "right", why)
    assert.strictEqual(result.extra.confinement, "container")
    assert.deepStrictEqual(result.extra.attempts, undefined)
  })

  it.each(shared)("holds nothing against a change that is $each.name: $reason", async ({ each, reason }) => {
    const said = saidBy(await resultOf(each))
    assert.deepStrictEqual([said.verdict, said.reason], ["GATE-ERROR", reason], said.message)
  })

  it.each(["feature-with-test", "hollow", "greedy-of-output", "prints-every-marker-and-exits-1"])(
    "tells the same of %s by both roads, and all of it",
    async (name) => {
      const task = `pod-shell-${name}`
      const { extra, verdict } = (await ended(task, 110)).status.result
      const pods = ["pods", "-n", "foreman-system", "-l", await selectorOf(task)] as const
      const [pod] = (await getJson(...pods)).items
      const log = await kubectl("logs", "-n", "foreman-system", pod.metadata.name, "-c", "gate", "--tail=20")
      const [{ state }] = pod.status.containerStatuses
      const message: string = state.terminated.message
      assert.isAtMost(Buffer.byteLength(message), maxEnvelopeBytes)
      const words = { terminationMessage: message, logHead: "", logTail: log }
      const { envelope, nonce } = readEnvelope(words) ?? assert.fail("the pod left no envelope")
      const byLog = readEnvelope({ ...words, terminationMessage: "", logHead: `FOREMAN-NONCE: ${nonce}` })
      assert.deepStrictEqual(byLog?.envelope, envelope)

      assert.deepStrictEqual(
        [envelope.verdict, envelope.commit, envelope.tree, envelope.base, envelope.profile],
        [verdict, extra.commitSHA, extra.tree, extra.base, extra.profile]
      )
      assert.deepStrictEqual([extra.checks, extra.coverage], [envelope.checks, envelope.coverage])
      for (const id of [extra.commitSHA, extra.tree, extra.base]) assert.match(id, /^[0-9a-f]{40}$/u)
      assert.match(extra.profile, /^[0-9a-f]{64}$/u)
      assert.isAbove(extra.checks.length, 1)
      assert.isAbove(extra.coverage.files, 0)
    }
  )
})
