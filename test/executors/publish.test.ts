import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

import { pushError } from "../../layers/git/pushError.ts"
import type { Result } from "../../schema/Result.ts"
import { publish } from "../../src/executors/publish.ts"
import {
  CloneFailed,
  GitError,
  PushFailed,
  PushLost,
  type Tip,
  type Workspace
} from "../../src/services/GitWorkspace.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { agent, task } from "../builders.ts"
import { memoryRecords } from "../node/running.ts"

const identity = { name: "Bot", email: "bot@example.com" }
const cut = new GitError({ reason: new PushLost({ message: "connection reset" }) })
const said = new GitError({ reason: new PushFailed({ message: "[remote rejected] protected branch" }) })
const unreachable = new GitError({ reason: new CloneFailed({ message: "connection refused" }) })

/** A push whose connection dies, and what the remote says afterwards. */
const pushed = Effect.fnUntraced(function* (
  tip: Effect.Effect<Tip | undefined, GitError>,
  push: Effect.Effect<void, GitError> = Effect.fail(cut)
) {
  const records = memoryRecords()
  const workspace: Workspace = {
    directory: "/nowhere",
    baseCommit: "ba5e",
    parent: "ba5e",
    seen: undefined,
    tip: (at) => (at === "Now" ? tip : Effect.undefined),
    readBase: () => Effect.undefined,
    baseFiles: Effect.succeed([]),
    baseEntries: Effect.succeed([]),
    readEntries: () => Effect.succeed([]),
    change: Effect.succeed({ change: { files: [] }, tree: "" }),
    diff: Effect.succeed(""),
    patch: Effect.succeed(""),
    bundle: () => Effect.undefined,
    checkpoint: () => Effect.succeed("7ree"),
    pushCheckpoint: () => Effect.void,
    commit: () => Effect.succeed({ commitSHA: "c0ffee" }),
    push: () => push
  }
  const fiber = yield* publish(
    { task: task("t", { metadata: { uid: "uid-1" } }), agent: agent("c"), claimId: "c", nodeName: "n" },
    workspace,
    { remoteURL: "/srv/git", branch: "foreman/t", token: undefined },
    { intendedBranch: "foreman/t", transcriptRef: undefined, turnCount: 1, elapsedSec: 1 },
    { verdict: "GO", summary: "done", extra: {}, commitMessage: "fix" },
    { author: identity, committer: identity }
  ).pipe(Effect.provideService(RunRecord, records.service), Effect.forkChild)
  yield* TestClock.adjust("1 minute")
  const result: Result = yield* Fiber.join(fiber)
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
        assert.deepStrictEqual(yield* pushed(tip), ["INCOMPLETE", "LOOP-INCOMPLETE", "c0ffee"])
        assert.deepStrictEqual(yield* pushed(tip, Effect.fail(said)), ["NO-GO", "PUSH-FAILED", "c0ffee"])
      }
    })
  )
  it.effect("is made again when the remote was away, and once when it said no", () =>
    Effect.gen(function* () {
      let tries = 0
      const away = Effect.suspend(() => (++tries < 3 ? Effect.fail(cut) : Effect.void))
      assert.deepStrictEqual(yield* pushed(Effect.undefined, away), ["GO", "", "c0ffee"])
      assert.strictEqual(tries, 3)
      let refusals = 0
      const no = Effect.suspend(() => Effect.fail((refusals++, said)))
      yield* pushed(Effect.undefined, no)
      assert.strictEqual(refusals, 1)
    })
  )
})

describe("what git says of a push", () => {
  it.each([
    ["! [remote rejected] HEAD -> main (pre-receive hook declined)", "PushFailed"],
    ["! [rejected] HEAD -> x (stale info)", "PushFailed"],
    [
      "remote: Permission to acme/slug.git denied to bot.\nfatal: unable to access 'https://h/': The requested URL returned error: 403",
      "PushFailed"
    ],
    ["fatal: Authentication failed for 'https://h/'", "PushFailed"],
    ["fatal: unable to access 'https://h/': Could not resolve host: h", "PushLost"],
    ["fatal: unable to access 'https://h/': Failed to connect to h port 443: Connection refused", "PushLost"],
    [
      "error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502\nsend-pack: unexpected disconnect while reading sideband packet",
      "PushLost"
    ],
    ["fatal: the remote end hung up unexpectedly", "PushLost"],
    ["git took too long and was ended", "PushLost"],
    ["something new", "PushFailed"]
  ])("%s", (message, tag) => assert.strictEqual(pushError(message).reason._tag, tag))
})
