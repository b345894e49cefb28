import { assert, describe, it } from "@effect/vitest"

import type { Result } from "../../schema/Result.ts"
import { terminalFields } from "../../src/decide/outcome.ts"
import { epoch, task } from "../builders.ts"

const shown = (extra: Result["extra"]) => {
  const result: Result = {
    schemaVersion: "foreman.v1",
    kind: "native-agent-loop",
    verdict: "GO",
    summary: "done",
    elapsedSec: 1,
    ...(extra === undefined ? {} : { extra })
  }
  const { branch, commitSHA, jobName, transcriptRef } = terminalFields(
    task("t"),
    { type: "Finished", result },
    epoch
  )
  return { branch, commitSHA, jobName, transcriptRef }
}
const nothing = { branch: undefined, commitSHA: undefined, jobName: undefined, transcriptRef: undefined }
const transcriptRef = {
  kind: "ConfigMap",
  apiVersion: "v1",
  namespace: "default",
  name: "foreman-transcript-t"
}

describe("3586a141 what a Result says of branch, commit and Job is in the status, too", () => {
  it.each<[string, Result["extra"], ReturnType<typeof shown>]>([
    [
      "of a push",
      { branch: "b", commitSHA: "c0ffee", transcriptRef },
      { ...nothing, branch: "b", commitSHA: "c0ffee", transcriptRef }
    ],
    ["of a branch that was only meant", { intendedBranch: "b" }, { ...nothing, branch: "b" }],
    [
      "of a push from a Job",
      { branch: "b", intendedBranch: "a", commitSHA: "c0ffee", jobName: "coder-1" },
      { ...nothing, branch: "b", commitSHA: "c0ffee", jobName: "coder-1" }
    ],
    ["of a gate's Job", { toolOutput: { jobName: "gate-1" } }, { ...nothing, jobName: "gate-1" }],
    [
      "of a Job that only the tool's words name",
      { modelExtra: { jobName: "gate-1" } },
      { ...nothing, jobName: "gate-1" }
    ],
    ["nothing where nothing is said", undefined, nothing],
    ["nothing of the wrong type", { branch: 7, jobName: {} }, nothing]
  ])("%s", (_, extra, expected) => {
    assert.deepStrictEqual(shown(extra), expected)
  })
})
