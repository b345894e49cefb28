/** Looks at what a model names as evidence of its stop: lines of the base, and a command that passes there. */
import { Duration, Effect, Result } from "effect"

import { linesOf } from "../decide/lineEnds.ts"
import { type Reference, referenceOf, type Stop } from "../decide/stop.ts"
import { decodeText } from "../decide/textFile.ts"
import { isTestPath } from "../gate/files.ts"
import type { Workspace } from "../services/GitWorkspace.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { ToolError } from "../tools/AgentTool.ts"
import type { Checked } from "../tools/stopping.ts"
import { commandOnBase } from "./onBase.ts"

/** A larger file is no evidence that somebody looks up. */
const maxBytes = 4 * 1024 * 1024
const maxLineChars = 200
const tailChars = 2_000
/** No copy of the base could be made. */
const noCopy = 125

const refused = (message: string) => new ToolError({ message })

/** Languages that keep tests in the file that they are about. */
const inlineTest =
  /#\[(?:cfg\()?(?:\w+::)*test\b|^\s*>>> |\bimport\.meta\.vitest\b|^#ifdef \w*TEST|^\/\/\/ ```/mu

/** What the base has at this line. */
const lineAt = Effect.fnUntraced(function* (workspace: Workspace, { line, path }: Reference) {
  const entries = yield* workspace.baseEntries
  const entry = entries.find((candidate) => candidate.path === path)
  if (entry === undefined) return yield* refused(`the base has no file ${path}`)
  if (entry.kind !== "file") return yield* refused(`${path} is a ${entry.kind}, not a file`)
  if (entry.bytes > maxBytes) return yield* refused(`${path} is too large to be looked at`)
  const [bytes = new Uint8Array()] = yield* workspace.readEntries([entry])
  const file = decodeText(bytes)
  if (Result.isFailure(file)) return yield* refused(`${path} is not a text file: ${file.failure}`)
  const { text } = linesOf(file.success.text)
  const lines = text.split("\n")
  const found = lines[line - 1]?.trim() ?? ""
  if (found === "") {
    const count = lines.at(-1) === "" ? lines.length - 1 : lines.length
    return yield* refused(
      line > count
        ? `${path} has ${count} lines on the base; there is no line ${line}`
        : `line ${line} of ${path} is empty on the base`
    )
  }
  return {
    text: found.slice(0, maxLineChars).toWellFormed(),
    isTest: isTestPath(path) || inlineTest.test(text)
  }
})

const runOnBase = Effect.fnUntraced(function* (
  command: string,
  workspace: Workspace,
  timeout: Duration.Duration
) {
  const tools = yield* WorkspaceTools
  const ended = yield* tools.runCommand(commandOnBase(command, workspace.baseCommit, noCopy), {
    timeout,
    maxBytes: 16 * 1024
  })
  if (ended.timedOut) {
    return yield* refused(
      `the command did not end within ${Duration.toSeconds(timeout)} s on the base: $ ${command}`
    )
  }
  if (ended.exitCode === 0) return
  const output = `${ended.stdout}\n${ended.stderr}`.trim().slice(-tailChars)
  return yield* refused(
    `on the base, without any change, the command fails: $ ${command}\nexit ${ended.exitCode}\n${output}`
  )
})

/** What held, or a ToolError that says which part of the evidence does not. */
export const checkStop = Effect.fn("stopping.check")(function* (
  { command, evidence, reason }: Stop,
  workspace: Workspace,
  bashTimeout: Duration.Duration
): Effect.fn.Return<Checked, ToolError, WorkspaceTools> {
  // Questions and needs may name lines, too, but do not rest on them.
  const isLookedUp = reason === "Contradicted" || reason === "DoneAlready"
  const references = isLookedUp ? evidence.flatMap((text) => referenceOf(text) ?? []) : []
  const found = yield* Effect.forEach(references, (reference) =>
    lineAt(workspace, reference).pipe(Effect.map((at) => ({ ...reference, ...at })))
  ).pipe(Effect.mapError(({ message }) => refused(message)))
  if (reason === "Contradicted" && !found.some(({ isTest }) => isTest)) {
    const named = found.map(({ path }) => path).join(", ")
    return yield* refused(`none of these is a test: ${named}; name the test that demands something else`)
  }
  const shown = command?.trim() ?? ""
  if (shown !== "") {
    yield* runOnBase(shown, workspace, bashTimeout).pipe(Effect.mapError(({ message }) => refused(message)))
  }
  return {
    ...(found.length > 0 && {
      lines: found.map(({ line, path, text }) => `${path}:${line}: ${text}`)
    }),
    ...(shown !== "" && { passed: shown })
  }
})
