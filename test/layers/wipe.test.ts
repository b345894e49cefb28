import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { wipe } from "../../layers/wipe.ts"

const nobody = 65_534
const isRoot = process.geteuid?.() === 0

/** Root may remove anything: the rule shows for others only. */
const asOther = (run: () => void): void => {
  if (isRoot) process.seteuid?.(nobody)
  try {
    run()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

describe("wipe", () => {
  it("0a7de0d1 removes folders that a run made read-only or closed, and follows no link", () => {
    const root = mkdtempSync(join(tmpdir(), "foreman-wipe-"))
    try {
      if (isRoot) chownSync(root, nobody, nobody)
      const [workspace, beside] = [join(root, "workspace"), join(root, "beside")]
      asOther(() => {
        mkdirSync(join(workspace, "modules", "deep"), { recursive: true })
        mkdirSync(beside)
        writeFileSync(join(beside, "kept"), "")
        writeFileSync(join(workspace, "modules", "deep", "file"), "", { mode: 0o400 })
        symlinkSync(beside, join(workspace, "modules", "link"))
        chmodSync(join(workspace, "modules", "deep"), 0o500)
        chmodSync(join(workspace, "modules"), 0o000)
        wipe(workspace)
      })
      assert.deepStrictEqual([existsSync(workspace), existsSync(join(beside, "kept"))], [false, true])
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })

  it("takes what is not there for gone", () => {
    assert.doesNotThrow(() => wipe(join(tmpdir(), "foreman-wipe-none")))
  })
})
