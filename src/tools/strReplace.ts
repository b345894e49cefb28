import { Effect, Schema } from "effect"

import { replaceText } from "../decide/replaceText.ts"
import { make, ToolError } from "./AgentTool.ts"
import { readText, writeText } from "./textFiles.ts"

/** Misses on one file after which the model gets the file itself and the advice to write it whole. */
const maxMisses = 2
/** Lines of the file that come with that advice. */
const maxLines = 400

const parameters = Schema.Struct({
  path: Schema.String.annotate({ description: "File in the workspace." }),
  old_string: Schema.String.annotate({ description: "Text to replace, as it is in the file." }),
  new_string: Schema.String.annotate({ description: "Text to put there." }),
  expected_replacements: Schema.optionalKey(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
      description: "How often old_string occurs; 1 when absent."
    })
  )
})

/** One for each run: it counts the misses. */
export const strReplace = () => {
  const misses = new Map<string, number>()

  const refuse = (path: string, text: string, message: string): ToolError => {
    const count = (misses.get(path) ?? 0) + 1
    misses.set(path, count)
    if (count < maxMisses) return new ToolError({ message })
    const lines = text.split("\n")
    const shown = lines.slice(0, maxLines).join("\n")
    const which = lines.length > maxLines ? `its first ${maxLines} lines` : "all of it"
    return new ToolError({ message: `${message}\nUse write_file instead. This is ${which}:\n${shown}` })
  }

  return make({
    name: "str_replace",
    description: "Replace a text in a file of the workspace. It must occur exactly as often as expected.",
    parameters,
    run: Effect.fn("str_replace")(function* ({ expected_replacements = 1, new_string, old_string, path }) {
      const file = yield* readText(path)
      const { text } = file
      // Where all lines of the file end with CRLF it is read, and written, as if they did not.
      const own = (given: string) => (file.isCrlf ? given.replaceAll("\r\n", "\n") : given)
      const replacement = replaceText(text, own(old_string), own(new_string), expected_replacements)
      if (replacement._tag === "Refused") return yield* refuse(path, text, replacement.message)
      yield* writeText(path, replacement.text, file)
      misses.delete(path)
      return { output: { path, replacements: replacement.count, matched_via: replacement.via } }
    })
  })
}
