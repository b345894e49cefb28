/**
 * What a repository runs when it does not say so: by the files of its base. Only what needs no choice of the project's: its set-up, its
 * compiler, the formatter that comes with the language, its own scripts, its tests.
 */
import type { Check } from "../checks.ts"
import { cmake } from "./cmake.ts"
import { go } from "./go.ts"
import { gradle, maven } from "./jvm.ts"
import { node } from "./node.ts"
import {
  type BaseFiles,
  type Discover,
  folderOf,
  fromFolder,
  type HasProgram,
  inFolder,
  isForeign,
  isPlainFolder,
  type Project
} from "./Project.ts"
import { python } from "./python.ts"
import { pythonTexts } from "./pythonInstall.ts"
import { ruby } from "./ruby.ts"
import { rust } from "./rust.ts"

/** What finds the checks of an ecosystem, and the manifests by which a folder belongs to it. */
const ecosystems: ReadonlyArray<readonly [Discover, ReadonlyArray<string>]> = [
  [go, ["go.mod", "go.work"]],
  [rust, ["Cargo.toml"]],
  [node, ["package.json"]],
  [python, ["pyproject.toml", "setup.py"]],
  [maven, ["pom.xml"]],
  [gradle, ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"]],
  [cmake, ["CMakeLists.txt"]],
  [ruby, ["Gemfile"]]
]

/** Files that say how a project is built and tested, by their names. */
const telling = new Set([
  "package.json",
  "pnpm-workspace.yaml",
  "go.mod",
  "Cargo.toml",
  "CMakeLists.txt",
  "Gemfile",
  "Rakefile",
  ...pythonTexts
])
/** Those that make a folder a project. */
const manifests = /(?:^|\/)(?:package\.json|go\.mod|Cargo\.toml|pyproject\.toml|CMakeLists\.txt)$/u
const maxNested = 200
const maxDepth = 4

/** The files whose contents decide what is run: those of the root, and the manifests of folders. */
export const tellingPaths = (paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const nested = paths.filter(
    (path) => path.includes("/") && !isForeign(path) && path.split("/").length <= maxDepth + 1
  )
  return [
    ...paths.filter((path) => telling.has(path)),
    ...nested.filter((path) => manifests.test(path)).slice(0, maxNested),
    ...nested.filter(
      (path) =>
        !manifests.test(path) && path.split("/").length <= 2 && telling.has(path.replace(/^.*\//u, ""))
    )
  ].filter((path, index, all) => all.indexOf(path) === index)
}

/**
 * The checks of a base: set-up first, then the cheapest of each ecosystem. `hasProgram` says which programs there are, where somebody has
 * looked; without it what the files say is asked for.
 */
export const checksOfFiles = (files: BaseFiles, hasProgram?: HasProgram): ReadonlyArray<Check> => {
  const project: Project = {
    ...files,
    hasProgram: hasProgram ?? (() => true),
    isUnattended: hasProgram === undefined
  }
  const ofRoot = ecosystems.map(([discover]) => discover(project))
  const isProject = ofRoot.some((found) => found.length > 0)
  const checks = ecosystems.flatMap(([discover, names], index) => {
    const found = ofRoot[index] ?? []
    return found.length > 0 ? found : ofFolders(project, discover, names, isProject)
  })
  const isSetup = ({ role }: Check) => role === "setup"
  return distinctNames([...checks.filter(isSetup), ...checks.filter((check) => !isSetup(check))])
}

/** Folders beside a project that show it or help with it, and are tested with it if at all. */
const beside =
  /(?:^|\/)(?:docs?|documentation|web-?site|site|examples?|samples?|demos?|bench(?:mark)?s?|tests?|e2e|scripts?|tools?|hack|contrib|integration[\w-]*)(?:\/|$)/iu
const maxFolders = 12

/** An ecosystem that the root does not belong to: the outermost folders that do. `isProject` says that the root belongs to another one. */
const ofFolders = (
  project: Project,
  discover: Discover,
  manifests: ReadonlyArray<string>,
  isProject: boolean
): ReadonlyArray<Check> => {
  const folders = project.paths.flatMap((path) =>
    manifests.includes(path.replace(/^.*\//u, "")) && !isForeign(path) ? [folderOf(path)] : []
  )
  const all = [...new Set(folders)].filter(
    (folder) =>
      isPlainFolder(folder) && folder.split("/").length <= maxDepth && !(isProject && beside.test(folder))
  )
  return all
    .filter((folder) => !all.some((other) => folder.startsWith(`${other}/`)))
    .toSorted()
    .slice(0, maxFolders)
    .flatMap((folder) => discover(inFolder(project, folder)).map((check) => fromFolder(folder, check)))
}

/** Each name once: `setup`, `setup 2`. */
const distinctNames = (checks: ReadonlyArray<Check>): ReadonlyArray<Check> => {
  const seen = new Map<string, number>()
  return checks.map((check) => {
    const count = (seen.get(check.name) ?? 0) + 1
    seen.set(check.name, count)
    return count === 1 ? check : { ...check, name: `${check.name.slice(0, 58)} ${count}` }
  })
}
