/**
 * What the gate finds in a change without running anything. One function, over a bare clone, so that it can be replaced by the gate's own
 * when that has one for a clone.
 */
import { Effect, Result } from "effect"

import { examine } from "../../layers/gate/examine.ts"
import { planChecks } from "../../layers/gate/planChecks.ts"
import { readChange } from "../../layers/gate/readChange.ts"
import { gitBytes } from "../../layers/gate/git.ts"
import type { Checkout } from "../../layers/gate/Checkout.ts"
import { defaultPolicy, type Finding, type Policy } from "../../src/gate/finding.ts"

/** What was found, and how the policy of the base counts it. `document` stands for the built-in checks of documents. */
export interface Found {
  readonly rule: string
  readonly file: string
  readonly line?: number | undefined
  readonly message: string
  readonly counts: "fail" | "ask" | "warn"
}

/** A finding by its policy; a note counts as nothing, a rule that cannot know asks where the policy would fail. */
const countsAs = (finding: Finding & { readonly asks?: boolean }, policy: Policy): Found["counts"] => {
  const word: string = policy[finding.rule]
  if (finding.isNote === true || word === "warn") return "warn"
  return word === "ask" || finding.asks === true ? "ask" : "fail"
}

const run = (dir: string, args: ReadonlyArray<string>, input?: string) =>
  gitBytes([`--git-dir=${dir}`, ...args], input === undefined ? {} : { input })

const text = (dir: string, args: ReadonlyArray<string>) =>
  run(dir, args).pipe(Effect.map((bytes) => bytes.toString("utf8")))

const paths = (dir: string, commit: string) =>
  text(dir, ["ls-tree", "-r", "-z", "--name-only", commit]).pipe(
    Effect.map((listed) => listed.split("\0").filter((path) => path !== "")),
    Effect.orDie
  )

const markdownWith = (dir: string, commit: string, words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const found = new Map<string, string>()
    if (words.length === 0) return found
    const search = ["grep", "-I", "-l", "-z", "-F", ...words.flatMap((word) => ["-e", word])]
    const names = yield* text(dir, [...search, commit, "--", "*.md", "*.markdown"]).pipe(
      Effect.orElseSucceed(() => "")
    )
    for (const name of names.split("\0").slice(0, 100)) {
      if (name !== "") found.set(name.slice(commit.length + 1), yield* text(dir, ["cat-file", "blob", name]))
    }
    return found
  }).pipe(Effect.orDie)

/** The members of a checkout that looking needs. `unused` is only ever a note, so words are not counted. */
const overClone = (dir: string, base: string, commit: string) =>
  ({
    readBase: (path: string) =>
      text(dir, ["cat-file", "blob", `${base}:${path}`]).pipe(Effect.orElseSucceed(() => undefined)),
    baseFiles: paths(dir, base),
    files: paths(dir, commit),
    mentions: (words: ReadonlyArray<string>) => Effect.succeed(new Map(words.map((word) => [word, 2]))),
    markdownWith: (words: ReadonlyArray<string>) => markdownWith(dir, commit, words)
  }) as unknown as Checkout

/** Everything found between two commits of the repository in `dir`; rejects with what stopped the gate. */
export const staticHalf = (dir: string, base: string, commit: string): Promise<ReadonlyArray<Found>> =>
  Effect.gen(function* () {
    const checkout = overClone(dir, base, commit)
    const change = yield* readChange((args, input) => run(dir, args, input), base, commit)
    // A repository that calls for no checks has documents and tests all the same.
    const rules = yield* planChecks(checkout, undefined).pipe(Effect.result)
    const { checks, policy } = Result.isSuccess(rules) ? rules.success : { checks: [], policy: defaultPolicy }
    const { documents, findings } = yield* examine(checkout, change, checks)
    return [
      ...documents.flatMap(({ check }): ReadonlyArray<Found> =>
        check.exitCode === 0
          ? []
          : [{ rule: "document", file: check.name, message: check.message ?? "", counts: "fail" }]
      ),
      ...findings.map((finding): Found => ({
        rule: finding.rule,
        file: finding.file,
        line: finding.line,
        message: finding.message,
        counts: countsAs(finding, policy)
      }))
    ]
  }).pipe(Effect.runPromise)
