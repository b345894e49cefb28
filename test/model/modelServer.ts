/**
 * A real model server. FOREMAN_TEST_MODEL_START is a command that starts one: it is called with `--port N --ctx N`, prints
 * `listening on URL` once it answers, and serves until SIGTERM.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { createInterface } from "node:readline"

import { Effect } from "effect"

const command = process.env["FOREMAN_TEST_MODEL_START"] ?? ""

/** Why the tests here cannot run, if so. */
export const whyNoModel: string | undefined =
  command === "" ? "FOREMAN_TEST_MODEL_START names no command that starts a model server" : undefined
if (whyNoModel !== undefined) console.log(`skipped: ${whyNoModel}`)

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export interface ModelServer {
  readonly port: number
  readonly baseURL: string
  /** All that it printed so far. */
  readonly log: () => string
  readonly kill: (signal: NodeJS.Signals) => Promise<void>
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once("exit", () => resolve())
  })

/** Starts one, in a process group of its own, and waits until it answers. */
export const startModel = async (ctx: number, atPort?: number): Promise<ModelServer> => {
  const port = atPort ?? (await freePort())
  const child = spawn(`exec ${command} --port ${port} --ctx ${ctx}`, {
    shell: true,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"]
  })
  let log = ""
  child.stderr.on("data", (chunk) => (log += String(chunk)))
  const kill = async (signal: NodeJS.Signals) => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, signal)
    }
    await ended(child)
  }
  const baseURL = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      log += `${line}\n`
      const url = /^listening on (\S+)/u.exec(line)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`the model server ended with ${code}:\n${log}`)))
  })
  return { port, baseURL, log: () => log, kill }
}

export const modelServer = (ctx: number) =>
  Effect.acquireRelease(
    Effect.promise(() => startModel(ctx)),
    ({ kill }) => Effect.promise(() => kill("SIGKILL"))
  )
