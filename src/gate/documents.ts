/**
 * What can be said about files that are no code without any tool: JSON and YAML that do not parse, relative links of Markdown that lead
 * nowhere, Kubernetes manifests without a name. Held against a change only where the base's text was sound, or there was none.
 */
import { isAlias, isMap, parseAllDocuments } from "yaml"

import type { Change, ChangedFile } from "./change.ts"

export interface Fault {
  readonly file: string
  /** From 1. */
  readonly line?: number | undefined
  readonly message: string
}

/** What exists in the commit: files and, by their names, the folders that hold them. */
export type Paths = ReadonlySet<string>

interface Kind {
  readonly name: string
  /** One word of what was looked at, for the table of checks. */
  readonly what: string
  readonly covers: (path: string, text: string) => boolean
  readonly faults: (text: string, path: string, paths: Paths) => ReadonlyArray<Omit<Fault, "file">>
}

/** Files by these names are read by programs that allow comments in JSON. */
const isCommented = (path: string): boolean =>
  /(^|\/)(\.vscode\/|\.devcontainer|devcontainer\.json|[tj]sconfig[^/]*\.json|\.eslintrc|\.swcrc|\.babelrc|\.oxlintrc)/u.test(
    path
  )

/** Tests have broken files on purpose, and tell themselves when one is broken that should not be. */
const isForTests = (path: string): boolean =>
  /(^|\/)(?:tests?|__tests__|testdata|fixtures?|__fixtures__)\//u.test(path)

const kinds: ReadonlyArray<Kind> = [
  {
    name: "json",
    what: "it parses",
    covers: (path) => path.endsWith(".json") && !isCommented(path) && !isForTests(path),
    faults: (text) => {
      if (text.trim() === "") return []
      try {
        JSON.parse(text.replace(/^\uFEFF/u, ""))
        return []
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        const at = /at position (\d+)/u.exec(message)?.[1]
        return [
          { line: at === undefined ? undefined : lineAt(text, Number(at)), message: "is not valid JSON" }
        ]
      }
    }
  },
  {
    name: "yaml",
    what: "it parses, and each Kubernetes manifest in it has a name",
    // A template is YAML only once it is rendered.
    covers: (path, text) => /\.ya?ml$/u.test(path) && !text.includes("{{") && !isForTests(path),
    faults: (text) => yamlFaults(text, 0)
  },
  {
    name: "markdown",
    what: "relative links lead to files, and YAML blocks parse",
    covers: (path) => /\.(md|markdown)$/u.test(path),
    faults: (text, path, paths) => [...brokenLinks(text, path, paths), ...blockFaults(text)]
  }
]

export interface DocumentCheck {
  readonly name: string
  readonly what: string
  readonly files: ReadonlyArray<string>
  readonly faults: ReadonlyArray<Fault>
  /** The same kind of fault, where the base has it as well. */
  readonly shared: ReadonlyArray<Fault>
}

/** Files that the change takes away, by their old name where it moves them, and folders that are empty then. */
export const lostBy = (change: Change, paths: Paths): ReadonlyArray<string> => {
  const old = change.files.flatMap(({ oldPath, path, status }) =>
    status === "deleted" ? [path] : oldPath === undefined ? [] : [oldPath]
  )
  return [...pathsOf(old)].filter((path) => !paths.has(path))
}

/**
 * One for each kind of document that the change touches. `others` are texts of Markdown, by path, that may link to what the change takes
 * away.
 */
export const checkDocuments = (
  change: Change,
  paths: Paths,
  others: ReadonlyMap<string, string> = new Map()
): ReadonlyArray<DocumentCheck> => {
  const pathsBefore = new Set([...paths, ...lostBy(change, paths)])
  return kinds.flatMap((kind) => {
    const files = change.files.filter(
      ({ path, status, after }) => status !== "deleted" && after !== undefined && kind.covers(path, after)
    )
    const dangling = kind.name === "markdown" ? danglingLinks(change, paths, pathsBefore, others) : []
    if (files.length === 0 && dangling.length === 0) return []
    const faults = files.flatMap((file) =>
      kind.faults(file.after ?? "", file.path, paths).map((fault) => ({
        isShared: isShared(kind, file, fault.message, pathsBefore),
        fault: { ...fault, file: file.path }
      }))
    )
    return [
      {
        name: kind.name,
        what: kind.what,
        files: files.map(({ path }) => path),
        faults: [...faults.flatMap(({ isShared, fault }) => (isShared ? [] : [fault])), ...dangling],
        shared: faults.flatMap(({ isShared, fault }) => (isShared ? [fault] : []))
      }
    ]
  })
}

/** Links of files that the change leaves as they are, to what it takes away. */
const danglingLinks = (
  change: Change,
  paths: Paths,
  pathsBefore: Paths,
  others: ReadonlyMap<string, string>
): ReadonlyArray<Fault> =>
  [...others].flatMap(([file, text]) => {
    if (change.files.some(({ path }) => path === file)) return []
    const before = brokenLinks(text, file, pathsBefore).map(({ message }) => message)
    return brokenLinks(text, file, paths).flatMap((fault) =>
      before.includes(fault.message) ? [] : [{ ...fault, file }]
    )
  })

const isShared = (
  kind: Kind,
  { before, path, oldPath }: ChangedFile,
  message: string,
  paths: Paths
): boolean =>
  before !== undefined &&
  kind.covers(oldPath ?? path, before) &&
  kind.faults(before, oldPath ?? path, paths).some((fault) => fault.message === message)

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** Other parsers, libyaml among them, take a closing bracket at the indentation of its key. */
const acceptedElsewhere = /^Flow (?:map|sequence) in block collection must be sufficiently indented/u

/** `linesAbove` is the number of lines above the text. */
const yamlFaults = (text: string, linesAbove: number): ReadonlyArray<Omit<Fault, "file">> =>
  parseAllDocuments(text, { prettyErrors: false, logLevel: "silent" }).flatMap((document) => {
    const [error] = document.errors
    // What follows such a bracket is read wrongly, so nothing is said of the document.
    if (
      error !== undefined &&
      acceptedElsewhere.test(error.message) &&
      /[\]}]/u.test(text.charAt(error.pos[0]))
    )
      return []
    if (error !== undefined) {
      return [
        { line: linesAbove + lineAt(text, error.pos[0]), message: `is not valid YAML: ${error.message}` }
      ]
    }
    const { contents } = document
    if (!isMap(contents)) return []
    const [apiVersion, kind, metadata] = ["apiVersion", "kind", "metadata"].map((key) => contents.get(key))
    if (typeof apiVersion !== "string" || typeof kind !== "string") return []
    // Configuration files of tools borrow the form, and the items of a list have the names.
    if (!/^([\w.-]+\/)?v\d+((alpha|beta)\d+)?$/u.test(apiVersion) || configuration.test(apiVersion)) return []
    if (contents.has("items") || isAlias(metadata) || document.toString().includes("<<:")) return []
    if (isMap(metadata) && (metadata.has("name") || metadata.has("generateName"))) return []
    const line = linesAbove + lineAt(text, contents.range?.[0] ?? 0)
    return [{ line, message: `the manifest of a ${kind} has no metadata.name` }]
  })

const configuration =
  /(^|\.)(config|kustomize|kind|kubeadm|audit|skaffold|apiserver|client\.authentication)(\.|\/|$)/u

const fence = /^( {0,3})(`{3,}|~{3,})\s*([\w-]*)[^\n]*\n([\s\S]*?)^\1\2\s*$/gmu

const blockFaults = (text: string): ReadonlyArray<Omit<Fault, "file">> =>
  [...text.matchAll(fence)].flatMap(({ index, 3: language = "", 4: body = "" }) =>
    /^ya?ml$/u.test(language) && !/\{\{|^\s*\.\.\.|…|<[\w -]+>/mu.test(body)
      ? yamlFaults(body, lineAt(text, index))
      : []
  )

/** Links and images with a relative target, outside of code. What is after `#` or `?` is not looked at. */
const brokenLinks = (text: string, path: string, paths: Paths): ReadonlyArray<Omit<Fault, "file">> => {
  const blank = (code: string) => code.replaceAll(/[^\n]/gu, " ")
  const prose = text.replaceAll(fence, blank).replaceAll(/`[^`\n]+`/gu, blank)
  const inline = prose.matchAll(/\]\(\s*<?([^\s)<>]+)>?(?:\s+["'(][^)]*)?\)/gu)
  const references = prose.matchAll(/^ {0,3}\[(?!\^)[^\]]+\]:\s*<?([^\s<>]+)>?/gmu)
  return [...inline, ...references].flatMap(({ index, 1: target = "" }) => {
    if (/^([a-z][a-z0-9+.-]*:|#|\/|\?)/iu.test(target) || /[{}$*]/u.test(target)) return []
    const plain = target.replace(/[#?].*$/su, "")
    // One word without an ending may be a path only where there is one: a placeholder, a reference, a title.
    const isWord = !/[./]/u.test(plain)
    // Generators of sites serve `a.md` as the folder `a/`, from which its links are then counted.
    const asked = [resolve(path, plain), resolve(path.replace(/\.\w+$/u, "/index.md"), plain)]
    // What leads out of the repository is the forge's own (`../../issues`).
    return isWord ||
      asked[0] === undefined ||
      asked.some(
        (resolved) =>
          resolved === "" || (resolved !== undefined && pagesOf(resolved).some((page) => paths.has(page)))
      )
      ? []
      : [{ line: lineAt(text, index), message: `the link ${target} leads nowhere` }]
  })
}

/** Generators of sites leave out the end of a page's name, or write another. */
const pagesOf = (path: string): ReadonlyArray<string> => [
  path,
  ...[".md", ".mdx", "/index.md"].map((end) => `${path}${end}`),
  ...(path.endsWith(".html") ? [path.replace(/html$/u, "md")] : [])
]

/** From the folder of a file; undefined when it leaves the repository. */
const resolve = (from: string, target: string): string | undefined => {
  const parts = from.split("/").slice(0, -1)
  for (const part of decode(target).split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join("/")
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The files of a commit, and their folders. */
export const pathsOf = (files: ReadonlyArray<string>): Paths => {
  const paths = new Set(files)
  for (const file of files) {
    for (let at = file.lastIndexOf("/"); at > 0; at = file.lastIndexOf("/", at - 1)) {
      const folder = file.slice(0, at)
      if (paths.has(folder)) break
      paths.add(folder)
    }
  }
  return paths
}
