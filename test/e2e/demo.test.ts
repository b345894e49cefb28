/** `foreman demo` from outside, where a careless path breaks. */
import { mkdir, readdir } from "node:fs/promises"
import { join } from "node:path"

import { assert, it } from "@effect/vitest"

import { foreman, temporaryFolder } from "./foreman.ts"

it("the demo reaches its verdicts below a folder with a space and a quote, and leaves nothing there", async () => {
  const ends: Array<() => Promise<void>> = []
  try {
    const home = join(await temporaryFolder((clean) => void ends.push(clean)), "it's a path")
    await mkdir(home)
    const { code, stdout, stderr } = await foreman(["demo", "--json"], home, { TMPDIR: home })
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.include(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), { type: "end", isAsExpected: true })
    assert.deepStrictEqual(await readdir(home), [])
  } finally {
    for (const end of ends.toReversed()) await end()
  }
})
