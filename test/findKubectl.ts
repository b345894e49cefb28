/** Real kubectl for tests: the pinned one where npm carries it, else the one on PATH, else why there is none. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

export type Found = { readonly path: string } | { readonly missing: string }

export const findKubectl = (minor: "1.31" | "1.35"): Found => {
  const script = fileURLToPath(new URL("../scripts/kubectl.mjs", import.meta.url))
  const fetched = spawnSync(process.execPath, [script, minor], { encoding: "utf8", timeout: 120_000 })
  if (fetched.status === 0) return { path: fetched.stdout.trim() }
  const installed = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" })
  return installed.status === 0 ? { path: "kubectl" } : { missing: fetched.stderr.trim() }
}
