/** The submission that the last message of another coding agent stands for. Pure. */
import { Option } from "effect"

import { boundedSummary } from "./submission.ts"

/** The arguments of `submit_result`, or why there are none. */
export type MessageSubmission =
  | { readonly args: { readonly [key: string]: unknown } }
  | { readonly problem: string }

const block = /^```+ *submit_result[ \t]*\n([^]*?)^```+[ \t]*$/gmu
const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** Characters of a commit's subject. */
const maxSubject = 72

/** The first line that says something, without the marks of a heading or a list. */
const firstLine = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.replace(/^[\s#>*_`-]+|[\s*_`:]+$/gu, ""))
    .find((line) => /[\p{L}\p{N}]/u.test(line)) ?? ""

/** The last block of the message; without one a GO whose summary is the first line of what was said. */
export const submissionOf = (
  message: string,
  { issue, name }: { readonly name: string; readonly issue: number | undefined }
): MessageSubmission => {
  const given = Array.from(message.matchAll(block)).at(-1)?.[1]
  if (given === undefined) {
    const summary = boundedSummary(firstLine(message)) || `TASK: ${name}`
    const subject = boundedSummary(summary, maxSubject).replace(/[.…]$/u, "")
    const fixes = issue === undefined ? "" : `\n\nFixes #${issue}`
    return { args: { verdict: "GO", summary, commit_message: `${subject}${fixes}` } }
  }
  const args = Option.getOrUndefined(parseJson(given))
  return typeof args === "object" && args !== null && !Array.isArray(args)
    ? { args: { ...args } }
    : { problem: "what stands in the block submit_result is not a JSON object" }
}
