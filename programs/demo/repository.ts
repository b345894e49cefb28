/** The demo's repository: real files, real git, a bare remote on this disk. */
import { cp, mkdir, readFile } from "node:fs/promises"
import { existsSync } from "node:fs"
import { execFile } from "node:child_process"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

import { Effect, Schema } from "effect"

export class DemoError extends Schema.TaggedError<DemoError>()("DemoError", { message: Schema.String }) {}

const run = promisify(execFile)

/** The folder `examples`, from the sources and from the bundle alike. */
export const examplesFolder = (): string => {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const examples = join(folder, "examples")
    if (existsSync(join(examples, "demo"))) return examples
  }
  throw new Error("the folder examples is not beside this program")
}

export const readExample = (name: string) =>
  Effect.tryPromise({
    try: () => readFile(join(examplesFolder(), name), "utf8"),
    catch: (cause) => new DemoError({ message: `examples/${name} cannot be read: ${String(cause)}` })
  })

/** Identity and settings of the demo alone: nothing of the user's git configuration takes part. */
const environment = {
  PATH: process.env["PATH"],
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com"
}

export const git = (directory: string, ...args: ReadonlyArray<string>) =>
  Effect.tryPromise({
    try: async () => (await run("git", ["-C", directory, ...args], { env: environment })).stdout,
    catch: (cause) =>
      new DemoError({ message: `git ${args[0]} failed: ${String(cause)}. The demo needs git on the PATH.` })
  })

/** A bare remote below `folder` whose main branch holds the example, one failing test included. */
export const makeRemote = Effect.fn("demo.makeRemote")(function* (folder: string) {
  const work = join(folder, "work")
  const remote = join(folder, "slug.git")
  yield* Effect.tryPromise({
    try: async () => {
      await mkdir(remote, { recursive: true })
      await cp(join(examplesFolder(), "demo", "repository"), work, { recursive: true })
    },
    catch: (cause) => new DemoError({ message: `the demo's repository cannot be copied: ${String(cause)}` })
  })
  yield* git(remote, "init", "--quiet", "--bare", "--initial-branch=main")
  yield* git(work, "init", "--quiet", "--initial-branch=main")
  yield* git(work, "add", "--all")
  yield* git(work, "commit", "--quiet", "--message=Start")
  yield* git(work, "push", "--quiet", remote, "main")
  return remote
})
