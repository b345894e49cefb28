/** Node: the package manager that a project uses, its scripts, and its workspaces. */
import { parseDocument } from "yaml"

import type { Check, CheckRole } from "../checks.ts"
import { scriptsOf } from "./scripts.ts"
import { delegates, type Manager, managerOf, recursive } from "./nodeManager.ts"
import { dependentsOf, inBuildOrder, membersOf, type Package, pathsOf, reachOf } from "./packages.ts"
import {
  at,
  type Discover,
  folderOf,
  has,
  isForeign,
  nameOf,
  type Project,
  readJson,
  stringsAt,
  tableAt,
  textOf
} from "./Project.ts"

type Scripts = Readonly<Record<string, string>>

/** Scripts by what they prove, in the order in which they run: what is built first may be what the rest needs. Of each row the first that a project has. */
const rows: ReadonlyArray<readonly [CheckRole, ReadonlyArray<string>]> = [
  ["format", ["format:check", "check:format", "format-check", "fmt:check", "prettier:check", "check-format"]],
  ["lint", ["lint", "lint:check", "eslint"]],
  ["build", ["build"]],
  ["build", ["typecheck", "type-check", "check-types", "check:types", "types:check", "types", "tsc"]],
  ["test", ["test", "test:ci", "test:run", "test:unit", "unit", "tests"]]
]

/** What npm writes into a package.json that has no test yet. */
const isPlaceholder = (script: string): boolean => script.includes("no test specified")

/** A script that does not end by itself, or that mends what it should find. */
const isOther = (script: string): boolean =>
  /(?:^|\s)--(?:watch(?:All)?(?!=false)|fix|write|ui)\b/u.test(script) || /\bnodemon\b/u.test(script)

const isUseful = (script: string | undefined): script is string =>
  script !== undefined && !isPlaceholder(script) && !isOther(script)

/** Each row's script, by its name. */
const chosen = (scripts: Scripts): ReadonlyArray<readonly [CheckRole, string]> =>
  rows.flatMap(([role, names]) => {
    const name = names.find((each) => isUseful(scripts[each]))
    return name === undefined ? [] : [[role, name] as const]
  })

/** A workspace of more packages is asked as a whole. */
const maxMembers = 12

export const node: Discover = (project) => {
  if (!has(project, "package.json")) return []
  const manifest = readJson(textOf(project, "package.json"))
  const scripts = scriptsOf(textOf(project, "package.json"))
  const manager = managerOf(project, manifest)
  const members = membersOfWorkspace(project, manifest)
  const own = chosen(scripts).filter(([, name]) => members.length === 0 || !delegates(scripts[name] ?? ""))
  const covered = new Set(own.map(([, name]) => rowOf(name)))
  const ofRoot = own.map(([role, name]): Check => ({
    name: manager.run(name),
    role,
    command: manager.run(name)
  }))
  const ofMembers = inBuildOrder(members).flatMap((member) => checksOf(member, members, manager))
  const rest = ofMembers.filter(({ row }) => !covered.has(row))
  const whole =
    members.length <= maxMembers
      ? rest.map(({ check }) => check)
      : [...new Map(rest.map(({ role, script }) => [script, role])).entries()].map(
          ([script, role]): Check => ({
            name: nameOf(recursive(manager, script)),
            role,
            command: recursive(manager, script)
          })
        )
  const order = ["format", "lint", "build", "test"]
  return [
    ...setup(project, manifest, manager, members),
    ...[...ofRoot, ...whole].toSorted((a, b) => order.indexOf(a.role ?? "") - order.indexOf(b.role ?? ""))
  ]
}

const rowOf = (script: string): number => rows.findIndex(([, names]) => names.includes(script))

const dependencies = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const

const needsOf = (manifest: unknown): ReadonlyArray<string> =>
  dependencies.flatMap((kind) => Object.keys(tableAt(manifest, kind)))

const setup = (
  project: Project,
  manifest: unknown,
  manager: Manager,
  members: ReadonlyArray<Member>
): ReadonlyArray<Check> => {
  const own = members.map(({ name }) => name)
  const needs = [...needsOf(manifest), ...members.flatMap((member) => member.needs)]
  // Packages of one repository find each other by what an installation links.
  const isNeeded = needs.length > 0 && (needs.some((name) => !own.includes(name)) || own.length > 0)
  return isNeeded
    ? [
        {
          name: "setup",
          role: "setup",
          command: manager.install,
          lockFiles: [...manager.lockFiles.filter((file) => has(project, file)), "**/package.json"],
          network: true
        }
      ]
    : []
}

interface Member extends Package {
  readonly scripts: Scripts
}

const membersOfWorkspace = (project: Project, manifest: unknown): ReadonlyArray<Member> => {
  const patterns = [
    ...stringsAt(manifest, "workspaces"),
    ...stringsAt(manifest, "workspaces", "packages"),
    ...stringsAt(readYaml(textOf(project, "pnpm-workspace.yaml")), "packages")
  ]
  const folders = project.paths.flatMap((path) =>
    path.endsWith("/package.json") && !isForeign(path) ? [folderOf(path)] : []
  )
  return membersOf(patterns, folders).flatMap((folder): ReadonlyArray<Member> => {
    const text = textOf(project, `${folder}/package.json`)
    const own = readJson(text)
    const name = at(own, "name")
    return text === ""
      ? []
      : [
          {
            folder,
            name: typeof name === "string" ? name : folder,
            needs: needsOf(own),
            scripts: scriptsOf(text)
          }
        ]
  })
}

const readYaml = (text: string): unknown => {
  const document = parseDocument(text)
  return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 })
}

/** Files of the root that decide about every package. */
const shared = ["*.{json,js,cjs,mjs,ts,cts,mts,yaml,yml,lock,lockb,toml}", ".npmrc", ".yarnrc.yml"]

const checksOf = (member: Member, all: ReadonlyArray<Member>, manager: Manager) =>
  chosen(member.scripts).map(([role, script]) => {
    // What a package builds is what those that need it are tested with.
    const touched = new Set(
      role === "build"
        ? dependentsOf(member, all).flatMap((each) => reachOf(each, all))
        : reachOf(member, all)
    )
    const check: Check = {
      name: nameOf(`${manager.run(script)} ${member.folder}`),
      role,
      command: `cd ${member.folder} && ${manager.run(script)}`,
      paths: pathsOf([...touched], shared)
    }
    return { role, script, row: rowOf(script), check }
  })
