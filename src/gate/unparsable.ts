/** Changed source files that do not parse, whether or not a check loads them. The grammar may be older than the language, so it is not believed alone. */
import type { Change, ChangedFile } from "./change.ts"
import { isGenerated } from "./files.ts"
import type { Finding } from "./finding.ts"
import { wordsOf } from "./testText.ts"
import { grammarOf, type Parse } from "./weakened/syntax.ts"

/** Longer texts have no tree (`layers/gate/syntax.ts`). */
const maxCharacters = 400_000

/** Files with faults on purpose: what tools are tried on. */
const isData =
  /(?:^|\/)(?:fixtures?|__fixtures__|testdata|test_data|data|corpus|corpora|cases|golden|snapshots?|__snapshots__|samples?|inputs?|resources?|examples?\/bad|ui|trybuild|compile-?fail|templates?|cookiecutter[^/]*|vendor|third_party|node_modules)\//iu

const marks = { "(": ")", "[": "]", "{": "}" } as const
const isOpening = (word: string): word is keyof typeof marks => word in marks
const isClosing = (word: string): boolean => word === ")" || word === "]" || word === "}"

/** Counting brackets in longer texts takes too long. */
const maxBalanced = 60_000

/** Whether brackets outside of comments and strings pair up. */
const isBalanced = (path: string, text: string): boolean => {
  if (text.length > maxBalanced) return true
  const open: Array<string> = []
  for (const word of wordsOf(path, text)) {
    if (isOpening(word)) open.push(marks[word])
    else if (isClosing(word) && open.pop() !== word) return false
  }
  return open.length === 0
}

/** What git leaves in a file when a merge was not finished. */
const conflict = /^(?:<{7} \S.*|>{7} \S.*)$/mu

const findingOf = (file: ChangedFile, message: string, isCertain: boolean): Finding => ({
  rule: "unparsable",
  file: file.path,
  ...(file.addedLines[0] !== undefined && { line: file.addedLines[0] }),
  message,
  ...(!isCertain && { asks: true as const })
})

/** Certain where brackets no longer pair up or a merge left its marks; else the grammar may only not know the newest syntax, and it asks. */
export const unparsable = (change: Change, parse: Parse): ReadonlyArray<Finding> =>
  change.files.flatMap((file): ReadonlyArray<Finding> => {
    const { after, before, path } = file
    const grammar = grammarOf(path)
    const oldGrammar = grammarOf(file.oldPath ?? path)
    if (
      grammar === undefined ||
      after === undefined ||
      file.status === "deleted" ||
      after.length > maxCharacters ||
      isData.test(path)
    )
      return []
    if (
      conflict.test(after) &&
      (before === undefined || !conflict.test(before)) &&
      parse(grammar, after) === undefined
    ) {
      const at = after.slice(0, after.search(conflict)).split("\n").length
      return [{ ...findingOf(file, "has the marks of a merge that was not finished", true), line: at }]
    }
    // Thousands of lines in one expression, which are good code, are deeper than what has a tree.
    if (isGenerated(before) && isGenerated(after)) return []
    // A rename or a comment parses as it did.
    if (file.addedLines.length === 0 && file.removedLines.length === 0) return []
    if (parse(grammar, after) !== undefined) return []
    const isBroken = !isBalanced(path, after)
    if (before === undefined)
      return isBroken && !/(?:^|\/)tests?\//u.test(path)
        ? [findingOf(file, "does not parse: its brackets do not pair up", false)]
        : []
    if (oldGrammar === undefined || parse(oldGrammar, before) === undefined) return []
    const isCertain = isBroken && isBalanced(file.oldPath ?? path, before)
    return [
      isCertain
        ? findingOf(file, "does not parse any more: its brackets do not pair up", true)
        : findingOf(
            file,
            "does not parse any more, unless it uses syntax that the gate does not know yet",
            false
          )
    ]
  })
