/** A folder with files, and the tools of one run over it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Duration, Effect, Layer, Result, type Schema } from "effect"

import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import { IssueTracker, TrackerError } from "../../src/services/IssueTracker.ts"
import { pick } from "../../src/tools/catalog.ts"

const tracker = Layer.succeed(IssueTracker, {
  issue: (repo, number) =>
    repo === "acme/demo"
      ? Effect.succeed({ number, title: "T", body: "B", state: "open", labels: ["bug"] })
      : Effect.fail(new TrackerError({ message: "GitHub answered 404" }))
})

type Output = { readonly [key: string]: Schema.Json }

/** A folder with these files, and the tools of one run over it. A tool's failure comes back as its message. */
export const workspace = Effect.fnUntraced(function* (
  files: Readonly<Record<string, string | Uint8Array>> = {}
) {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-tools-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const directory = join(root, "work")
  mkdirSync(directory)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(directory, path, ".."), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  const services = yield* Layer.build(
    Layer.merge(HostWorkspaceTools.layer({ directory, identity: undefined }), tracker)
  )
  const tools = Result.getOrThrow(
    pick([
      "bash",
      "delete",
      "fetch_issue",
      "grep",
      "list_files",
      "move",
      "read_file",
      "str_replace",
      "submit_result",
      "write_file"
    ])
  )
  const outcome = (name: string, args: object) => {
    const tool = tools.find((candidate) => candidate.name === name)
    return (
      tool?.call(args, { task: { name: "t" }, bashTimeout: Duration.millis(300) }) ??
      Effect.die(new Error(`no tool ${name}`))
    ).pipe(Effect.provideContext(services))
  }
  return {
    directory,
    outcome,
    call: (name: string, args: object): Effect.Effect<Output | string> =>
      outcome(name, args).pipe(
        Effect.match({ onSuccess: ({ output }) => output, onFailure: (error) => error.message })
      )
  }
})
