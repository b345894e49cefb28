/** Which repository and which branch a run works on. Pure; contract §4.5. */
import type { AgenticTask, TaskPayload } from "../../schema/AgenticTask.ts"

const workloadLabel = "foreman.llmkube.dev/workload"

/** The payload's branch; else the issue's, within its Workload where there is one; else the task's own. */
export const branchOf = (task: AgenticTask): string => {
  const { branch, issue } = task.spec.payload
  if (branch !== undefined && branch !== "") return branch
  if (issue === undefined) return `foreman/${task.metadata.name}`
  const workload = task.metadata.labels?.[workloadLabel]
  return workload === undefined ? `foreman/issue-${issue}` : `foreman/${workload}/issue-${issue}`
}

/** A freeform task without a repository works in an empty folder; every other kind has something to read. */
export const needsRepository = (task: AgenticTask): boolean =>
  task.spec.kind !== "freeform" || (task.spec.payload.repo ?? "") !== ""

const nameOf = (url: string): string | undefined => /([^/:\s]+?)(?:\.git)?\/*$/u.exec(url)?.[1]
const isGitHub = (url: string): boolean => /^(https:\/\/|ssh:\/\/git@|git@)github\.com[/:]/u.test(url)

/**
 * The node's remote; but when it is another repository on GitHub than the task's, by name, then the task's: a fork has the same name,
 * and a stranger's checkout would be worked on in vain. `undefined` when the node names no remote.
 */
export const remoteOf = (payload: TaskPayload, configured: string | undefined): string | undefined => {
  if (configured === undefined || configured === "" || payload.repo === undefined)
    return configured || undefined
  const isOther = nameOf(configured) !== nameOf(payload.repo)
  return isGitHub(configured) && isOther ? `https://github.com/${payload.repo}.git` : configured
}

const slugOfGitHub = (url: string): string | undefined =>
  /github\.com[/:]([^/\s]+\/[^/\s]+?)(?:\.git)?\/*$/iu.exec(url)?.[1]?.toLowerCase()

/**
 * Where the base branch is, when the remote is a fork on GitHub of the task's repository: a fork's own base may be long behind. Reached
 * as the fork is, by https or ssh. `undefined` when the remote is the repository itself.
 */
export const upstreamOf = ({ repo }: TaskPayload, remoteURL: string): string | undefined =>
  repo === undefined || !isGitHub(remoteURL) || slugOfGitHub(remoteURL) === repo.toLowerCase()
    ? undefined
    : remoteURL.replace(/(github\.com[/:]).*$/iu, (_, host) => `${host}${repo}.git`)

/** A path on this disk and ssh need no token; over http nothing can be pushed without one. */
export const needsToken = (remoteURL: string): boolean => /^https?:\/\//iu.test(remoteURL)

const globPattern = (glob: string): RegExp => {
  const source = glob
    .replace(/^\.?\//u, "")
    .replace(/\/$/u, "/**")
    .split(/(\*\*\/|\*\*|\*|\?)/u)
    .map((part) => {
      if (part === "**/") return "(?:[^/]+/)*"
      if (part === "**") return ".*"
      if (part === "*") return "[^/]*"
      if (part === "?") return "[^/]"
      return part.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")
    })
    .join("")
  // A folder's name covers what lies in it.
  return new RegExp(`^${source}(?:\\/.*)?$`, "u")
}

/** The files that the task may not touch. `paths` are globs; none at all allow everything. */
export const outsidePaths = (
  files: ReadonlyArray<string>,
  paths: ReadonlyArray<string> | undefined
): ReadonlyArray<string> => {
  if (paths === undefined || paths.length === 0) return []
  const allowed = paths.map(globPattern)
  return files.filter((file) => !allowed.some((pattern) => pattern.test(file)))
}
