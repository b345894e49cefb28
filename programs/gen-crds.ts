/** Writes `crds/` and the chart's copies of it from the schemas. `--check` writes nothing and fails when a file is stale. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { stringify } from "yaml"

import { foremanResources, inferenceResources, toCrd } from "../schema/Crd.ts"
import { groupResource } from "../schema/Resource.ts"

const root = join(import.meta.dirname, "..")
const note = (kind: string): string => `Generated from schema/${kind}.ts by npm run gen. Do not edit.`

const manifest = (crd: unknown): string => stringify(crd, { lineWidth: 0 })

/**
 * A template, since Helm never upgrades what lies in a chart's own `crds/`. An uninstall must keep it: with a definition every object of
 * its kind goes. Braces in a description are text, not a template.
 */
const template = (resource: (typeof foremanResources)[number]): string => {
  const metadata = { name: groupResource(resource), annotations: { "helm.sh/resource-policy": "keep" } }
  const text = manifest({ ...toCrd(resource), metadata })
  return [
    `{{- /* ${note(resource.kind)} */ -}}`,
    `{{- if eq (include "foreman.installsCRDs" .) "true" }}`,
    text.replaceAll(/\{\{|\}\}/gu, (braces) => `{{ "${braces}" }}`).trimEnd(),
    "{{- end }}\n"
  ].join("\n")
}

const definitions = (resources: typeof foremanResources): ReadonlyMap<string, string> =>
  new Map(
    resources.map((resource) => [
      `${resource.group}_${resource.plural}.yaml`,
      `# ${note(resource.kind)}\n${manifest(toCrd(resource))}`
    ])
  )

const folders: ReadonlyArray<{ readonly path: string; readonly files: ReadonlyMap<string, string> }> = [
  { path: "crds", files: definitions(foremanResources) },
  // For clusters without LLMKube: the part of its kinds that Foreman reads.
  { path: "crds/llmkube", files: definitions(inferenceResources) },
  {
    path: "charts/foreman/templates/crds",
    files: new Map(foremanResources.map((resource) => [`${resource.plural}.yaml`, template(resource)]))
  }
]

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const isChecking = process.argv.includes("--check")
const stale = folders.flatMap(({ path, files }) => {
  const folder = join(root, path)
  mkdirSync(folder, { recursive: true })
  return [
    ...[...files].filter(([name, text]) => read(join(folder, name)) !== text).map(([name]) => name),
    ...readdirSync(folder).filter((name) => name.endsWith(".yaml") && !files.has(name))
  ].map((name) => `${path}/${name}`)
})

if (!isChecking) {
  for (const { path, files } of folders) {
    for (const [name, text] of files) writeFileSync(join(root, path, name), text)
  }
  console.log(`${foremanResources.length} kinds: ${foremanResources.map(groupResource).join(", ")}`)
} else if (stale.length > 0) {
  console.error(`stale: ${stale.join(", ")}; run npm run gen`)
  process.exitCode = 1
}
