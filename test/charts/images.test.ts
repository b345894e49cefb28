import { spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const script = join(import.meta.dirname, "..", "..", "scripts", "images.mjs")

describe("npm run images", () => {
  let bin = ""
  beforeAll(() => {
    bin = mkdtempSync(join(tmpdir(), "foreman-tools-"))
  })
  afterAll(() => rmSync(bin, { recursive: true, force: true }))

  const images = (env: Record<string, string>, ...args: ReadonlyArray<string>) => {
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8", env })
    return { status, stderr }
  }
  /** A tool that ends with this code, whatever it is asked. */
  const install = (tool: string, code: number, complaint = "") => {
    writeFileSync(
      join(bin, tool),
      `#!/bin/sh\n[ -z "${complaint}" ] || echo "${complaint}" >&2\nexit ${code}\n`
    )
    chmodSync(join(bin, tool), 0o755)
  }

  const passedOver = "docker is here and does not answer, so the next tool is asked: no daemon\n"

  it("says what it needs where no tool is there, or only a client without its daemon", () => {
    const missing = "images need docker, podman or buildah; none of them works here\n"
    assert.deepStrictEqual(images({ PATH: bin }), { status: 69, stderr: missing })
    install("docker", 1, "no daemon")
    assert.deepStrictEqual(images({ PATH: bin }), { status: 69, stderr: passedOver + missing })
  })

  it("knows an image by its name before it builds anything", () => {
    install("docker", 0)
    assert.deepStrictEqual(images({ PATH: bin }, "operator"), {
      status: 1,
      stderr: "there is no image operator: foreman, foreman-builder\n"
    })
  })
})
