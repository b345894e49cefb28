/** `foreman`, `foreman-agent` and `foreman-operator` for the containers of this machine, which have no image to bring them. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { shimsFolder } from "./podFolder.ts"
import { quoted } from "../../../src/gate/quoted.ts"

/** How this Foreman is started again: the node that runs it, and its script. */
export interface ForemanCommand {
  readonly node: string
  readonly script: string
}

/** Returns the folder, to be first on PATH. */
export const writeShims = (dataDirectory: string, command: ForemanCommand): string => {
  const folder = shimsFolder(dataDirectory)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const shims = { foreman: "", "foreman-agent": " agent", "foreman-operator": " operator" }
  for (const [name, subcommand] of Object.entries(shims)) {
    const line = `exec ${quoted(command.node)} ${quoted(command.script)}${subcommand} "$@"`
    writeFileSync(join(folder, name), `#!/bin/sh\n${line}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}
