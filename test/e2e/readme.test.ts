/** The README's commands for a machine of one's own, as they stand there. */
import { execFile } from "node:child_process"
import { mkdir, readFile, symlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

import { assert, describe, it } from "@effect/vitest"

import { findKubectl } from "../findKubectl.ts"
import { root, startUp, temporaryFolder, whyNoKubectl } from "./foreman.ts"

const run = promisify(execFile)

/** The blocks marked `sh` of the part about one machine: how to start, and what to do then. */
const blocks = async (): Promise<ReadonlyArray<string>> => {
  const readme = await readFile(join(root, "README.md"), "utf8")
  const part = /^## Use it on this machine\n([^]*?)^## /mu.exec(readme)?.[1] ?? ""
  return [...part.matchAll(/^```sh\n([^]*?)^```$/gmu)].map((match) => match[1] ?? "")
}

describe.skipIf(whyNoKubectl !== undefined)("the README", () => {
  it("starts a cluster on this machine, and its task says GO", async ({ onTestFinished }) => {
    const home = await temporaryFolder(onTestFinished)
    const [start = "", use = "", ...others] = await blocks()
    assert.deepStrictEqual(others, [])
    const flags = /^npm run --silent foreman -- up -- (.+)$/mu.exec(start)?.[1]?.split(" ") ?? []
    assert.isNotEmpty(flags)
    const up = await startUp({ home, agentFlags: flags })
    onTestFinished(async () => void (await up.stop()))

    const kubectl = findKubectl("1.35")
    const bin = join(home, "bin")
    await mkdir(bin)
    if ("path" in kubectl && kubectl.path.includes("/")) await symlink(kubectl.path, join(bin, "kubectl"))
    const { stdout } = await run("sh", ["-e", "-c", use], {
      cwd: root,
      env: {
        PATH: `${bin}:${dirname(process.execPath)}:${process.env["PATH"]}`,
        HOME: home,
        KUBECONFIG: up.kubeconfig
      }
    })
    assert.match(stdout, /m2-stub-demo +Succeeded +freeform +m5-max +GO/u)
  })
})
