/** Workflow commands of GitHub Actions: an annotation for each item, at its line. Forgejo and Gitea read them as well. */
import { cut, type Envelope } from "../envelope.ts"
import { type Item, itemsOf, type Level } from "./items.ts"
import { ruleText } from "./rules.ts"
import { oneLine } from "./text.ts"

const commands: Readonly<Record<Level, string>> = { error: "error", warning: "warning", note: "notice" }

/** GitHub shows ten of each level a step; the rest is in the summary. */
const maxItems = 50
const maxMessage = 1_000

const data = (text: string): string => oneLine(text).replaceAll("%", "%25")
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C")

const annotation = ({ file, level, line, message, rule, subject }: Item): string => {
  const properties = [
    ...(file === undefined ? [] : [`file=${property(file)}`]),
    ...(file === undefined || line === undefined ? [] : [`line=${Math.max(1, line)}`]),
    `title=${property(`${rule}: ${ruleText(rule).title}`)}`
  ]
  const text = subject === undefined ? message : `${subject}: ${message}`
  return `::${commands[level]} ${properties.join(",")}::${data(cut(text, maxMessage))}`
}

/** One line for each annotation, the verdict last. */
export const github = (envelope: Envelope): string => {
  const { message, reason, verdict } = envelope
  const level = verdict === "GATE-PASS" ? "notice" : "error"
  const title = `${verdict}${reason === undefined ? "" : ` ${reason}`}`
  return [
    ...itemsOf(envelope).slice(0, maxItems).map(annotation),
    `::${level} title=${property(title)}::${data(cut(message, maxMessage))}`
  ].join("\n")
}

/** What others print in between is not obeyed. The token must not be known to them. */
export const withoutCommands = (token: string) => ({
  begin: `::stop-commands::${token}\n`,
  end: `::${token}::\n`
})
