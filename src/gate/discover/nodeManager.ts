/** The package managers of Node: which one a project uses, and how it installs and runs scripts with it. */
import { at, has, type Project } from "./Project.ts"

export interface Manager {
  readonly name: "npm" | "pnpm" | "yarn" | "bun"
  readonly install: string
  readonly lockFiles: ReadonlyArray<string>
  /** The command for a script of the folder that it runs in. */
  readonly run: (script: string) => string
  /** How the program is called: by its name, or by way of npm where it is not installed. */
  readonly program: string
  readonly isBerry: boolean
}

const locks = {
  npm: ["package-lock.json", "npm-shrinkwrap.json"],
  pnpm: ["pnpm-lock.yaml"],
  yarn: ["yarn.lock"],
  bun: ["bun.lock", "bun.lockb"]
} as const
/** What else decides about an installation. */
const settings = {
  npm: [".npmrc"],
  pnpm: [".npmrc", "pnpm-workspace.yaml"],
  yarn: [".yarnrc.yml"],
  bun: []
} as const

/** The field `packageManager` decides, then the lock file, then it is npm. */
export const managerOf = (project: Project, manifest: unknown): Manager => {
  const field = at(manifest, "packageManager")
  const [, said, version] =
    /^(npm|pnpm|yarn|bun)@(\d[\w.-]*)/u.exec(typeof field === "string" ? field : "") ?? []
  const name = isName(said) ? said : nameByLock(project)
  const isBerry =
    name === "yarn" && (version === undefined ? has(project, ".yarnrc.yml") : !version.startsWith("1."))
  const program =
    name === "npm" || project.hasProgram(name) ? name : `npx --yes ${packageOf(name, version, isBerry)}`
  const isLocked = has(project, ...locks[name])
  return {
    name,
    install: installOf(name, program, { isLocked, isBerry }),
    lockFiles: [...locks[name], ...settings[name]],
    run: (script) => (script === "test" && name !== "bun" ? `${program} test` : `${program} run ${script}`),
    program,
    isBerry
  }
}

const isName = (word: string | undefined): word is Manager["name"] =>
  word === "npm" || word === "pnpm" || word === "yarn" || word === "bun"

const nameByLock = (project: Project): Manager["name"] =>
  has(project, "pnpm-lock.yaml", "pnpm-workspace.yaml")
    ? "pnpm"
    : has(project, "yarn.lock")
      ? "yarn"
      : has(project, ...locks.bun)
        ? "bun"
        : "npm"

/** What npm is asked for where the program itself is missing. */
const packageOf = (name: Manager["name"], version: string | undefined, isBerry: boolean): string =>
  isBerry
    ? `@yarnpkg/cli-dist@${version ?? "latest"}`
    : `${name}@${version ?? (name === "yarn" ? "1" : "latest")}`

const installOf = (
  name: Manager["name"],
  program: string,
  { isBerry, isLocked }: { readonly isLocked: boolean; readonly isBerry: boolean }
): string => {
  switch (name) {
    case "npm":
      // Without a lock file in the repository none is to be left behind.
      return isLocked ? "npm ci --no-audit --no-fund" : "npm install --no-audit --no-fund --no-package-lock"
    case "pnpm":
      return `${program} install ${isLocked ? "--frozen-lockfile" : "--no-lockfile"}`
    case "yarn":
      return isBerry
        ? `${program} install --immutable`
        : `${program} install ${isLocked ? "--frozen-lockfile" : "--no-lockfile"} --non-interactive`
    case "bun":
      return `${program} install ${isLocked ? "--frozen-lockfile" : "--no-save"}`
  }
}

/** Whether a script does nothing but run scripts of the packages of the workspace, by the package manager's own means. */
export const delegates = (script: string): boolean =>
  /^(?:npm (?:-ws |--workspaces )?(?:run(?:-script)? )?[\w:-]+(?: (?:--workspaces|-ws|--ws|--if-present))+|pnpm (?:-r|--recursive|run -r|run --recursive)(?: --(?:if-present|parallel|stream|sequential))*(?: run)? [\w:-]+(?: --if-present)?|yarn workspaces (?:run [\w:-]+|foreach(?: -[\w-]+)+ run [\w:-]+)|npm -ws(?: --if-present)? (?:run )?[\w:-]+)$/u.test(
    script.trim().replace(/\s+/gu, " ")
  )

/** One command for a script of all packages that have it. */
export const recursive = ({ isBerry, name, program }: Manager, script: string): string => {
  switch (name) {
    case "npm":
      return `npm run ${script} --workspaces --if-present`
    case "pnpm":
      return `${program} -r --if-present run ${script}`
    case "yarn":
      return isBerry
        ? `${program} workspaces foreach -A run ${script}`
        : `${program} workspaces run ${script}`
    case "bun":
      return `${program} run --filter '*' ${script}`
  }
}
