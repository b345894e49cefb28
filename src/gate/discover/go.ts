/** Go: modules, workspaces of them, and what their tool chain brings along. */
import type { Check } from "../checks.ts"
import { type Package, pathsOf, reachOf } from "./packages.ts"
import {
  type Discover,
  folderOf,
  has,
  isForeign,
  isPlainFolder,
  nameOf,
  type Project,
  textOf
} from "./Project.ts"

/**
 * gofmt lists what is unformatted and exits 0, hence the test around it. It is not asked about what was copied in (`vendor`), what tests
 * read (`testdata`, broken on purpose at times) and what a program wrote.
 */
export const gofmt = `unformatted=$(find . \\( -name vendor -o -name testdata -o -name third_party -o -name node_modules -o -name '.?*' \\) -prune -o -name '*.go' -type f -exec grep -LE '^// Code generated .* DO NOT EDIT' {} + | tr '\\n' '\\0' | xargs -0 gofmt -l) && printf '%s' "$unformatted" && [ -z "$unformatted" ]`

interface Module extends Package {
  readonly hasTests: boolean
  readonly hasDependencies: boolean
}

const maxModules = 16

export const go: Discover = (project) => {
  if (!has(project, "go.mod", "go.work")) return []
  const modules = modulesOf(project)
  if (modules.length === 0) return []
  const isAtRoot = has(project, "go.mod")
  const nested = modules.filter(({ folder }) => folder !== "").slice(0, maxModules)
  const root: ReadonlyArray<Check> = isAtRoot
    ? [
        { name: "go vet", role: "lint", command: "go vet ./..." },
        { name: "go build", role: "build", command: "go build ./..." },
        { name: "go test", role: "test", command: "go test ./..." }
      ]
    : []
  const checks = [
    ...setup(project, modules),
    { name: "gofmt", role: "format", command: gofmt } satisfies Check,
    ...root,
    ...nested.flatMap((each) => ofModule(each, modules))
  ]
  const order = ["setup", "format", "lint", "build", "test"]
  return checks.toSorted((a, b) => order.indexOf(a.role ?? "") - order.indexOf(b.role ?? ""))
}

const modulesOf = (project: Project): ReadonlyArray<Module> =>
  project.paths.flatMap((path): ReadonlyArray<Module> => {
    if (!/(?:^|\/)go\.mod$/u.test(path) || isForeign(path)) return []
    const folder = folderOf(path)
    const text = textOf(project, path)
    if (folder !== "" && (!isPlainFolder(folder) || text === "")) return []
    const isInside = (each: string) => folder === "" || each.startsWith(`${folder}/`)
    return [
      {
        folder,
        name: /^module\s+"?([^\s"]+)/mu.exec(text)?.[1] ?? folder,
        needs: [...text.matchAll(/^\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+|[\w~/-]+)\s+v\d/gmu)].map(
          ([, name = ""]) => name
        ),
        hasTests: project.paths.some((each) => each.endsWith("_test.go") && isInside(each)),
        hasDependencies: /^\s*require\b/mu.test(text)
      }
    ]
  })

/** A vendored module has all that it needs; one that needs nothing has nothing to download. */
const setup = (project: Project, modules: ReadonlyArray<Module>): ReadonlyArray<Check> => {
  const toLoad = modules.filter(
    ({ folder, hasDependencies }) =>
      hasDependencies && !has(project, `${folder === "" ? "" : `${folder}/`}vendor/modules.txt`)
  )
  if (toLoad.length === 0) return []
  const command = has(project, "go.work")
    ? "go mod download"
    : toLoad
        .map(({ folder }) => (folder === "" ? "go mod download" : `(cd ${folder} && go mod download)`))
        .join(" && ")
  return [{ name: "setup", role: "setup", command, lockFiles: ["**/go.sum", "**/go.mod"], network: true }]
}

const ofModule = (module: Module, all: ReadonlyArray<Module>): ReadonlyArray<Check> => {
  const { folder } = module
  const reach = reachOf(module, all)
  // The module of the root is everything else.
  const paths = reach.some((each) => each.folder === "")
    ? ["**/*.go", "**/go.mod", "**/go.sum", `${folder}/**`]
    : pathsOf(reach, ["go.work", "go.work.sum"])
  const check = (role: "build" | "test", command: string): Check => ({
    name: nameOf(`${command.replace(" ./...", "")} ${folder}`),
    role,
    command: `cd ${folder} && ${command}`,
    paths
  })
  return [check("build", "go build ./..."), ...(module.hasTests ? [check("test", "go test ./...")] : [])]
}
