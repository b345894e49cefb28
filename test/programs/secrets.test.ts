import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"

import { modelToken } from "../../programs/modelToken.ts"

const foreman = resolve(import.meta.dirname, "..", "..", "programs", "foreman.ts")
const shedToken = resolve(import.meta.dirname, "..", "..", "programs", "shedToken.ts")

/** What a program knows, and what others may read of it, once it has shed its token. */
const program = `
import { existsSync, readFileSync } from "node:fs"
import { shedToken, takeToken } from ${JSON.stringify(shedToken)}
shedToken()
const started = existsSync("/proc/self/environ") ? readFileSync("/proc/self/environ", "utf8") : JSON.stringify(process.env)
console.log(JSON.stringify({ kept: takeToken(process.env), again: takeToken(process.env), isShown: started.includes("s3cret") }))
`

const folder = (onEnd: (clean: () => void) => void): string => {
  const path = mkdtempSync(join(tmpdir(), "foreman-secrets-"))
  onEnd(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe("a token", () => {
  it("is known to the program that was given it, once, and to nobody who looks at its process", ({
    onTestFinished
  }) => {
    const home = folder(onTestFinished)
    mkdirSync(join(home, "mounted"))
    writeFileSync(join(home, "mounted", "token"), "s3cret")
    const run = (env: Readonly<Record<string, string>>): unknown =>
      JSON.parse(
        execFileSync(process.execPath, ["--input-type=module", "-e", program], {
          encoding: "utf8",
          env: { TMPDIR: home, FOREMAN_GIT_SECRETS: join(home, "mounted"), ...env }
        })
      )
    assert.deepStrictEqual(run({ GITHUB_TOKEN: "s3cret" }), {
      kept: "s3cret",
      again: "s3cret",
      isShown: false
    })
    assert.deepStrictEqual(run({}), { isShown: false })
    assert.deepStrictEqual([readdirSync(home), readdirSync(join(home, "mounted"))], [["mounted"], []])
  })

  it.each([["run-task", "--help"], ["run-task"], ["agent", "--nope"], ["agent", "--help"]])(
    "stays in no file when a program ends at once: %s %s",
    (...words) => {
      const home = mkdtempSync(join(tmpdir(), "foreman-secrets-"))
      try {
        spawnSync(process.execPath, [foreman, ...words], {
          env: { PATH: process.env["PATH"], HOME: home, TMPDIR: home, GITHUB_TOKEN: "s3cret" }
        })
        assert.deepStrictEqual(readdirSync(home), [])
      } finally {
        rmSync(home, { recursive: true, force: true })
      }
    }
  )

  it.skipIf(process.platform !== "linux")(
    "is in no environment that a daemon's models could read (Linux has it in /proc)",
    async ({ onTestFinished }) => {
      const silent = createServer().listen(0, "127.0.0.1")
      await once(silent, "listening")
      const home = mkdtempSync(join(tmpdir(), "foreman-secrets-"))
      const { port } = silent.address() as AddressInfo
      const kubeconfig = join(home, "config")
      writeFileSync(
        kubeconfig,
        JSON.stringify({
          clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
          contexts: [{ name: "c", context: { cluster: "c" } }],
          "current-context": "c"
        })
      )
      const env = { PATH: process.env["PATH"], HOME: home, TMPDIR: home, GITHUB_TOKEN: "s3cret" }
      const daemon = spawn(process.execPath, [foreman, "agent", `--kubeconfig=${kubeconfig}`], {
        env,
        stdio: "ignore"
      })
      onTestFinished(() => {
        daemon.kill("SIGKILL")
        silent.close()
        rmSync(home, { recursive: true, force: true })
      })
      // It asks for its Lease, and is answered by nobody: what it was started with is long behind it.
      await once(silent, "connection")
      assert.notInclude(readFileSync(`/proc/${daemon.pid}/environ`, "utf8"), "s3cret")
      const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
      for (const { name, parentPath } of files) {
        assert.notInclude(readFileSync(join(parentPath, name), "utf8"), "s3cret", name)
      }
    }
  )

  it("of a model is read from its file, which is gone then", ({ onTestFinished }) => {
    const file = join(folder(onTestFinished), "token")
    writeFileSync(file, "s3cret\n")
    const env = { FOREMAN_MODEL_TOKEN_FILE: file }
    const token = modelToken(env)
    assert.deepStrictEqual(
      [token === undefined ? undefined : Redacted.value(token), existsSync(file), modelToken(env)],
      ["s3cret", false, undefined]
    )
  })
})
