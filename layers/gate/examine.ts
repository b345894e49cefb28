/** What can be found out about a change without running it, while the checks run. */
import { Effect } from "effect"

import type { Change } from "../../src/gate/change.ts"
import type { Check } from "../../src/gate/checks.ts"
import { checkDocuments, type DocumentCheck, lostBy, pathsOf } from "../../src/gate/documents.ts"
import type { Finding } from "../../src/gate/finding.ts"
import { settingsBeside, settingsFindings } from "../../src/gate/settings/settings.ts"
import { storedChanges } from "../../src/gate/stored.ts"
import { suppressed } from "../../src/gate/suppressed.ts"
import { unparsable } from "../../src/gate/unparsable.ts"
import { newDefinitions, newFiles, untested, unused } from "../../src/gate/untested.ts"
import { grammarOf } from "../../src/gate/weakened/syntax.ts"
import type { Checkout } from "./Checkout.ts"
import { findProtected } from "./protected.ts"
import type { GateStopped } from "./GateStopped.ts"
import type { Checked } from "./runChecks.ts"
import * as syntax from "./syntax.ts"
import { findWeakened } from "./weakened.ts"

export interface Examined {
  readonly findings: ReadonlyArray<Finding>
  readonly documents: ReadonlyArray<Checked>
}

export const examine = Effect.fn("examine")(function* (
  checkout: Checkout,
  change: Change,
  checks: ReadonlyArray<Check>
): Effect.fn.Return<Examined, GateStopped> {
  if (change.files.length === 0) return { findings: [], documents: [] }
  const paths = pathsOf(yield* checkout.files)
  const lost = lostBy(change, paths).map((path) => path.replace(/^.*\//su, ""))
  const documents = checkDocuments(change, paths, yield* checkout.markdownWith(lost)).map(asCheck)
  const defined = [...newDefinitions(change), ...newFiles(change)]
  const mentions = yield* checkout.mentions(defined.map(({ name }) => name))
  const weakened = yield* findWeakened(change)
  const settings = yield* findSettings(checkout, change)
  return {
    documents,
    findings: [
      ...(yield* findProtected(checkout, change, checks)),
      ...weakened,
      ...settings,
      ...storedChanges(change),
      ...suppressed(change),
      ...untested(change),
      ...unused(defined, mentions)
    ]
  }
})

/** Rules that read both sides by syntax: settings and hooks, and source that does not parse. Without parsers they say so in a note. */
const findSettings = Effect.fnUntraced(function* (
  checkout: Checkout,
  change: Change
): Effect.fn.Return<ReadonlyArray<Finding>, GateStopped> {
  const [baseFiles, commitFiles] = [yield* checkout.baseFiles, yield* checkout.files]
  const unchanged = new Map<string, string>()
  for (const path of settingsBeside(change, baseFiles)) {
    const text = yield* checkout.readBase(path)
    if (text !== undefined) unchanged.set(path, text)
  }
  const paths = change.files.flatMap(({ oldPath = [], path }) => [path, oldPath].flat())
  return yield* syntax.open(new Set(paths.flatMap((path) => grammarOf(path) ?? []))).pipe(
    Effect.flatMap((parse) =>
      Effect.try({
        try: () => [
          ...settingsFindings({ change, baseFiles, commitFiles, unchanged, parse }),
          ...unparsable(change, parse)
        ],
        catch: (cause) => ({ cause })
      })
    ),
    Effect.catch(({ cause }) =>
      Effect.succeed([
        {
          rule: "settings" as const,
          file: ".",
          message: `settings and syntax could not be read (${String(cause).slice(0, 200)})`,
          isNote: true as const
        }
      ])
    )
  )
})

const maxFaults = 20

/** Among the checks that ran, one more: its command says what it looks at. */
const asCheck = ({ name, what, files, faults, shared }: DocumentCheck): Checked => {
  const [first] = faults
  const lines = [
    ...faults,
    ...shared.map((fault) => ({ ...fault, message: `${fault.message} (on the base too)` }))
  ]
    .slice(0, maxFaults)
    .map(({ file, line, message }) => `${file}${line === undefined ? "" : `:${line}`}: ${message}`)
  return {
    asked: { name, command: what },
    looksAt: (path) => files.includes(path),
    check: {
      name,
      role: "lint",
      command: `(built in) ${what}`,
      exitCode: faults.length === 0 ? 0 : 1,
      seconds: 0,
      covered: files.length,
      ...(first !== undefined && { message: lines[0] ?? "" }),
      ...(lines.length > 0 && { logTail: lines.join("\n") })
    }
  }
}
