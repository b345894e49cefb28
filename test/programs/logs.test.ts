import { spawn } from "node:child_process"
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { lineOf } from "../../src/journal/record.ts"
import { beginning, turnOf } from "../journal/records.ts"

const program = join(import.meta.dirname, "..", "..", "programs", "foreman.ts")

const logs = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [program, "logs", ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  let seen: (() => void) | undefined
  child.stdout.on("data", (chunk) => {
    stdout += chunk
    seen?.()
  })
  child.stderr.on("data", (chunk) => (stderr += chunk))
  return {
    /** Until it printed something. */
    begun: new Promise<void>((resolve) => (seen = resolve)),
    ended: new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>(
      (resolve) => child.once("close", (code) => resolve({ code, stdout, stderr }))
    )
  }
}

describe("foreman logs", () => {
  it("finds a task by its name and follows its run to the end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "foreman-logs-"))
    try {
      await mkdir(join(folder, ".journals", "u"), { recursive: true })
      const file = join(folder, ".journals", "u", "1.ndjson")
      await writeFile(file, [beginning, ...turnOf(1)].map((record) => `${lineOf(record)}\n`).join(""))
      const following = logs("default/fix", "-f", "--workspace-dir", folder)
      await following.begun
      await appendFile(file, `${lineOf({ type: "end", at: 61_000 })}\n`)
      const { code, stderr, stdout } = await following.ended
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(stdout, /^00:00:01 default\/fix: run 1 on n/u)
      assert.match(stdout, /^00:01:01 the result was reported\n$/mu)

      const [json, missing] = await Promise.all([
        logs(file, "-o", "json").ended,
        logs("nothing", "--workspace-dir", folder).ended
      ])
      assert.strictEqual(json?.stdout.split("\n").length, 9)
      assert.strictEqual(missing?.code, 78)
      assert.match(missing?.stderr ?? "", /^foreman logs: no journal of nothing in .*kubectl logs/u)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
