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

/**
 * The last block of the message; without one a GO whose summary is the first line of what was said. Who ends without a word, as some agents do
 * when something was not allowed, has not said that the task is done.
 */
export const submissionOf = (
  message: string,
  { issue, refused }: { readonly issue: number | undefined; readonly refused: string | undefined }
): MessageSubmission => {
  const given = Array.from(message.matchAll(block)).at(-1)?.[1]
  if (given === undefined) {
    const summary = boundedSummary(firstLine(message))
    if (summary === "") {
      const why = refused === undefined ? "" : ` This was not allowed: ${refused}. Go on without it.`
      return {
        problem: `you ended your turn without a word.${why} When the task is done, say in a line what you did`
      }
    }
    const subject = boundedSummary(summary, maxSubject).replace(/[.…]$/u, "")
    const fixes = issue === undefined ? "" : `\n\nFixes #${issue}`
    return { args: { verdict: "GO", summary, commit_message: `${subject}${fixes}` } }
  }
  const args = Option.getOrUndefined(parseJson(given))
  return typeof args === "object" && args !== null && !Array.isArray(args)
    ? { args: { ...args } }
    : { problem: "what stands in the block submit_result is not a JSON object" }
}
