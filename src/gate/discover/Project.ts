/** A repository, or a folder of it, as its base shows it: every path, and the texts of the few files that say how it is built and tested. */
import { Option, Result, Schema } from "effect"
import { parse as parseToml } from "smol-toml"

import type { Check } from "../checks.ts"

/** Files of a base, and the contents of those that `tellingPaths` names. */
export interface BaseFiles {
  readonly paths: ReadonlyArray<string>
  /** By path. */
  readonly texts: ReadonlyMap<string, string>
}

/** Whether a program can be started; where nobody has looked, every program can. */
export type HasProgram = (name: string) => boolean

export interface Project extends BaseFiles {
  readonly hasProgram: HasProgram
  /** Whether nobody has looked which programs there are: then a tool is asked for only where the project brings it. */
  readonly isUnattended: boolean
}

/** What one ecosystem's files call for: set-up first, then the cheapest. */
export type Discover = (project: Project) => ReadonlyArray<Check>

export const has = (project: BaseFiles, ...names: ReadonlyArray<string>): boolean =>
  names.some((name) => project.paths.includes(name))

export const textOf = (project: BaseFiles, path: string): string => project.texts.get(path) ?? ""

/** A file that is there, if any of them is. */
export const firstOf = (project: BaseFiles, names: ReadonlyArray<string>): string | undefined =>
  names.find((name) => project.paths.includes(name))

/** The files of a folder (without the slash at its end), their paths as the folder sees them. */
export const inFolder = (project: Project, folder: string): Project => {
  const prefix = `${folder}/`
  const inside = (path: string) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : [])
  return {
    ...project,
    paths: project.paths.flatMap(inside),
    texts: new Map(
      [...project.texts].flatMap(([path, text]) => inside(path).map((own) => [own, text] as const))
    )
  }
}

/** A check of a folder, as the root runs it: its globs become those of the root; without any it covers its folder, set-up included. */
export const fromFolder = (folder: string, check: Check): Check => ({
  ...check,
  name: nameOf(`${check.name} ${folder}`),
  command: `cd ${folder} && ${check.command}`,
  paths: (check.paths ?? ["**"]).map((glob) => `${folder}/${glob}`),
  ...(check.lockFiles !== undefined && { lockFiles: check.lockFiles.map((glob) => `${folder}/${glob}`) })
})

/** A name as the gate file takes it. */
export const nameOf = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9 _.:/-]/gu, "")
    .replace(/^[^A-Za-z0-9]+/u, "")
    .slice(0, 63)

/** Folders that a shell, make and a glob take as they stand. */
export const isPlainFolder = (folder: string): boolean =>
  /^[\w@+][\w@+.-]*(?:\/[\w@+][\w@+.-]*)*$/u.test(folder)

/** Folders whose manifests are no part of the project: what was copied in, and what tests and documents show. */
export const isForeign = (path: string): boolean =>
  /(?:^|\/)(?:node_modules|vendor|third_party|testdata|fixtures?|__fixtures__|templates?|\.[^/]+|_[^/]*)\//u.test(
    path
  )

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")))

type Table = { readonly [key: string]: unknown }

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A value inside tables; undefined where one of them is missing. */
export const at = (value: unknown, ...keys: ReadonlyArray<string>): unknown =>
  keys.reduce<unknown>(
    (inner, key) => (isTable(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    value
  )

export const tableAt = (value: unknown, ...keys: ReadonlyArray<string>): Table => {
  const found = at(value, ...keys)
  return isTable(found) ? found : {}
}

export const stringsAt = (value: unknown, ...keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found = at(value, ...keys)
  return Array.isArray(found) ? found.filter((each): each is string => typeof each === "string") : []
}

/** An empty table for a text that is not valid TOML. */
export const readToml = (text: string): Table =>
  Result.getOrElse(
    Result.try((): Table => parseToml(text)),
    () => ({})
  )

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** An empty table for a text that is not a JSON object. */
export const readJson = (text: string): Table => {
  const value = Option.getOrUndefined(decodeJson(text))
  return isTable(value) ? value : {}
}
