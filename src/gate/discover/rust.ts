/** Rust: crates and workspaces of them. */
import type { Check } from "../checks.ts"
import { membersOf, type Package, pathsOf, reachOf } from "./packages.ts"
import {
  at,
  type Discover,
  folderOf,
  has,
  isForeign,
  nameOf,
  type Project,
  readToml,
  stringsAt,
  tableAt,
  textOf
} from "./Project.ts"

const kinds = ["dependencies", "dev-dependencies", "build-dependencies"] as const

/** Names of what a manifest needs, for whatever platform. */
const needsOf = (manifest: unknown): ReadonlyArray<string> => [
  ...kinds.flatMap((kind) => Object.entries(tableAt(manifest, kind)).map(packageName)),
  ...Object.values(tableAt(manifest, "target")).flatMap((target) =>
    kinds.flatMap((kind) => Object.entries(tableAt(target, kind)).map(packageName))
  )
]

const packageName = ([name, what]: readonly [string, unknown]): string => {
  const renamed = at(what, "package")
  return typeof renamed === "string" ? renamed : name
}

const maxMembers = 16

export const rust: Discover = (project) => {
  if (!has(project, "Cargo.toml")) return []
  const manifest = readToml(textOf(project, "Cargo.toml"))
  const members = membersOfWorkspace(project, manifest)
  const isLocked = has(project, "Cargo.lock")
  const needs = [
    manifest,
    ...members.map(({ folder }) => readToml(textOf(project, `${folder}/Cargo.toml`)))
  ].flatMap(needsOf)
  const own = members.map(({ name }) => name)
  const setup: ReadonlyArray<Check> = needs.some((name) => !own.includes(name))
    ? [
        {
          name: "setup",
          role: "setup",
          command: isLocked ? "cargo fetch --locked" : "cargo fetch",
          lockFiles: ["Cargo.lock", "**/Cargo.toml"],
          network: true
        }
      ]
    : []
  const isWorkspace = members.length > 0
  const whole = isWorkspace ? " --workspace" : ""
  return [
    ...setup,
    { name: "cargo fmt", role: "format", command: `cargo fmt${isWorkspace ? " --all" : ""} --check` },
    { name: "cargo build", role: "build", command: `cargo build${whole} --all-targets` },
    ...tests(manifest, members)
  ]
}

/** One check a crate, where they are few enough to be told apart. */
const tests = (manifest: unknown, members: ReadonlyArray<Package>): ReadonlyArray<Check> => {
  const hasRoot = at(manifest, "package") !== undefined
  if (members.length === 0) return [{ name: "cargo test", role: "test", command: "cargo test" }]
  if (members.length > maxMembers || hasRoot) {
    return [{ name: "cargo test", role: "test", command: "cargo test --workspace" }]
  }
  return members.map((member) => ({
    name: nameOf(`cargo test ${member.folder}`),
    role: "test",
    command: `cd ${member.folder} && cargo test`,
    paths: pathsOf(reachOf(member, members), ["Cargo.toml", "Cargo.lock", ".cargo/**", "rust-toolchain*"])
  }))
}

const membersOfWorkspace = (project: Project, manifest: unknown): ReadonlyArray<Package> => {
  const folders = project.paths.flatMap((path) =>
    path.endsWith("/Cargo.toml") && !isForeign(path) ? [folderOf(path)] : []
  )
  const patterns = [
    ...stringsAt(manifest, "workspace", "members"),
    ...stringsAt(manifest, "workspace", "exclude").map((pattern) => `!${pattern}`)
  ]
  return membersOf(patterns, folders).flatMap((folder): ReadonlyArray<Package> => {
    const own = readToml(textOf(project, `${folder}/Cargo.toml`))
    const name = at(own, "package", "name")
    return typeof name === "string" ? [{ folder, name, needs: needsOf(own) }] : []
  })
}
