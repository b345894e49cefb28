/** Starts Foreman on the Node that npm installed beside it (on Linux), where the Node on PATH is too old. */
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { constants } from "node:os"

/** The program of the npm package of Node for this machine, if it is there and at least of that major version. */
const findNode = (oldest: number): string | undefined => {
  const require = createRequire(import.meta.url)
  const name = `node-${process.platform}-${process.arch}`
  try {
    const { version } = require(`${name}/package.json`)
    return Number(version.split(".")[0]) >= oldest ? require.resolve(`${name}/bin/node`) : undefined
  } catch {
    return undefined
  }
}

/**
 * Starts the same command on the pinned Node and ends with its exit code; false where there is none. An old Node cannot replace itself
 * by another program, so this process stays. With a token in its environment that would be readable in /proc, so then it returns false.
 */
export const startOnPinnedNode = (oldest: number): boolean => {
  const node = process.env["GITHUB_TOKEN"] ? undefined : findNode(oldest)
  if (node === undefined) return false
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: "inherit" })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both processes, and a second signal ends Foreman before it has cleaned up.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on("error", (error) => {
    console.error(`foreman: ${node} could not be started: ${error.message}`)
    process.exit(78)
  })
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? "SIGTERM"]))
  return true
}
