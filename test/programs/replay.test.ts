import { execFile } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { beginning, turnOf } from "../journal/records.ts"

const program = join(import.meta.dirname, "..", "..", "programs", "foreman.ts")
const replay = (...args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }>((resolve) => {
    execFile(process.execPath, [program, "replay", ...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    )
  })
const submitted: ReadonlyArray<JournalRecord> = turnOf(3).flatMap((record): ReadonlyArray<JournalRecord> =>
  record.type === "checkpoint" || (record.type === "reply" && record.failure !== undefined)
    ? []
    : [
        record.type === "result"
          ? { ...record, terminal: { verdict: "GO", summary: "done", extra: {} } }
          : record
      ]
)
const outcome = (end: string): JournalRecord => ({
  type: "outcome",
  at: 2000,
  end,
  result: {
    schemaVersion: "foreman.v1",
    kind: "native-agent-loop",
    verdict: "GO",
    summary: "done",
    elapsedSec: 1
  }
})

describe("foreman replay", () => {
  it("finds a task by its name, shows its turns, and says with its exit code whether it comes to the same", async () => {
    const folder = await mkdtemp(join(tmpdir(), "foreman-replay-"))
    try {
      const journals = join(folder, ".journals", "u")
      await mkdir(journals, { recursive: true })
      const text = [beginning, ...turnOf(1), ...turnOf(2), ...submitted]
        .map((record) => `${lineOf(record)}\n`)
        .join("")
      await writeFile(join(journals, "1.ndjson"), `${text}${lineOf(outcome("Submitted"))}\n`)
      const other = join(folder, "other.ndjson")
      await writeFile(other, `${text}${lineOf(outcome("Stuck"))}\n`)
      const foreign = join(folder, "foreign.ndjson")
      await writeFile(foreign, `${lineOf({ ...beginning, executor: "ACP" } as JournalRecord)}\n`)
      const [same, differs, missing, acp] = await Promise.all([
        replay("default/fix", "--workspace-dir", folder),
        replay(other, "-o", "json"),
        replay("nothing", "--workspace-dir", folder),
        replay(foreign)
      ])
      assert.deepStrictEqual([same?.code, same?.stderr], [0, ""])
      assert.match(same?.stdout ?? "", /^3 +0\.0 +- +- +bash$/mu)
      assert.include(same?.stdout, "end now:  Submitted GO: done\nend then: Submitted GO: done")
      assert.strictEqual(acp?.code, 78)
      assert.include(acp?.stderr, "can be read, but not played again")
      assert.strictEqual(differs?.code, 1)
      assert.deepInclude(JSON.parse(differs?.stdout ?? ""), { end: "Submitted", isSame: false })
      assert.strictEqual(missing?.code, 78)
      assert.include(missing?.stderr, `no journal of nothing in ${folder}`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
