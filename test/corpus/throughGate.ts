/** One case through `foreman gate`, as a person starts it. */
import { exitCodes } from "../../src/gate/envelope.ts"
import type { Case } from "./Case.ts"
import { type Said, saidBy } from "./judged.ts"
import type { Repository } from "./repository.ts"
import { startForeman } from "./startForeman.ts"

/** `cacheHome` is where its caches are kept between cases. */
export const throughGate = async (
  each: Case,
  { branches, path }: Repository,
  cacheHome: string
): Promise<Said> => {
  const { base, head } = branches.get(each) ?? { base: "", head: "" }
  const flags = [`--repo=${path}`, `--base=${base}`, `--head=${head}`, "--timeout=10m", "--output=json"]
  const memory = each.limits?.memory
  if (memory !== undefined) flags.push(`--memory=${memory}`)
  const child = startForeman(["gate", ...flags], { XDG_CACHE_HOME: cacheHome })
  let stdout = ""
  let log = ""
  child.stdout.on("data", (chunk) => (stdout += chunk))
  child.stderr.on("data", (chunk) => (log = `${log}${chunk}`.slice(-4_000)))
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  if (stdout === "") throw new Error(`foreman gate of ${each.name} exited ${code} without a result:\n${log}`)
  const said = saidBy(JSON.parse(stdout))
  if (!Object.entries(exitCodes).some(([verdict, exit]) => verdict === said.verdict && exit === code)) {
    throw new Error(`foreman gate of ${each.name} said ${said.verdict} and exited ${code}`)
  }
  return said
}
