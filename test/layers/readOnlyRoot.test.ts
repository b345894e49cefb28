import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as readOnlyRoot from "../../layers/readOnlyRoot.ts"

const confine = await Effect.runPromise(readOnlyRoot.make)

// A Mac and most containers have no namespaces for it.
describe.skipIf(confine === undefined)("a program with a read-only root", () => {
  it("finds programs where it cannot put any: PATH loses /tmp and what depends on where it stands", () => {
    const folder = mkdtempSync(join(tmpdir(), "foreman-root-"))
    try {
      const [program = "", ...args] =
        confine?.(["/bin/sh", "-c", 'echo "$PATH"'], { writable: [folder], tmp: folder }) ?? []
      const { stdout } = spawnSync(program, args, {
        encoding: "utf8",
        // This checkout may lie in /tmp, of which the program sees nothing.
        cwd: "/",
        env: { PATH: `/tmp/tools/bin::.:bin:/usr/bin:/tmpfoo:${process.env["PATH"]}` }
      })
      const entries = stdout.trim().split(":")
      assert.deepStrictEqual(entries.slice(0, 2), ["/usr/bin", "/tmpfoo"])
      assert.isTrue(entries.every((entry) => entry.startsWith("/") && !entry.startsWith("/tmp/")))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
