/** The text of `.foreman/gate.yaml` that a proof comes to: each entry with a comment that says what was seen. */
import type { Check } from "../checks.ts"
import { isSetup } from "./propose.ts"
import type { Kept, Proof } from "./prove.ts"

/** A scalar as YAML reads it back. */
const scalar = (text: string): string =>
  /^[A-Za-z./][\w ./=@,+-]*$/u.test(text) &&
  !/^(?:true|false|null|yes|no|on|off)$/iu.test(text) &&
  !text.endsWith(" ")
    ? text
    : JSON.stringify(text)

const list = (texts: ReadonlyArray<string>): string =>
  `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`

/** A comment of one line, whatever a check printed. */
const comment = (indent: string, text: string): string =>
  `${indent}# ${text.replaceAll(/\p{Cc}+/gu, " ").slice(0, 300)}`

const seconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`

const entry = ({ check, note, seconds: took }: Kept): ReadonlyArray<string> => [
  comment("  ", `${seconds(took)} on the base.${note === undefined ? "" : ` ${note}`}`),
  `  - name: ${scalar(check.name)}`,
  ...(check.role === undefined ? [] : [`    role: ${check.role}`]),
  `    command: ${scalar(check.command)}`,
  ...(check.paths === undefined ? [] : [`    paths: ${list(check.paths)}`]),
  ...extras(check, "    ")
]

const extras = ({ lockFiles = [], network, role }: Check, indent: string): ReadonlyArray<string> =>
  role === "setup"
    ? [
        ...(lockFiles.length === 0 ? [] : [`${indent}lockFiles: ${list(lockFiles)}`]),
        ...(network === undefined ? [] : [`${indent}network: ${network}`])
      ]
    : []

const step = ({ check, seconds: took }: Kept): ReadonlyArray<string> => [
  comment("  ", `${seconds(took)} on the base.`),
  `  - run: ${scalar(check.command)}`,
  ...extras(check, "    ")
]

/** A role that a make target outside of the suite has no word for. */
const withRole = (kept: Kept): Kept => ({
  ...kept,
  check: { ...kept.check, role: kept.check.role ?? "build" }
})

export const gateFileText = ({ commit, kept, leftOut }: Proof): string => {
  const isApart = ({ check }: Kept) => isSetup(check) && check.paths === undefined
  const steps = kept.filter(isApart)
  const checks = kept.filter((each) => !isApart(each)).map(withRole)
  return `${[
    `# What "foreman gate" runs for every change. "foreman gate init" wrote it: each of these passed on commit ${commit.slice(0, 12)}.`,
    "# The gate reads it at the base of a change, so a change cannot rewrite its own gate.",
    ...(steps.length === 0
      ? []
      : [
          "# Runs first, with the network; what it installs is kept while the lock files stay the same.",
          "setup:"
        ]),
    ...steps.flatMap(step),
    "checks:",
    ...checks.flatMap(entry),
    ...(leftOut.length === 0 ? [] : ["# Left out:"]),
    ...leftOut.map(({ check, why }) => comment("", `  ${check.name}: ${why}`))
  ].join("\n")}\n`
}
