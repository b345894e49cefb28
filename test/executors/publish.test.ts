import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import { publish } from "../../src/executors/publish.ts"
import {
  CloneFailed,
  GitError,
  PushFailed,
  type Tip,
  type Workspace
} from "../../src/services/GitWorkspace.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { agent, task } from "../builders.ts"
import { memoryRecords } from "../node/running.ts"

const identity = { name: "Bot", email: "bot@example.com" }
const cut = new GitError({ reason: new PushFailed({ message: "connection reset" }) })
const unreachable = new GitError({ reason: new CloneFailed({ message: "connection refused" }) })

/** A push whose connection dies, and what the remote says afterwards. */
const pushed = Effect.fnUntraced(function* (tip: Effect.Effect<Tip | undefined, GitError>) {
  const records = memoryRecords()
  const workspace: Workspace = {
    directory: "/nowhere",
    baseCommit: "ba5e",
    seen: undefined,
    tip: (at) => (at === "Now" ? tip : Effect.undefined),
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
  ).pipe(Effect.provideService(RunRecord, records.service))
  return [result.verdict, result.extra?.["outcome"], result.extra?.["commitSHA"]]
})

const tipOf = (commitSHA: string, taskUid?: string): Tip => ({
  commitSHA,
  message: "fix it\n\nmore",
  taskUid
})

describe("a push whose answer was lost", () => {
  it.effect("is a push when the remote's branch is our commit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pushed(Effect.succeed(tipOf("c0ffee"))), ["GO", "", "c0ffee"])
    })
  )
  it.effect("is the push of an earlier run when the branch ends with a commit of the same task", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pushed(Effect.succeed(tipOf("0ther", "uid-1"))), ["GO", "", "0ther"])
    })
  )
  it.effect("is none when the remote has another's commit, no branch, or no answer", () =>
    Effect.gen(function* () {
      const others = [tipOf("0ther"), tipOf("0ther", "uid-2"), undefined]
      for (const tip of [...others.map((one) => Effect.succeed(one)), Effect.fail(unreachable)]) {
        assert.deepStrictEqual(yield* pushed(tip), ["NO-GO", "PUSH-FAILED", "c0ffee"])
      }
    })
  )
})
