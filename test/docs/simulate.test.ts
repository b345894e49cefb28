import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import { readContents } from "../../programs/simulate/file.ts"

const root = join(import.meta.dirname, "..", "..")
const blocksOf = async (language: string): Promise<ReadonlyArray<string>> => {
  const text = await readFile(join(root, "docs", "simulate.md"), "utf8")
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gmsu"))].map(
    ([, block = ""]) => block
  )
}

describe("docs/simulate.md", () => {
  it("has commands that run as they are written", async () => {
    const folder = await mkdtemp(join(tmpdir(), "foreman-simulate-"))
    try {
      for (const block of await blocksOf("sh")) {
        const env = {
          ...process.env,
          TMPDIR: folder,
          PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`
        }
        const { stdout } = await promisify(execFile)("sh", ["-e", "-c", block], { cwd: root, env })
        assert.match(stdout, /nodes\.mac\.count=3/u)
      }
      assert.include(await readFile(join(folder, "chart.svg"), "utf8"), "</svg>")
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it("describes the file as it is read", async () => {
    for (const block of await blocksOf("yaml")) {
      const read = readContents(block, [])
      assert.isTrue(Result.isSuccess(read), Result.isFailure(read) ? read.failure : "")
    }
  })
})
