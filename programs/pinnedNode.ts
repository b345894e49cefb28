/** What runs us where the Node on PATH is too old: npm installs the one that we need beside us, on Linux. */
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
 * Starts the same words on the pinned Node, and ends as that does; false where there is none. An old Node cannot become another
 * process, it can only wait for one. So it is not done with a token, which would stay behind to be read in /proc.
 */
export const startOnPinnedNode = (oldest: number): boolean => {
  const node = process.env["GITHUB_TOKEN"] ? undefined : findNode(oldest)
  if (node === undefined) return false
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: "inherit" })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both of us, and the second one would end the program before it is clean.
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
