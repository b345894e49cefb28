/** `npm run world -- --take`: writes list.yaml from candidates.yaml by the rule of README.md, with git alone; no gate is asked. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"

import { stringify } from "yaml"

import { cloneOf } from "./clones.ts"
import { git } from "./git.ts"
import { filesOf, fixes } from "./history.ts"
import { type List, loadCandidates, type Project } from "./List.ts"
import { hasTests, type WorldLanguage, mainLanguage } from "./rule.ts"

/** Of each language: so many for the first half, then so many for the second. */
const half = 6
const fewestFixes = 5
const mostFixes = 10

const expected: Readonly<Record<string, ReadonlyArray<WorldLanguage>>> = {
  PyPI: ["Python"],
  npm: ["JavaScript", "TypeScript"],
  Go: ["Go"],
  crates: ["Rust"]
}

type Taken = Omit<Project, "half"> | { readonly because: string }

const look = async (
  folder: string,
  registry: string,
  name: string,
  rank: number,
  repository: string
): Promise<Taken> => {
  const clone = await cloneOf(folder, repository)
  if ("notObtainable" in clone) return { because: `not obtainable: ${clone.notObtainable}` }
  const head = await git(clone.dir, ["rev-parse", "HEAD"])
  const files = await filesOf(clone.dir, head)
  const language = mainLanguage(files)
  if (language === undefined || !(expected[registry] ?? []).includes(language)) {
    return { because: `its code is ${language ?? "in another language"}` }
  }
  if (!hasTests(files)) return { because: "no test file" }
  const found = await fixes(clone.dir, head, language, mostFixes)
  if (found.length < fewestFixes)
    return { because: `${found.length} fixes since 2021-12 that touch tests and product` }
  return {
    repository,
    registry,
    package: name,
    rank,
    language,
    head,
    fixes: found.map(({ base, commit }) => ({ commit, base, verdict: "GATE-PASS" }))
  }
}

const header = `# Written by \`npm run world -- --take\` before the first run; do not edit. The rule is in README.md.\n`

/** `known` are repositories that could not be had, with the error, where this machine cannot ask for them again. */
export const takeList = async (folder: string, known: ReadonlyMap<string, string>): Promise<List> => {
  const { date, registries } = loadCandidates()
  const projects: Array<Project> = []
  const leftOut: Array<List["leftOut"][number]> = []
  for (const [registry, { packages }] of Object.entries(registries)) {
    const isFull = () =>
      (expected[registry] ?? []).every(
        (language) => projects.filter((each) => each.language === language).length >= 2 * half
      )
    for (const [index, each] of packages.entries()) {
      if (isFull()) break
      const place = { registry, package: each.name, rank: index + 1 }
      const { repository } = each
      if (repository === undefined) {
        leftOut.push({ ...place, because: each.leftOut ?? "no repository" })
        continue
      }
      const error = known.get(repository)
      const taken: Taken =
        error === undefined
          ? await look(folder, registry, each.name, place.rank, repository)
          : { because: `not obtainable: ${error}` }
      if ("because" in taken) {
        leftOut.push({ repository, ...place, because: taken.because })
      } else {
        const before = projects.filter(({ language }) => language === taken.language).length
        if (before >= 2 * half) leftOut.push({ repository, ...place, because: `enough of ${taken.language}` })
        else projects.push({ ...taken, half: before < half ? "first" : "second" })
      }
      console.error(
        `${registry} ${place.rank} ${each.name}: ${"because" in taken ? taken.because : taken.language}`
      )
    }
  }
  const list: List = { date, projects, leftOut }
  await writeFile(join(import.meta.dirname, "list.yaml"), header + stringify(list, { lineWidth: 0 }))
  return list
}
