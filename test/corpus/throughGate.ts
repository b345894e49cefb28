/** One case through `foreman gate`, as a person starts it. */
import { spawn } from "node:child_process"
import { join } from "node:path"

import type { Case } from "./Case.ts"
import { type Said, saidBy } from "./judged.ts"
import type { Placed } from "./repository.ts"

const root = join(import.meta.dirname, "..", "..")
const program = join(root, "programs", "foreman.ts")
/** Each start costs half a second of a core without. */
const compiled = join(root, "node_modules", ".cache", "compiled")

/** As `foreman gate` exits. */
const exits: Readonly<Record<string, number>> = { "GATE-PASS": 0, "GATE-FAIL": 1, "GATE-ERROR": 69 }

/** `cacheHome` is where its caches are kept between cases. */
export const throughGate = async (each: Case, placed: Placed, cacheHome: string): Promise<Said> => {
  const memory = each.limits?.memory
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      program,
      "gate",
      ...["--repo", placed.repository, "--base", placed.base, "--head", placed.head],
      ...["--timeout", "10m", "-o", "json"],
      ...(memory === undefined ? [] : ["--memory", memory])
    ],
    {
      env: { ...process.env, XDG_CACHE_HOME: cacheHome, NODE_COMPILE_CACHE: compiled },
      stdio: ["ignore", "pipe", "pipe"]
    }
  )
  let stdout = ""
  let log = ""
  child.stdout.on("data", (chunk) => (stdout += chunk))
  child.stderr.on("data", (chunk) => (log = `${log}${chunk}`.slice(-4_000)))
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  if (stdout === "") throw new Error(`foreman gate of ${each.name} exited ${code} without a result:\n${log}`)
  const said = saidBy(JSON.parse(stdout))
  if (exits[said.verdict] !== code) {
    throw new Error(`foreman gate of ${each.name} said ${said.verdict} and exited ${code}`)
  }
  return said
}
