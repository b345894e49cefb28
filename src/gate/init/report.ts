/** What `foreman gate init` says in the end. */
import { exampleFile, gateFilePath } from "../gateFile.ts"
import type { Proof } from "./prove.ts"

export interface Written {
  readonly file: string
  readonly isWritten: boolean
  /** Sentences for a person. */
  readonly advice: ReadonlyArray<string>
}

/** No control character of a check's output reaches a terminal. */
const plain = (text: string): string => text.replaceAll(/\p{Cc}/gu, " ")

const short = (text: string): string => (text.length > 70 ? `${text.slice(0, 69)}…` : text)

const row = (role: string, command: string, rest: string): string =>
  plain(`  ${role.padEnd(8)}${short(command).padEnd(44)}  ${rest}`).trimEnd()

export const table = (proof: Proof, { advice, file, isWritten }: Written): string =>
  [
    ...(proof.kept.length === 0
      ? []
      : [
          `${isWritten ? `Wrote ${file}, proved` : "Proved"} on ${proof.commit.slice(0, 12)}:`,
          ...proof.kept.flatMap(({ check, note, seconds }) => [
            row(check.role ?? "", check.command, `${seconds.toFixed(1)} s`),
            ...(note === undefined ? [] : [row("", `  ${note}`, "")])
          ])
        ]),
    ...(proof.leftOut.length === 0
      ? []
      : [
          "Left out:",
          ...proof.leftOut.flatMap(({ check, logTail, why }) => [
            row(check.role ?? "", check.command, why),
            ...logTail
              .split("\n")
              .slice(-5)
              .filter((line) => line.trim() !== "")
              .map((line) => plain(`    | ${line.slice(0, 160)}`))
          ])
        ]),
    ...advice.map(plain),
    ...(isWritten
      ? ["Commit it: the gate reads it where a change was cut from the default branch."]
      : [`${gateFilePath} is not written. What it could say: ${exampleFile}`])
  ].join("\n")

export const asJson = (proof: Proof, { advice, file, isWritten }: Written) => ({
  file,
  isWritten,
  commit: proof.commit,
  checks: proof.kept.map(({ check, note, seconds }) => ({
    ...check,
    seconds,
    ...(note !== undefined && { note })
  })),
  leftOut: proof.leftOut.map(({ check, logTail, why }) => ({ ...check, why, logTail })),
  advice
})
