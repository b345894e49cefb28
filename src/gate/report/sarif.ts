/** SARIF 2.1.0, for code scanning and editors. */
import { type Envelope, exitCodes } from "../envelope.ts"
import { type Item, itemsOf } from "./items.ts"
import { ruleText } from "./rules.ts"
import { oneLine } from "./text.ts"

/** From a text to a short name for it that stays the same, such as a hash. */
export type Digest = (text: string) => string

const schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
/** Readers take a result without a place for an error of the file: it gets the file that says what is checked. */
export const nowhere = ".foreman/gate.yaml"
const rootId = "%SRCROOT%"

/** A relative reference of RFC 3986: each part of the path is percent-encoded, `:` among others. */
export const uriOf = (path: string): string =>
  path.toWellFormed().split("/").map(encodeURIComponent).join("/")

/**
 * A name for each item that does not move with line numbers: two alike in all but their lines are told apart by their order.
 * As long as a reader keeps the name, it knows the item again in the next run.
 */
export const fingerprints = (items: ReadonlyArray<Item>, digest: Digest): ReadonlyArray<string> => {
  const seen = new Map<string, number>()
  return items.map(({ file, message, rule, subject }) => {
    const text = JSON.stringify([rule, file ?? "", subject ?? "", message])
    const count = (seen.get(text) ?? 0) + 1
    seen.set(text, count)
    return digest(JSON.stringify([text, count]))
  })
}

const messageOf = ({ message, subject }: Item): string =>
  oneLine(subject === undefined ? message : `${subject}: ${message}`)

const locationOf = ({ file, line }: Item) => ({
  physicalLocation: {
    artifactLocation: { uri: uriOf(file ?? nowhere), uriBaseId: rootId },
    region: { startLine: Math.max(1, line ?? 1) }
  }
})

export const sarif = (envelope: Envelope, about: { readonly digest: Digest; readonly version: string }) => {
  const items = itemsOf(envelope)
  const rules = [...new Set(items.map(({ rule }) => rule))]
  const marks = fingerprints(items, about.digest)
  const { base, commit, message, profile, reason, tree, verdict } = envelope
  return {
    $schema: schema,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "foreman gate",
            version: about.version,
            rules: rules.map((id) => ({
              id,
              shortDescription: { text: ruleText(id).title },
              help: { text: ruleText(id).help }
            }))
          }
        },
        originalUriBaseIds: { [rootId]: { description: { text: "The root of the repository" } } },
        invocations: [{ executionSuccessful: verdict !== "GATE-ERROR", exitCode: exitCodes[verdict] }],
        results: items.map((item, index) => ({
          ruleId: item.rule,
          ruleIndex: rules.indexOf(item.rule),
          level: item.level,
          message: { text: messageOf(item) },
          locations: [locationOf(item)],
          partialFingerprints: { "foremanGate/v1": marks[index] ?? "" }
        })),
        properties: { verdict, reason, message: oneLine(message), commit, base, tree, profile }
      }
    ]
  }
}
