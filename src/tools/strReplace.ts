import { Effect, Schema } from "effect"

import { linesOf } from "../decide/lineEnds.ts"
import { type MatchedVia, replaceText } from "../decide/replaceText.ts"
import { cannotAdd } from "../decide/textFile.ts"
import { make, ToolError } from "./AgentTool.ts"
import { notesOn, readText, refuseLfs, writeText } from "./textFiles.ts"

/** Misses on one file after which the model gets the file itself and the advice to write it whole. */
const maxMisses = 2
/** Lines and characters of the file that come with that advice. */
const maxLines = 400
const maxChars = 16 * 1024
const maxEdits = 50

const times = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
  description: "How often old_string occurs; 1 when absent."
})

const Edit = Schema.Struct({
  old_string: Schema.String,
  new_string: Schema.String,
  expected_replacements: Schema.optionalKey(times)
})
type Edit = typeof Edit.Type

const parameters = Schema.Struct({
  path: Schema.String.annotate({ description: "File in the workspace." }),
  old_string: Schema.optionalKey(
    Schema.String.annotate({ description: "Text to replace, as it is in the file." })
  ),
  new_string: Schema.optionalKey(Schema.String.annotate({ description: "Text to put there." })),
  expected_replacements: Schema.optionalKey(times),
  edits: Schema.optionalKey(
    Schema.Array(Edit)
      .check(Schema.isMinLength(1), Schema.isMaxLength(maxEdits))
      .annotate({ description: "Several edits in order, instead of the two strings: all are made, or none." })
  )
})

const editsOf = (args: typeof parameters.Type): ReadonlyArray<Edit> | string => {
  const { edits, expected_replacements, new_string, old_string } = args
  if (edits !== undefined) {
    return old_string === undefined && new_string === undefined && expected_replacements === undefined
      ? edits
      : "give either edits, or old_string and new_string"
  }
  if (old_string === undefined || new_string === undefined)
    return "old_string and new_string are needed, or edits"
  return [
    { old_string, new_string, ...(expected_replacements === undefined ? {} : { expected_replacements }) }
  ]
}

interface Done {
  readonly replacements: number
  readonly matched_via: MatchedVia
}

/** One for each run: it counts the misses. */
export const strReplace = () => {
  const misses = new Map<string, number>()

  const refuse = (path: string, text: string, message: string): ToolError => {
    const count = (misses.get(path) ?? 0) + 1
    misses.set(path, count)
    if (count < maxMisses) return new ToolError({ message })
    const lines = text.slice(0, maxChars).toWellFormed().split("\n", maxLines)
    const shown = lines.join("\n")
    if (shown.length < text.length) {
      return new ToolError({
        message: `${message}\nThis is how the file begins; read_file has the rest:\n${shown}`
      })
    }
    return new ToolError({ message: `${message}\nUse write_file instead. This is all of it:\n${shown}` })
  }

  return make({
    name: "str_replace",
    description:
      "Replace text in a file of the workspace. Each old text must occur exactly as often as expected; what it does not touch stays as it is.",
    parameters,
    run: Effect.fn("str_replace")(function* (args) {
      const { path } = args
      const edits = editsOf(args)
      if (typeof edits === "string") return yield* new ToolError({ message: edits })
      const file = yield* readText(path)
      yield* refuseLfs(path, file.text)
      let { text } = file
      const done: Array<Done> = []
      for (const [index, edit] of edits.entries()) {
        const where = args.edits === undefined ? "" : `edits[${index}]: `
        const { expected_replacements = 1, new_string, old_string } = edit
        const outcome = replaceText(text, old_string, new_string, expected_replacements)
        if (outcome._tag === "Refused") {
          const unchanged = args.edits === undefined ? "" : "; no edit was made"
          return yield* refuse(path, file.text, `${where}${outcome.message}${unchanged}`)
        }
        const refusal = cannotAdd(file.encoding, new_string, old_string)
        if (refusal !== undefined) {
          return yield* new ToolError({ message: `${path} was not changed: ${where}${refusal}` })
        }
        text = outcome.text
        done.push({ replacements: outcome.count, matched_via: outcome.via })
        // Each goes through the whole file: others have a turn.
        yield* Effect.yieldNow
      }
      yield* writeText(path, { text, encoding: file.encoding })
      misses.delete(path)
      const notes = notesOn(file.encoding, linesOf(text).ends)
      const [only] = done
      return args.edits === undefined && only !== undefined
        ? { output: { path, ...only, ...notes } }
        : { output: { path, edits: done.map((one) => ({ ...one })), ...notes } }
    })
  })
}
