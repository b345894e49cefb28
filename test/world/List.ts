/** The list of the world: which repositories, which commits, which verdict each must get. Its form is told in README.md. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { Schema } from "effect"
import { parse } from "yaml"

import { languages } from "./rule.ts"

const opt = Schema.optionalKey
const Hash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{40}$/u))
const Repository = Schema.String.check(Schema.isPattern(/^[\w.-]+\/[\w.-]+$/u))
const Verdict = Schema.Literals(["GATE-PASS", "GATE-FAIL", "GATE-ERROR"])

const Fix = Schema.Struct({ commit: Hash, base: Hash, verdict: Verdict })

const Project = Schema.Struct({
  repository: Repository,
  registry: Schema.String,
  package: Schema.String,
  /** Place in the order of its registry, from 1. */
  rank: Schema.Int,
  language: Schema.Literals(languages),
  /** The first half may be looked at; the second is kept for figures that nobody could fit a rule to. */
  half: Schema.Literals(["first", "second"]),
  /** Where its history is read from. */
  head: Hash,
  fixes: Schema.Array(Fix)
})
export type Project = typeof Project.Type

const LeftOut = Schema.Struct({
  repository: opt(Repository),
  registry: Schema.String,
  package: Schema.String,
  rank: Schema.Int,
  because: Schema.NonEmptyString
})

export const List = Schema.Struct({
  date: Schema.String,
  projects: Schema.Array(Project),
  leftOut: Schema.Array(LeftOut)
})
export type List = typeof List.Type

export const Candidates = Schema.Struct({
  date: Schema.String,
  registries: Schema.Record(
    Schema.String,
    Schema.Struct({
      order: Schema.NonEmptyString,
      packages: Schema.Array(
        Schema.Struct({
          name: Schema.NonEmptyString,
          repository: opt(Repository),
          leftOut: opt(Schema.NonEmptyString)
        })
      )
    })
  )
})

/** How the checks of a repository run, as `.foreman/gate.yaml` would say it; for a language, or for one repository. */
const Recipe = Schema.Struct({
  setup: opt(Schema.Array(Schema.NonEmptyString)),
  checks: Schema.NonEmptyArray(
    Schema.Struct({ role: Schema.Literals(["build", "test"]), command: Schema.NonEmptyString })
  ),
  env: opt(Schema.Record(Schema.String, Schema.String)),
  /** Why its checks cannot run here; its commits then take part in the static half alone. */
  cannotRun: opt(Schema.NonEmptyString)
})
export type Recipe = typeof Recipe.Type

/** What a person who did not write the rules found about a commit of the list, where the rule's verdict is not right. */
/** What a reader found about what the static half says of a commit: `right` where somebody should look, `wrong` where nobody need. */
const StaticReading = Schema.Struct({
  repository: Schema.NonEmptyString,
  commit: Hash,
  weighs: Schema.Literals(["fail", "ask"]),
  rules: Schema.NonEmptyArray(Schema.NonEmptyString),
  verdict: Schema.Literals(["right", "wrong"]),
  why: Schema.NonEmptyString
})

const Reading = Schema.Struct({ commit: Hash, verdict: Verdict, why: Schema.NonEmptyString })

const folder = import.meta.dirname
const options = { onExcessProperty: "error", errors: "all" } as const

const load = <S extends Schema.Top & { readonly DecodingServices: never }>(
  file: string,
  schema: S
): S["Type"] => {
  try {
    return Schema.decodeUnknownSync(
      schema,
      options
    )(parse(readFileSync(join(folder, file), "utf8"), { maxAliasCount: 0 }))
  } catch (cause) {
    throw new Error(`test/world/${file} is not valid: ${cause instanceof Error ? cause.message : cause}`, {
      cause
    })
  }
}

export const loadCandidates = () => load("candidates.yaml", Candidates)
export const loadList = (): List => load("list.yaml", List)
export const loadRecipes = () => load("recipes.yaml", Schema.Record(Schema.String, Recipe))
export const loadStaticReadings = () => load("static-readings.yaml", Schema.Array(StaticReading))
export const loadReadings = () => load("readings.yaml", Schema.Array(Reading))

/** The recipe of a repository, else of its language. */
export const recipeOf = (
  recipes: Readonly<Record<string, Recipe>>,
  { language, repository }: Pick<Project, "language" | "repository">
): Recipe | undefined => recipes[repository] ?? recipes[language]
