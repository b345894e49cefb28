/** Real fixes, and bad changes made from them, through the whole gate. */
import { createHash } from "node:crypto"
import { join } from "node:path"

import { bare } from "./bare.ts"
import { cloneOf } from "./clones.ts"
import { derive } from "./derive/derive.ts"
import { gateFileOf } from "./gateFile.ts"
import { goodFiles } from "./goodFiles.ts"
import { git } from "./git.ts"
import { loadReadings, loadRecipes, type Project, type Recipe, recipeOf } from "./List.ts"
import { keyOf, type Outcome } from "./outcomes.ts"
import type { Runner } from "./Runner.ts"
import { openScratch, type Scratch } from "./Scratch.ts"
import { throughGate } from "./throughGate.ts"

const gateFilePath = ".foreman/gate.yaml"

export interface GateRun {
  /** The newest so many of a project. */
  readonly fixes: number
  /** Bad changes are made from the first so many fixes of a project that its own checks pass. */
  readonly derivedFrom: number
  /** For builds that know no `setup` in the gate file. */
  readonly isSetupACheck: boolean
}

/** One commit of the list at hand: the base with a gate file, and the fix on top of it. */
interface Prepared {
  readonly scratch: Scratch
  readonly folder: string
  readonly recipe: Recipe
  readonly base: string
  readonly good: string
}

const outcomeOf = (project: Project, commit: string, subject: string, build: string) => ({
  build,
  repository: project.repository,
  language: project.language,
  commit,
  subject
})

const errorText = (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(-500)

/** Asks the gate once; undefined when the run was interrupted. What it cannot say is kept as an error. */
const ask = async (
  { base, folder, scratch }: Prepared,
  head: string
): Promise<Partial<Outcome> | undefined> =>
  throughGate(scratch.dir, base, head, join(folder, "cache")).catch((error: unknown) => ({
    error: errorText(error)
  }))

const digestOf = (recipe: Recipe): string =>
  createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12)

/** Whether the fix, or its base, is green without a gate; asked once for all builds, and again by another recipe. */
const isGreen = async (
  project: Project,
  commit: string,
  which: "fix" | "base",
  subject: string,
  at: Prepared,
  { store, tell }: Runner
): Promise<boolean> => {
  const outcome = {
    ...outcomeOf(project, commit, subject, "none"),
    kind: "bare",
    detail: digestOf(at.recipe),
    ...(which === "base" && { made: "base" })
  } as const
  const known = store.get(keyOf(outcome))
  if (known !== undefined) return known.verdict === "green"
  const head = which === "fix" ? at.good : at.base
  const said = await bare(at.scratch, join(at.folder, "bare"), head, at.recipe)
  store.add({
    ...outcome,
    verdict: said.isGreen ? "green" : "red",
    seconds: said.seconds,
    found: [],
    ...(said.tail !== "" && { message: said.tail })
  })
  if (!said.isGreen)
    tell(`${project.repository} ${commit.slice(0, 10)}: the checks of its ${which} are red without a gate`)
  return said.isGreen
}

const whole = async (
  project: Project,
  fix: Project["fixes"][number],
  subject: string,
  at: Prepared,
  runner: Runner
) => {
  const reading = loadReadings().find(({ commit }) => commit === fix.commit)
  const outcome = {
    ...outcomeOf(project, fix.commit, subject, runner.build),
    kind: "whole",
    expected: reading?.verdict ?? fix.verdict
  } as const
  if (runner.store.get(keyOf(outcome)) !== undefined) return
  const said = await ask(at, at.good)
  if (said === undefined) return
  runner.store.add({ found: [], seconds: 0, ...outcome, ...said })
  runner.tell(
    `${project.repository} ${fix.commit.slice(0, 10)}: ${said.verdict ?? said.error} ${said.reason ?? ""} (${said.seconds ?? 0} s)`
  )
}

/** A mutant that its own tests let through, and a fix whose tests do not need it, prove nothing. */
const canBeEquivalent = (made: string) => ["mutant", "source reverted", "assertion negated"].includes(made)

const derived = async (
  project: Project,
  fix: Project["fixes"][number],
  subject: string,
  at: Prepared,
  runner: Runner
) => {
  const files = await goodFiles(at.scratch, fix.base, fix.commit)
  const texts = new Map<string, string | undefined>()
  for (const path of [
    "conftest.py",
    "pytest.py",
    "pytest.ini",
    ".npmrc",
    "package.json",
    ".cargo/config.toml",
    "Cargo.toml"
  ]) {
    texts.set(path, await at.scratch.text(at.good, path))
  }
  let isRevertedGreen = false
  for (const { detail, files: changed, made } of derive(project.language, files, fix.commit, (path) =>
    texts.get(path)
  )) {
    if (runner.isEnded()) return
    const outcome = {
      ...outcomeOf(project, fix.commit, subject, runner.build),
      kind: "derived",
      made,
      detail,
      expected: "GATE-FAIL"
    } as const
    const known = runner.store.get(keyOf(outcome))
    if (known !== undefined) {
      isRevertedGreen ||= known.equivalent === true && made === "source reverted"
      continue
    }
    const head = await at.scratch.commit(at.good, at.base, changed)
    const said = await ask(at, head)
    if (said === undefined) return
    const isGood =
      said.verdict === "GATE-PASS" &&
      canBeEquivalent(made) &&
      (await bare(at.scratch, join(at.folder, "bare"), head, at.recipe)).isGreen
    isRevertedGreen ||= isGood && made === "source reverted"
    const isCheat = /^(exit|hook|setting)/u.test(made)
    runner.store.add({
      found: [],
      seconds: 0,
      ...outcome,
      ...said,
      ...((isGood || (isCheat && isRevertedGreen)) && { equivalent: true as const })
    })
    runner.tell(
      `${project.repository} ${fix.commit.slice(0, 10)} ${made}: ${said.verdict ?? said.error} ${said.reason ?? ""}`
    )
  }
}

/** Whole gates (`kinds` has `whole`) and derived changes (`derived`) of one project. */
export const runGates = async (
  project: Project,
  kinds: ReadonlySet<string>,
  options: GateRun,
  runner: Runner
): Promise<void> => {
  const { repository } = project
  const recipe = recipeOf(loadRecipes(), project)
  if (recipe === undefined || recipe.cannotRun !== undefined) {
    return runner.tell(`${repository}: ${recipe?.cannotRun ?? "no recipe"}`)
  }
  const clone = await cloneOf(runner.folder, repository)
  if ("notObtainable" in clone) return runner.tell(`${repository}: not obtainable: ${clone.notObtainable}`)
  const folder = join(runner.folder, ".scratch", repository.replace("/", "+"))
  const scratch = await openScratch(join(folder, "repository"), clone.dir)
  const gateFile = new Map([[gateFilePath, gateFileOf(recipe, options.isSetupACheck)]])
  let usable = 0
  for (const fix of project.fixes.slice(0, options.fixes)) {
    if (runner.isEnded()) return
    const base = await scratch.commit(fix.base, fix.base, gateFile)
    const good = await scratch.commit(fix.commit, base, gateFile)
    const at = { scratch, folder, recipe, base, good }
    const subject = await git(scratch.dir, ["log", "-1", "--format=%s", fix.commit])
    if (!(await isGreen(project, fix.commit, "fix", subject, at, runner))) continue
    if (kinds.has("whole")) await whole(project, fix, subject, at, runner)
    if (!kinds.has("derived") || usable >= options.derivedFrom || runner.isEnded()) continue
    // On a red base nobody can tell what a bad change adds.
    if (!(await isGreen(project, fix.commit, "base", subject, at, runner))) continue
    usable += 1
    await derived(project, fix, subject, at, runner)
  }
}
