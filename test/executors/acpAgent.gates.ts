import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { ModelScript, Turn } from "../../layers/scripted/ModelScript.ts"
import { spendIn } from "../../src/decide/spend.ts"
import { agentCommand, codex, codexCommand, opencode } from "../acp/realAgent.ts"
import { killable, outcomeOf } from "../acp/killedAgent.ts"
import { call, world } from "./modelRun.ts"

const branch = "foreman/issue-7"
/** opencode asks for a title beside its work. */
const title: ModelScript = {
  name: "title",
  match: { systemContains: "title generator" },
  turns: [{ reply: { type: "prose", content: "A title" } }]
}
const bash = (command: string, more: Partial<Turn> = {}): Turn => ({
  ...call("bash", { command, description: "runs a command" }),
  ...more
})
const outside = "/tmp/foreman-test-outside.txt"

describe.skipIf(agentCommand === undefined)("opencode", () => {
  it.live(
    "works in a checkout, and is refused the network, what lies outside and a push",
    () =>
      Effect.gen(function* () {
        const { disk, model, run, tip, uid } = yield* world({
          agent: opencode,
          scripts: [title],
          turns: [
            call("read", { filePath: "README.md" }),
            {
              ...bash("node -e 'fetch(\"http://192.0.2.1/\").catch((e) => console.log(e.cause.code))'"),
              expect: { newContains: ["hello"] }
            },
            {
              ...bash("GIT_TERMINAL_PROMPT=0 git push https://192.0.2.1/demo.git HEAD 2>&1 | tail -1"),
              expect: { newContains: ["ENETUNREACH"] }
            },
            { ...call("write", { filePath: outside, content: "x" }), expect: { newContains: ["fatal"] } },
            call("edit", { filePath: "README.md", oldString: "hello", newString: "good day" }),
            { reply: { type: "prose", content: "Greet politely." } }
          ]
        })
        const result = yield* run
        const asked = (yield* model.requests).map(({ body }) => JSON.stringify(body).length)
        yield* Effect.logInfo(`requests of opencode, in characters: ${asked.join(" ")}`)
        assert.deepStrictEqual(yield* model.mismatches, [])
        assert.strictEqual(result.verdict, "GO", JSON.stringify(result))
        assert.strictEqual(result.summary, "Greet politely.")
        assert.deepStrictEqual(tip(branch)?.files, ["README.md"])
        assert.isFalse(existsSync(outside))
        assert.strictEqual(spendIn(result.extra)?.inputTokens, 10 * asked.length)
        const journal = readFileSync(join(disk.root, "work", ".journals", uid, "1.ndjson"), "utf8")
        assert.match(journal, /"type":"permission".*"kind":"edit","isGranted":true/u)
        assert.match(journal, /"type":"permission".*"isGranted":false/u)
      }),
    120_000
  )

  it.live(
    "goes on with its session after it was killed",
    () =>
      Effect.gen(function* () {
        const { disk, model, read, run } = yield* killable(opencode, [
          title,
          {
            name: "script",
            turns: [
              bash("echo a > a.txt"),
              // The agent's home is kept, so that the second process does not sleep.
              bash('[ -e "$HOME/slept" ] || { touch "$HOME/slept"; sleep 100; }'),
              bash("echo b > b.txt"),
              { reply: { type: "prose", content: "Add both files." } }
            ]
          }
        ])
        assert.isUndefined(
          yield* run(
            0,
            (journal) =>
              journal.includes('"type":"checkpoint"') &&
              existsSync(join(disk.root, "work/.journals/uid-of-fix/agent/home/slept"))
          )
        )
        const ended = yield* run(0)
        assert.deepStrictEqual(yield* model.mismatches, [])
        assert.deepStrictEqual(outcomeOf(disk.remote, ended), {
          verdict: "GO",
          branches: "foreman/fix\nmain",
          commits: "1",
          files: ["README.md", "a.txt", "b.txt"]
        })
        assert.strictEqual(ended?.result.extra["resumes"], 1)
        assert.match(read(), /"type":"session".*"isLoaded":true/u)
      }),
    120_000
  )
})

describe.skipIf(codexCommand === undefined)("codex", () => {
  it.live("works in a checkout by /v1/responses, and is refused the network", () =>
    Effect.gen(function* () {
      const exec = (cmd: string) => call("exec_command", { cmd })
      const { model, run, tip } = yield* world({
        agent: codex,
        turns: [
          exec("node -e 'fetch(\"http://192.0.2.1/\").catch((e) => console.log(e.cause.code))'"),
          { ...exec("sed -i 's/hello/good day/' README.md"), expect: { newContains: ["ENETUNREACH"] } },
          { reply: { type: "prose", content: "Greet politely." } }
        ]
      })
      const result = yield* run
      const asked = (yield* model.requests).map(({ body }) => JSON.stringify(body).length)
      yield* Effect.logInfo(`requests of codex, in characters: ${asked.join(" ")}`)
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.strictEqual(result.verdict, "GO", JSON.stringify(result))
      assert.strictEqual(result.summary, "Greet politely.")
      assert.deepStrictEqual(tip(branch)?.files, ["README.md"])
      assert.strictEqual(spendIn(result.extra)?.inputTokens, 10 * asked.length)
    })
  )
})
