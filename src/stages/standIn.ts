/** A test file that the change left alone, to be asked in the place of a changed one. */
import { Effect } from "effect"

import { isTestPath, languageOf } from "../gate/files.ts"
import type { TestFile } from "../gate/runners/TestRunner.ts"
import { closeness, concernsTests, stemOf } from "../gate/canary/standIn.ts"
import { declaredTests } from "../gate/testText.ts"
import type { GateError } from "../services/GateError.ts"
import type { ProofContext, TestCheck } from "./TestStageContext.ts"

/** More are not read. */
const maxRead = 12

/**
 * The test file nearest to the change that the check runs: one that names a changed file, of the same folder, or any. Its text is the same in
 * base and commit. Undefined where no test concerns the change.
 */
export const standInFor = Effect.fnUntraced(function* (
  world: ProofContext,
  { check, runner }: TestCheck,
  side: "base" | "commit"
): Effect.fn.Return<(TestFile & { readonly text: string }) | undefined, GateError> {
  const changed = world.change.files.flatMap(({ oldPath = [], path }) => [path, oldPath].flat())
  const product = changed.filter(concernsTests)
  if (side === "commit" && product.length === 0) return undefined
  const paths = (yield* world.checkout.files)
    .filter(
      (path) =>
        !changed.includes(path) &&
        (isTestPath(path) || check.command.includes(path)) &&
        (runner === undefined
          ? languageOf(path) !== undefined
          : runner.takes(path) && runner.surelyCollects(path))
    )
    .toSorted((a, b) => closeness(b, product) - closeness(a, product))
    .slice(0, maxRead)
  const read = yield* Effect.forEach(paths, (path) =>
    Effect.map(world.checkout.readBase(path), (text) => ({ path, text: text ?? "" }))
  )
  const stems = product.map(stemOf)
  const files = read
    .map((file) => ({ ...file, tests: declaredTests(file.path, file.text).map(({ name }) => name) }))
    .filter(({ path, tests }) => tests.length > 0 || check.command.includes(path))
  return files.find(({ text }) => stems.some((stem) => text.includes(stem))) ?? files[0]
})
