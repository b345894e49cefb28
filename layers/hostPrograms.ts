/** How the programs of this machine are found by a process with a home of its own: what an image would say in its environment. */
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/** Where version managers keep what PATH leads to, when their variable does not say. */
const toolHomes: Readonly<Record<string, string>> = {
  ASDF_DATA_DIR: ".asdf",
  FNM_DIR: ".local/share/fnm",
  NVM_DIR: ".nvm",
  PYENV_ROOT: ".pyenv",
  RBENV_ROOT: ".rbenv",
  RUSTUP_HOME: ".rustup",
  SDKMAN_DIR: ".sdkman",
  VOLTA_HOME: ".volta"
}

/** PATH, and the homes of version managers that exist. */
export const hostPrograms = (
  env: Readonly<Record<string, string | undefined>>
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(toolHomes).flatMap(([name, folder]) => {
      const path = env[name] ?? join(homedir(), folder)
      return existsSync(path) ? [[name, path]] : []
    })
  ),
  PATH: env["PATH"] ?? "/usr/bin:/bin"
})
