/** GitLab's report of code quality, the subset of Code Climate's form that it reads. */
import type { Envelope } from "../envelope.ts"
import { itemsOf, type Level } from "./items.ts"
import { type Digest, fingerprints, nowhere } from "./sarif.ts"
import { oneLine } from "./text.ts"

const severities: Readonly<Record<Level, string>> = { error: "major", warning: "minor", note: "info" }

export const gitlab = (envelope: Envelope, digest: Digest) => {
  const items = itemsOf(envelope)
  const marks = fingerprints(items, digest)
  return items.map(({ file, level, line, message, rule, subject }, index) => ({
    description: oneLine(subject === undefined ? message : `${subject}: ${message}`),
    check_name: rule,
    fingerprint: marks[index] ?? "",
    severity: severities[level],
    location: { path: oneLine(file ?? nowhere), lines: { begin: Math.max(1, line ?? 1) } }
  }))
}
