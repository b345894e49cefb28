/** The commits of a clone that the list is about. */
import { git } from "./git.ts"
import { isFixSubject, isInlineTestLine, isProductFile, isTestFile, type WorldLanguage } from "./rule.ts"

export interface Pair {
  readonly commit: string
  readonly base: string
  readonly subject: string
}

interface Logged extends Pair {
  readonly files: ReadonlyArray<string>
}

/** Newest first: commits with one parent or, on the mainline, also merges against their first parent. */
async function* logged(dir: string, from: string, options: ReadonlyArray<string>): AsyncGenerator<Logged> {
  const page = 500
  for (let skip = 0; ; skip += page) {
    const text = await git(dir, [
      "log",
      "-z",
      "--no-renames",
      "--name-only",
      "--format=%x01%H %P%x02%s",
      `--skip=${skip}`,
      `--max-count=${page}`,
      ...options,
      from
    ])
    const entries = text.split("\x01").slice(1)
    for (const entry of entries) {
      const [ids = "", rest = ""] = entry.split("\x02")
      const [commit = "", base] = ids.split(" ")
      const [subject = "", ...files] = rest.split("\0").map((part) => part.replace(/^\n/u, ""))
      if (base !== undefined && base !== "")
        yield { commit, base, subject, files: files.filter((file) => file !== "") }
    }
    if (entries.length < page) return
  }
}

const touchesInlineTests = async (dir: string, { base, commit }: Pair): Promise<boolean> =>
  (await git(dir, ["diff", "-U0", "--no-renames", base, commit, "--", "*.rs"]))
    .split("\n")
    .some((line) => isInlineTestLine(line))

const touchesTests = async (dir: string, language: WorldLanguage, entry: Logged): Promise<boolean> =>
  entry.files.some(isTestFile) ||
  (language === "Rust" && entry.files.some(isProductFile) && (await touchesInlineTests(dir, entry)))

/** Of the last five years before the list was taken: what is older asks for toolchains that nobody has installed. */
const since = "2021-12-01T00:00:00Z"

/** The newest commits whose subject claims a fix and that touch tests and product; at most `limit`. */
export const fixes = async (
  dir: string,
  from: string,
  language: WorldLanguage,
  limit: number
): Promise<ReadonlyArray<Pair>> => {
  const found: Array<Pair> = []
  for await (const entry of logged(dir, from, ["--no-merges", `--since=${since}`])) {
    if (!isFixSubject(entry.subject) || !entry.files.some(isProductFile)) continue
    if (!(await touchesTests(dir, language, entry))) continue
    found.push({ commit: entry.commit, base: entry.base, subject: entry.subject })
    if (found.length >= limit) break
  }
  return found
}

/** The newest commits of the mainline that change tests, a merge being what it brought; at most `limit`. */
export const mainline = async (
  dir: string,
  from: string,
  language: WorldLanguage,
  limit: number
): Promise<ReadonlyArray<Pair>> => {
  const found: Array<Pair> = []
  for await (const entry of logged(dir, from, ["--first-parent", "-m"])) {
    if (!(await touchesTests(dir, language, entry))) continue
    found.push({ commit: entry.commit, base: entry.base, subject: entry.subject })
    if (found.length >= limit) break
  }
  return found
}

/** Every path of a commit. */
export const filesOf = async (dir: string, commit: string): Promise<ReadonlyArray<string>> =>
  (await git(dir, ["ls-tree", "-r", "-z", "--name-only", commit])).split("\0").filter((path) => path !== "")
