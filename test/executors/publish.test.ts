import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import { publish } from "../../src/executors/publish.ts"
import {
  CloneFailed,
  GitError,
  GitWorkspace,
  PushFailed,
  type Workspace
} from "../../src/services/GitWorkspace.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { agent, task } from "../builders.ts"
import { memoryRecords } from "../node/running.ts"

const identity = { name: "Bot", email: "bot@example.com" }
const cut = new GitError({ reason: new PushFailed({ message: "connection reset" }) })
const unreachable = new GitError({ reason: new CloneFailed({ message: "connection refused" }) })

/** A push whose connection dies, and what the remote says afterwards. */
const pushed = Effect.fnUntraced(function* (head: Effect.Effect<string | undefined, GitError>) {
  const records = memoryRecords()
  const workspace: Workspace = {
    directory: "/nowhere",
    baseCommit: "ba5e",
    seen: undefined,
    readBase: () => Effect.undefined,
    baseFiles: Effect.succeed([]),
    change: Effect.succeed({ change: { files: [] }, tree: "" }),
    diff: Effect.succeed(""),
    commit: () => Effect.succeed({ commitSHA: "c0ffee" }),
    push: () => Effect.fail(cut)
  }
  const result: Result = yield* publish(
    { task: task("t", { metadata: { uid: "uid-1" } }), agent: agent("c"), claimId: "c", nodeName: "n" },
    workspace,
    { remoteURL: "/srv/git", branch: "foreman/t", token: undefined },
    { intendedBranch: "foreman/t", transcriptRef: undefined, turnCount: 1, elapsedSec: 1 },
    { verdict: "GO", summary: "done", extra: {}, commitMessage: "fix" },
    { author: identity, committer: identity }
  ).pipe(
    Effect.provideService(RunRecord, records.service),
    Effect.provideService(
      GitWorkspace,
      GitWorkspace.of({ open: () => Effect.die("no checkout here"), remoteHead: () => head })
    )
  )
  return [result.verdict, result.extra?.["outcome"], result.extra?.["commitSHA"]]
})

describe("a push whose answer was lost", () => {
  it.effect("is a push when the remote's branch is our commit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pushed(Effect.succeed("c0ffee")), ["GO", "", "c0ffee"])
    })
  )
  it.effect("is none when the remote has another commit, no branch, or no answer", () =>
    Effect.gen(function* () {
      for (const head of [Effect.succeed("0ther"), Effect.succeed(undefined), Effect.fail(unreachable)]) {
        assert.deepStrictEqual(yield* pushed(head), ["NO-GO", "PUSH-FAILED", "c0ffee"])
      }
    })
  )
})
