/** Writes `crds/` from the schemas. `--check` writes nothing and fails when a file is stale. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { stringify } from "yaml"

import { foremanResources, toCrd } from "../schema/Crd.ts"
import { groupResource } from "../schema/Resource.ts"

const folder = join(import.meta.dirname, "..", "crds")

const wanted = new Map(
  foremanResources.map((resource) => [
    `${resource.group}_${resource.plural}.yaml`,
    `# Generated from schema/${resource.kind}.ts by npm run gen. Do not edit.\n${stringify(toCrd(resource), { lineWidth: 0 })}`
  ])
)

const read = (name: string): string | undefined => {
  try {
    return readFileSync(join(folder, name), "utf8")
  } catch {
    return undefined
  }
}

mkdirSync(folder, { recursive: true })
const stale = [
  ...[...wanted].filter(([name, text]) => read(name) !== text).map(([name]) => name),
  ...readdirSync(folder).filter((name) => name.endsWith(".yaml") && !wanted.has(name))
]

if (process.argv.includes("--check")) {
  if (stale.length > 0) {
    console.error(`stale in crds/: ${stale.join(", ")}; run npm run gen`)
    process.exitCode = 1
  }
} else {
  for (const [name, text] of wanted) writeFileSync(join(folder, name), text)
  console.log(`${wanted.size} kinds: ${foremanResources.map(groupResource).join(", ")}`)
}
