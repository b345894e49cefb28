/** Whether this machine has the tools of a language. */
import { spawnSync } from "node:child_process"

const tools: Readonly<Record<string, ReadonlyArray<readonly [string, ...Array<string>]>>> = {
  go: [
    ["go", "version"],
    ["gofmt", "-h"]
  ],
  javascript: [["node", "--version"]],
  python: [["python3", "-m", "pytest", "--version"]],
  rust: [
    ["cargo", "--version"],
    ["cargo", "fmt", "--version"]
  ],
  shell: [["make", "--version"]]
}

/** Why a language's cases cannot be judged here; undefined where they can. */
export const whyNot = (language: string): string | undefined => {
  const absent = tools[language]?.find(([program, ...args]) => spawnSync(program, args).status !== 0)
  return absent === undefined ? undefined : `${absent.join(" ")} does not run here`
}
