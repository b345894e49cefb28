/** docs/gate.md says what the gate does: its file is read, its command is run, its words are those of the code. */
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import { GateFault } from "../../src/gate/envelope.ts"
import { defaultPolicy } from "../../src/gate/finding.ts"
import { readGateFile } from "../../src/gate/gateFile.ts"
import { reasons } from "../../src/gate/judge.ts"
import { isWeather } from "../../src/gate/faults.ts"

const root = join(import.meta.dirname, "../..")
const page = readFileSync(join(root, "docs/gate.md"), "utf8")
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gmu"))].map(
    ([, text = ""]) => text
  )

describe("docs/gate.md", () => {
  it("shows a gate file that is read, with the policy that is the default", () => {
    const [text = "", ...more] = blocks("yaml")
    const rules = Result.getOrThrow(readGateFile(text))
    assert.deepStrictEqual(
      [more, rules.policy, rules.checks?.map(({ timeoutSeconds }) => timeoutSeconds)],
      [[], defaultPolicy, [300]]
    )
    for (const rule of Object.keys(defaultPolicy)) assert.include(text, `${rule}: `)
  })

  it("has every reason in its table, and says rightly which are weather", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| ") && line.includes("| GATE-"))
    const rowOf = (reason: string) => rows.find((row) => new RegExp(`\\b${reason}\\b`, "u").test(row)) ?? ""
    for (const reason of [...Object.values(reasons), ...GateFault.literals]) {
      assert.notStrictEqual(rowOf(reason), "", reason)
      assert.strictEqual(rowOf(reason).includes("weather"), isWeather(reason), reason)
    }
  })

  it("shows a command that works as it stands", () => {
    const folder = mkdtempSync(join(tmpdir(), "foreman-docs-gate-"))
    const repository = join(folder, "repository")
    const bin = join(folder, "bin")
    for (const name of [repository, bin]) mkdirSync(name)
    writeFileSync(
      join(bin, "foreman"),
      `#!/bin/sh\nexec "${process.execPath}" "${root}/programs/foreman.ts" "$@"\n`
    )
    chmodSync(join(bin, "foreman"), 0o755)
    const env = { PATH: `${bin}:${process.env["PATH"]}`, HOME: folder }
    const run = (script: string) =>
      execFileSync("sh", ["-ec", script], { cwd: repository, env, encoding: "utf8", stdio: "pipe" })
    try {
      run(`git init -q -b main && git config user.name a && git config user.email a@b.c
printf 'test:\\n\\t@true\\n' > Makefile && git add -A && git commit -qm one && git checkout -qb work
echo text > notes.txt && git add -A && git commit -qm two`)
      assert.deepStrictEqual(
        blocks("sh")
          .map(run)
          .map((said) => /^GATE-PASS: .*$/mu.exec(said)?.[0]),
        ["GATE-PASS: 1 check(s) passed; 0 of 1 changed file(s) examined"]
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
