/** What can be found out about a change without running it, while the checks run. */
import { Effect } from "effect"

import type { Change } from "../gate/change.ts"
import type { Check } from "../gate/checks.ts"
import { checkDocuments, type DocumentCheck, lostBy, pathsOf } from "../gate/documents.ts"
import type { Finding } from "../gate/finding.ts"
import { settingsBeside, settingsFindings } from "../gate/settings/settings.ts"
import { storedChanges } from "../gate/stored.ts"
import { suppressed } from "../gate/suppressed.ts"
import { unparsable } from "../gate/unparsable.ts"
import { uncompared } from "../gate/weakened/uncompared.ts"
import { newDefinitions, newFiles, untested, unused } from "../gate/untested.ts"
import { grammarOf } from "../gate/weakened/syntax.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import { findProtected } from "./protected.ts"
import type { GateError } from "../services/GateError.ts"
import { SyntaxParser } from "../services/SyntaxParser.ts"
import type { Checked } from "./runChecks.ts"
import { findWeakened } from "./weakened.ts"

export interface Examined {
  readonly findings: ReadonlyArray<Finding>
  readonly documents: ReadonlyArray<Checked>
}

/** What it reads of a checkout. */
export type Reading = Pick<Checkout, "readBase" | "baseFiles" | "files" | "mentions" | "markdownWith">

export const staticChecks = Effect.fn("staticChecks")(function* (
  checkout: Reading,
  change: Change,
  checks: ReadonlyArray<Check>
): Effect.fn.Return<Examined, GateError, SyntaxParser> {
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
      ...uncompared(change),
      ...untested(change),
      ...unused(defined, mentions)
    ]
  }
})

/** Rules that read both sides by syntax: settings and hooks, and source that does not parse. Without parsers they say so in a note. */
const findSettings = Effect.fnUntraced(function* (
  checkout: Reading,
  change: Change
): Effect.fn.Return<ReadonlyArray<Finding>, GateError, SyntaxParser> {
  const { open } = yield* SyntaxParser
  const [baseFiles, commitFiles] = [yield* checkout.baseFiles, yield* checkout.files]
  const unchanged = new Map<string, string>()
  for (const path of settingsBeside(change, baseFiles)) {
    const text = yield* checkout.readBase(path)
    if (text !== undefined) unchanged.set(path, text)
  }
  const paths = change.files.flatMap(({ oldPath = [], path }) => [path, oldPath].flat())
  return yield* open(new Set(paths.flatMap((path) => grammarOf(path) ?? []))).pipe(
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
    isBuiltIn: true,
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
