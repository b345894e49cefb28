import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import { spendIn } from "../../src/decide/spend.ts"
import { agentWorld } from "../acp/agentRun.ts"
import type { Step } from "../acp/scriptedAgent.ts"

const branch = "foreman/issue-7"
const edit: Step = { write: "README.md", content: "# Demo\n\nhi\n" }
const allowAll = { permissions: { policy: "Allow" } } as const

const words = ({ extra, failureReason, verdict }: Result) => ({
  verdict,
  outcome: extra?.["outcome"],
  ...(failureReason !== undefined && { failureReason }),
  ...(extra?.["reason"] !== undefined && { reason: extra["reason"] }),
  ...(extra?.["party"] !== undefined && { party: extra["party"] })
})

/** Every text of the task's journals. */
const journalOf = (root: string, uid: string): string => {
  const folder = join(root, "work", ".journals", uid)
  return readdirSync(folder)
    .filter((name) => name.endsWith(".ndjson"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("")
}

describe("AcpExecutor", () => {
  it.live("an agent's work becomes one signed-off commit on the issue's branch", () =>
    Effect.gen(function* () {
      const { disk, model, run, tip, uid } = yield* agentWorld([
        [{ read: "README.md" }, { ask: "hello" }, edit, { say: "**Greet politely.**\n\nMore." }]
      ])
      const result = yield* run
      const commit = tip(branch)
      assert.strictEqual(result.verdict, "GO", JSON.stringify(result))
      assert.strictEqual(result.summary, "Greet politely.")
      assert.deepStrictEqual(commit?.files, ["README.md"])
      assert.strictEqual(
        commit?.log,
        "Foreman Bot <bot@example.com>\nGreet politely\n\nFixes #7\n\nSigned-off-by: Foreman Bot <bot@example.com>\n" +
          `Foreman-Task: ${uid}`
      )
      const usage = spendIn(result.extra)
      assert.deepStrictEqual([usage?.inputTokens, usage?.outputTokens], [10, 5])
      assert.strictEqual(result.extra?.["turnCount"], 1)
      assert.deepStrictEqual(
        (yield* model.requests).map((request) => request.messages.length),
        [1]
      )
      const journal = journalOf(disk.root, uid)
      for (const type of [
        "run",
        "workspace",
        "session",
        "prompt",
        "file",
        "spent",
        "said",
        "stopped",
        "outcome"
      ])
        assert.include(journal, `{"type":"${type}"`)
      assert.isFalse(existsSync(join(disk.root, "work", ".journals", uid, "agent")))
    })
  )

  it.live("what the checks of our own refuse goes back as a prompt", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* agentWorld([
        [{ say: "Done." }],
        [edit, { say: 'Now.\n\n```submit_result\n{"verdict": "GO", "summary": "it is polite"}\n```\n' }]
      ])
      const result = yield* run
      assert.strictEqual(result.verdict, "GO", JSON.stringify(result))
      assert.deepStrictEqual(result.extra?.["ownGate"], { checks: [], handBacks: 1 })
      assert.include(tip(branch)?.log ?? "", "it is polite")
    })
  )

  it.live("an agent that changes nothing hears it three times", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* agentWorld([[{ say: "Done." }]])
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "NO-CHANGES", party: "model" })
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("an agent may stop, and its evidence is looked up", () =>
    Effect.gen(function* () {
      const stop = (evidence: string): Step => ({
        say: `\`\`\`submit_result\n${JSON.stringify({ verdict: "STOP", summary: "it is done", stop_reason: "DoneAlready", evidence: [evidence] })}\n\`\`\`\n`
      })
      const { run } = yield* agentWorld([[stop("nowhere.md:3")], [stop("README.md:3 says hello")]])
      assert.deepStrictEqual(words(yield* run), {
        verdict: "NO-GO",
        outcome: "ALREADY-RESOLVED",
        reason: "DoneAlready",
        party: "person"
      })
    })
  )

  it.live("its write outside, its push and its network are refused like our own loop's", () =>
    Effect.gen(function* () {
      let asked = 0
      const server = createServer((_, response) => {
        asked++
        response.writeHead(401).end()
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () => Effect.sync(() => server.close())
      )
      const { port } = server.address() as AddressInfo
      const { disk, run, uid } = yield* agentWorld(
        [
          [
            { write: "../outside.txt", content: "x" },
            {
              run: `GIT_TERMINAL_PROMPT=0 git push http://127.0.0.1:${port}/demo.git HEAD 2>&1; git credential fill </dev/null; git config --get-regexp url; env | grep -i token`
            },
            { run: "node -e 'fetch(\"http://192.0.2.1/\").catch((e) => console.log(e.cause.code))'" },
            edit,
            { say: "Done" }
          ]
        ],
        { acp: { command: [process.execPath, "$(PROGRAM)"], ...allowAll } }
      )
      const result = yield* run
      assert.strictEqual(result.verdict, "GO", JSON.stringify(result))
      assert.isFalse(existsSync(join(disk.root, "work", "default", "outside.txt")))
      const journal = journalOf(disk.root, uid)
      assert.match(journal, /"type":"file".*outside the workspace/u)
      assert.notMatch(journal, /password=|TOKEN=/u)
      if (!JSON.stringify(result.extra?.["executor"]).includes("ModelOnly")) return
      assert.include(journal, "ENETUNREACH")
      assert.strictEqual(asked, 0)
    })
  )

  it.live("what the policy does not allow is refused, and the run goes on", () =>
    Effect.gen(function* () {
      const { disk, run, uid } = yield* agentWorld(
        [[{ run: "echo yes" }, { run: "echo no", kind: "fetch" }, edit, { say: "Done" }]],
        {
          acp: {
            command: [process.execPath, "$(PROGRAM)"],
            permissions: { policy: "Deny", allow: ["execute"] }
          }
        }
      )
      assert.strictEqual((yield* run).verdict, "GO")
      const granted = [...journalOf(disk.root, uid).matchAll(/"isGranted":(true|false)/gu)].map(
        ([, is]) => is
      )
      assert.deepStrictEqual(granted, ["true", "false"])
    })
  )

  it.live("a limit ends the run with what it has", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* agentWorld([[edit, { ask: "a" }, { ask: "b" }, { ask: "c" }]], {
        limits: { tokens: 25 }
      })
      const result = yield* run
      assert.deepStrictEqual(words(result), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-BUDGET-EXHAUSTED",
        failureReason: "ConstraintViolated",
        reason: "LimitReached",
        party: "configuration"
      })
      assert.include(JSON.stringify(result.extra?.["work"]), ".patch")
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("no more replies are used than the Agent may", () =>
    Effect.gen(function* () {
      const { model, run } = yield* agentWorld([[{ ask: "a" }, { ask: "b" }, { ask: "c" }]], { maxTurns: 2 })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-INCOMPLETE",
        failureReason: "MaxTurnsExhausted",
        reason: "MaxTurnsExhausted",
        party: "model"
      })
      assert.strictEqual((yield* model.requests).length, 2)
    })
  )

  const ends: ReadonlyArray<readonly [string, ReadonlyArray<Step>, object]> = [
    [
      "a silence that no word ends",
      [edit],
      { failureReason: "ModelMisunderstood", reason: "NotSubmitted", party: "model" }
    ],
    [
      "a malformed line",
      [{ raw: "npm warn\n" }],
      { failureReason: "InfrastructureError", reason: "ProtocolBroken", party: "server" }
    ],
    [
      "an exit",
      [{ exit: 2 }],
      { failureReason: "InfrastructureError", reason: "AgentExited", party: "server" }
    ],
    [
      "a refusal",
      [{ stop: "refusal" }],
      { failureReason: "ModelMisunderstood", reason: "Refusal", party: "model" }
    ],
    [
      "the most requests of a turn",
      [{ stop: "max_turn_requests" }],
      { failureReason: "MaxTurnsExhausted", reason: "MaxTurnsExhausted", party: "model" }
    ]
  ]
  for (const [name, steps, expected] of ends) {
    it.live(`${name} ends the run with its reason`, () =>
      Effect.gen(function* () {
        const { run } = yield* agentWorld([steps])
        assert.deepStrictEqual(words(yield* run), {
          verdict: "INCOMPLETE",
          outcome: "LOOP-INCOMPLETE",
          ...expected
        })
      })
    )
  }

  it.live("an agent whose model refuses the key is not to blame", () =>
    Effect.gen(function* () {
      const { run } = yield* agentWorld(
        [[{ ask: "a" }, { exit: 1 }]],
        {},
        { turns: [{ reply: { type: "fault", fault: "status", status: 401, message: "bad key" } }] }
      )
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-INCOMPLETE",
        failureReason: "AuthUnavailable",
        reason: "RequestRejected",
        party: "credentials"
      })
    })
  )

  it.live("an endpoint that says later parks the run", () =>
    Effect.gen(function* () {
      const { run } = yield* agentWorld(
        [[{ ask: "a" }]],
        {},
        {
          turns: [{ reply: { type: "fault", fault: "status", status: 429, message: "try again in 2h" } }],
          config: { maxWait: "1 second" as never }
        }
      )
      const result = yield* run
      assert.strictEqual(result.extra?.["reason"], "EndpointHeld")
      assert.strictEqual(typeof result.extra?.["heldUntil"], "string")
    })
  )

  it.live("a command that is not there is a fault of the configuration", () =>
    Effect.gen(function* () {
      const { run } = yield* agentWorld([], { acp: { command: ["no-such-agent"] } })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-INCOMPLETE",
        failureReason: "InfrastructureError",
        reason: "AgentNotStarted",
        party: "configuration"
      })
    })
  )
})
