import { assert, describe, it } from "vitest"
import { spawn } from "node:child_process"
import { join } from "node:path"

const program = join(import.meta.dirname, "launched.ts")

/** Runs the program to its end; each signal is sent once it is up. */
const run = (args: ReadonlyArray<string>, signals: ReadonlyArray<NodeJS.Signals> = []) =>
  new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => {
      if (stdout === "") signals.forEach((signal, nth) => setTimeout(() => child.kill(signal), nth * 50))
      stdout += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })

const logged = (stderr: string) => {
  const { level, logger, msg, error } = JSON.parse(stderr)
  return { level, logger, msg, error }
}
const ends = (error: string) => ({ level: "error", logger: "test", msg: "test ends with an error", error })

describe.concurrent("launch", () => {
  it("SIGTERM runs the finalizers and ends with 0, and says nothing", async () => {
    assert.deepStrictEqual(await run(["drain"], ["SIGTERM"]), {
      code: 0,
      stdout: "up\ndrained\n",
      stderr: ""
    })
  })

  it("a program whose work has an end says that a signal came before it", async () => {
    assert.deepStrictEqual(await run(["drain", "unfinished"], ["SIGINT"]), {
      code: 130,
      stdout: "up\ndrained\n",
      stderr: ""
    })
  })

  it("a stuck finalizer is given up after the grace period, or at a second signal at once", async () => {
    const [alone, twice] = await Promise.all([
      run(["stuck"], ["SIGTERM"]),
      run(["stuck"], ["SIGINT", "SIGTERM"])
    ])
    assert.deepStrictEqual(alone, {
      code: 1,
      stdout: "up\n",
      stderr: "no clean end within 700 ms of SIGTERM\n"
    })
    assert.deepStrictEqual(twice, { code: 143, stdout: "up\n", stderr: "" })
  })

  it("an error is logged once, as a line of JSON, and its kind is the exit code", async () => {
    const [config, unreachable, bug] = await Promise.all([
      run(["misconfigured"]),
      run(["unreachable"]),
      run(["bug"])
    ])
    assert.deepStrictEqual([config.code, unreachable.code, bug.code], [78, 69, 1])
    assert.deepStrictEqual(logged(config.stderr), ends("no cluster"))
    assert.deepStrictEqual(logged(unreachable.stderr), ends("get pods n/p: down"))
    assert.deepStrictEqual(logged(bug.stderr), ends("a bug"))
  })

  it("flags are handed over, explained with 0, refused with 2", async () => {
    const [given, help, misuse] = await Promise.all([
      run(["flags", "--slots=2"]),
      run(["flags", "--help"]),
      run(["flags", "--bogus"])
    ])
    const usage = "Usage of test:\n  --slots int  Tasks at once (default 1)\n"
    assert.deepStrictEqual(
      [given, help, misuse],
      [
        { code: 0, stdout: "slots 2\n", stderr: "" },
        { code: 0, stdout: usage, stderr: "" },
        { code: 2, stdout: "", stderr: `flag provided but not defined: -bogus\n${usage}` }
      ]
    )
  })

  it("the contracted programs know 1 only", async () => {
    assert.strictEqual((await run(["misconfigured", "plain"])).code, 1)
  })
})
