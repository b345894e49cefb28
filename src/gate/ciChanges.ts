/**
 * Files of CI, compared by what they come to. A new job, another version or another name is a note; a step that may fail in silence fails;
 * what no longer runs, a wider permission or a new condition asks. All CI files of a change are one, so that a step may move among them.
 */
import { parseAllDocuments } from "yaml"

import type { ChangedFile } from "./change.ts"
import { type CommandChange, compareCommands, isBump } from "./commands.ts"

interface Leaf {
  readonly path: string
  readonly key: string
  readonly value: string
}

const leavesOf = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<Leaf> => {
  if (Array.isArray(value)) return value.flatMap((item) => leavesOf(item, path))
  if (typeof value === "object" && value !== null) {
    const inner = Object.entries(value)
    return inner.length === 0
      ? [{ path: path.join("."), key: path.at(-1) ?? "", value: "{}" }]
      : inner.flatMap(([key, each]) => leavesOf(each, [...path, key]))
  }
  return [{ path: path.join("."), key: path.at(-1) ?? "", value: String(value) }]
}

/** Beyond these a file is compared by its lines. */
const maxCharacters = 300_000
const maxLeaves = 5_000

const isYaml = (path: string): boolean => /\.ya?ml$/u.test(path)

/** Undefined where the text does not parse. */
const read = (path: string, text: string | undefined): ReadonlyArray<Leaf> | undefined => {
  if (text === undefined) return []
  if (!isYaml(path) || text.length > maxCharacters) return undefined
  try {
    const leaves = parseAllDocuments(text, { logLevel: "silent" }).flatMap((document) => {
      if (document.errors.length > 0) throw new Error("not valid YAML")
      return leavesOf(document.toJS({ maxAliasCount: 200 }))
    })
    return leaves.length > maxLeaves ? undefined : leaves
  } catch {
    return undefined
  }
}

/** Keys whose values are commands. */
const isCommand = ({ key, path }: Leaf): boolean =>
  /^(?:run|script|before_script|after_script|install|before_install|after_success|commands?|entry|cmd|bash|pwsh|test_script|build_script|steps)$/u.test(
    key
  ) && !/\.(?:with|defaults)\./u.test(path)

const isOff = (value: string): boolean => /^(?:false|\$\{\{\s*false\s*\}\}|0)$/u.test(value)
const isOn = (value: string): boolean => value === "true"

/** Actions that prepare or report. */
const prepares =
  /(?:checkout|setup|cache|install|upload|download|toolchain|codecov|coveralls|artifact|label|stale|release|publish|deploy|comment|dependabot|harden|free-disk|paths-filter)/iu

const added = (before: ReadonlyArray<Leaf>, after: ReadonlyArray<Leaf>): ReadonlyArray<Leaf> => {
  const left = before.map(({ path, value }) => `${path}\n${value}`)
  return after.filter(({ path, value }) => {
    const index = left.indexOf(`${path}\n${value}`)
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
}

const ofAdded = (
  { key, path, value }: Leaf,
  isNewJob: boolean,
  removed: ReadonlyArray<Leaf>
): CommandChange | undefined => {
  if (/^(?:continue-on-error|allow_failure|allowed_to_fail|continueOnError)$/u.test(key) && !isOff(value))
    return {
      weight: isOn(value) && !isNewJob ? "fail" : isNewJob ? "note" : "ask",
      how: `${key} lets a failure pass`
    }
  if (/\ballow_failures\b/u.test(path) && !isNewJob)
    return { weight: "ask", how: "allow_failures lets a failure pass" }
  if (key === "if" && !isNewJob) {
    if (isOff(value)) return { weight: "fail", how: `if: ${value} switches it off` }
    const was = removed.some((leaf) => leaf.path === path)
    return { weight: was ? "note" : "ask", how: `if: ${value.slice(0, 80)} is a new condition` }
  }
  if (/(?:^|\.)permissions(?:\.|$)/u.test(path) && /write/u.test(value))
    return { weight: "ask", how: `permission ${key}: ${value}` }
  if (/\bpull_request_target\b|\bworkflow_run\b/u.test(path) || value === "pull_request_target")
    return { weight: "ask", how: "runs with secrets for other people's changes" }
  if (key === "runs-on" && /self-hosted/u.test(value))
    return { weight: "ask", how: "runs on a machine of the project's own" }
  if (key === "stages" && value === "manual") return { weight: "ask", how: "a hook runs only when asked" }
  if (/^on\.(?:push|pull_request)\.(?:paths|paths-ignore|types)$/u.test(path) && !isNewJob)
    return { weight: "ask", how: `${path} narrows when it runs` }
  return undefined
}

const ofRemoved = (
  leaf: Leaf,
  after: ReadonlyArray<Leaf>,
  come: ReadonlyArray<Leaf>
): CommandChange | undefined => {
  const { key, path, value } = leaf
  if (key === "uses") {
    const [action = ""] = value.split("@")
    const isThere = after.some((one) => one.key === "uses" && one.value.split("@")[0] === action)
    if (isThere || prepares.test(action)) return undefined
    return {
      weight: come.some((one) => one.key === "uses" || isCommand(one)) ? "note" : "ask",
      how: `${action} no longer runs`
    }
  }
  // A hook of pre-commit.
  if (key === "id" && /(?:^|\.)hooks\.id$/u.test(path)) {
    if (after.some((one) => one.key === "id" && one.value === value)) return undefined
    return {
      weight: come.some((one) => one.key === "id") ? "note" : "ask",
      how: `the hook ${value} no longer runs`
    }
  }
  if (/^on(?:\.(?:push|pull_request))?$/u.test(path) || /^on\.(?:push|pull_request)\./u.test(path)) {
    const event = /^on\.(push|pull_request)/u.exec(path)?.[1] ?? value
    const isThere = after.some(
      (one) => one.path.startsWith(`on.${event}`) || (one.path === "on" && one.value === event)
    )
    return isThere || !/^(?:push|pull_request)$/u.test(event)
      ? undefined
      : { weight: "ask", how: `no longer runs on ${event}` }
  }
  return undefined
}

const rank = { fail: 2, ask: 1, note: 0 } as const

/** A whole file is not taken away in passing: it asks. */
const meant = (found: CommandChange | undefined): CommandChange | undefined =>
  found?.weight === "fail" ? { ...found, weight: "ask" } : found

export interface CiFile extends Pick<ChangedFile, "path" | "before" | "after" | "status"> {}

/** One answer for each file, in order. */
export const compareCi = (files: ReadonlyArray<CiFile>): ReadonlyArray<CommandChange> => {
  const sides = files.map((file) => ({
    file,
    before: read(file.path, file.before),
    after: read(file.path, file.after)
  }))
  const all = (side: "before" | "after") => sides.flatMap((one) => one[side] ?? [])
  const commands = (leaves: ReadonlyArray<Leaf>) =>
    leaves
      .filter(isCommand)
      .map(({ value }) => value)
      .join("\n")
  const [everythingBefore, everythingAfter] = [all("before"), all("after")]
  return sides.map(({ after, before, file }): CommandChange => {
    if (before === undefined || after === undefined) return ofText(file)
    const [come, gone] = [added(before, after), added(after, before)]
    if (come.length + gone.length === 0) return { weight: "note", how: "only its layout or comments changed" }
    const isSame =
      gone.length === come.length &&
      gone.every((leaf) => come.some((one) => one.path === leaf.path && isBump(leaf.value, one.value)))
    if (isSame) return { weight: "note", how: "other versions" }
    const jobs = new Set(before.flatMap(({ path }) => /^jobs\.([^.]+)/u.exec(path)?.[1] ?? []))
    const isNew = ({ path }: Leaf) =>
      file.before === undefined ||
      (path.startsWith("jobs.") && !jobs.has(/^jobs\.([^.]+)/u.exec(path)?.[1] ?? ""))
    const own = compareCommands(commands(before), commands(after))
    // What went from here may have come elsewhere.
    const isGone = file.status === "deleted"
    const joined =
      own?.weight === "ask" || isGone
        ? (compareCommands(commands(everythingBefore), commands(everythingAfter)) ?? {
            weight: "note" as const,
            how: "what it ran runs elsewhere"
          })
        : own
    const run = isGone ? meant(joined) : joined
    const found = [
      ...come.flatMap((leaf) => ofAdded(leaf, isNew(leaf), gone) ?? []),
      ...gone.flatMap((leaf) => ofRemoved(leaf, everythingAfter, come) ?? []),
      ...(run === undefined || file.before === undefined ? [] : [run])
    ].toSorted((a, b) => rank[b.weight] - rank[a.weight])
    return (
      found[0] ?? {
        weight: "note",
        how: file.before === undefined ? "a new file of CI" : "what it runs is the same, and more"
      }
    )
  })
}

/** What is not YAML is compared by its lines. */
const ofText = ({ after = "", before = "" }: CiFile): CommandChange => {
  if (isBump(before, after)) return { weight: "note", how: "other versions" }
  const lines = new Set(after.split("\n"))
  const gone = before.split("\n").filter((line) => line.trim() !== "" && !lines.has(line))
  return gone.length === 0
    ? { weight: "note", how: "something is added" }
    : { weight: "ask", how: "it is not known what it runs now" }
}
