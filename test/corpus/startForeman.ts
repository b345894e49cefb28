/** Programs of Foreman that a run starts. They end with it, however it ends. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..", "..")

/** Each start costs half a second of a core without. */
const compiled = join(root, "node_modules", ".cache", "compiled")

const running = new Set<ChildProcess>()
process.on("exit", () => {
  for (const child of running) child.kill("SIGTERM")
})

export const startForeman = (args: ReadonlyArray<string>, environment: NodeJS.ProcessEnv = {}) => {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(root, "programs", "foreman.ts"), ...args],
    {
      env: { ...process.env, NODE_COMPILE_CACHE: compiled, ...environment },
      stdio: ["ignore", "pipe", "pipe"]
    }
  )
  running.add(child)
  child.once("exit", () => running.delete(child))
  return child
}
