/** Puts the tables of reports into `docs/performance.md`, between its two marks, and the plots of the first beside it. */
import { readFile, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"

import { write as plot } from "./plot.ts"
import { markdown, type Report } from "./report.ts"

const docs = resolve(import.meta.dirname, "..", "docs")
const page = join(docs, "performance.md")
const begin = "<!-- measured: begin -->"
const end = "<!-- measured: end -->"

/** The files that were written. */
export const publish = async (
  reports: readonly [Report, ...ReadonlyArray<Report>]
): Promise<ReadonlyArray<string>> => {
  const text = await readFile(page, "utf8")
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has not both ${begin} and ${end}`)
  const tables = reports.map(markdown).join("\n\n")
  await writeFile(page, `${before}${begin}\n\n${tables}\n\n${end}${after}`)
  return [page, ...(await plot(reports[0], join(docs, "performance")))]
}
