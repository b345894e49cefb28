/** A gate on this machine: a real repository, the judge in this process, the loop in a real shell. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"

import { Duration, Effect } from "effect"

import { type GateSettings, judgeBranch } from "../../layers/gate/judgeBranch.ts"
import { hostPrograms } from "../../layers/hostPrograms.ts"
import { startLoop } from "../../src/gate/exchange.ts"

export type Files = Readonly<Record<string, string | undefined>>

export interface GateWorld {
  readonly root: string
  readonly remote: string
  /** Commits files on a branch cut from main; `undefined` deletes one. Returns the commit. */
  readonly commit: (branch: string, files: Files) => string
  readonly startToolchain: () => ChildProcess
  readonly settings: (changes?: Partial<GateSettings>) => GateSettings
  /** One gate with a toolchain of its own: the envelope and all that was printed. */
  readonly gate: (
    changes?: Partial<GateSettings>,
    whileRunning?: (toolchain: ChildProcess, printed: () => string) => Effect.Effect<void>
  ) => Effect.Effect<{
    readonly envelope: Effect.Success<ReturnType<typeof judgeBranch>>
    readonly log: string
  }>
}

/** Code that a gate runs lies elsewhere each time: compiled, it would be kept for nobody. */
const { NODE_COMPILE_CACHE: _, ...inherited } = process.env

export const environment = {
  ...inherited,
  ...hostPrograms(process.env),
  GOCACHE: process.env["GOCACHE"] ?? join(homedir(), ".cache", "go-build"),
  GOMODCACHE: process.env["GOMODCACHE"] ?? join(homedir(), "go", "pkg", "mod"),
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com"
}

type Words = ReadonlyArray<string>

const commitAll = "git add -A\ngit -c maintenance.auto=false commit -q --allow-empty -m work"

/** `launch` starts the loop in another way. */
export const make = (base: Files, launch: (argv: Words) => Words = (argv) => argv) =>
  Effect.acquireRelease(
    Effect.sync((): GateWorld & { readonly close: () => void } => {
      const root = mkdtempSync(join(tmpdir(), "foreman-gate-"))
      const remote = join(root, "remote")
      const children: Array<ChildProcess> = []
      let gates = 0
      const write = (files: Files) => {
        for (const [path, text] of Object.entries(files)) {
          const file = join(remote, path)
          mkdirSync(dirname(file), { recursive: true })
          if (text === undefined) rmSync(file)
          else writeFileSync(file, text)
        }
      }
      // One shell for all of its commands: to start a process from one as large as this costs more than what git does.
      const git = (script: string, ...args: Words) =>
        execFileSync("sh", ["-ec", script, "sh", ...args], {
          cwd: remote,
          env: environment,
          encoding: "utf8"
        })
      mkdirSync(remote)
      write(base)
      git(`git init -q -b main --template=\n${commitAll}`)

      const folder = (gate: number) => join(root, `gate-${gate}`)
      const settings = (changes: Partial<GateSettings> = {}): GateSettings => ({
        repo: "acme/widget",
        branch: "work",
        cloneURL: remote,
        workDir: join(folder(gates), "work", "repository"),
        exchangeDir: join(folder(gates), "exchange"),
        judgeDir: join(folder(gates), "judge"),
        deadline: Duration.seconds(15),
        confinement: "process",
        ...changes
      })
      const startToolchain = () => {
        const { exchangeDir, workDir } = settings()
        mkdirSync(exchangeDir, { recursive: true })
        mkdirSync(dirname(workDir), { recursive: true })
        const [program = "", ...args] = launch(startLoop)
        const child = spawn(program, args, {
          env: {
            ...environment,
            WORK_DIR: workDir,
            EXCHANGE_DIR: exchangeDir,
            TMPDIR: root,
            HOME: join(root, "home")
          },
          stdio: "ignore"
        })
        children.push(child)
        return child
      }
      return {
        root,
        remote,
        startToolchain,
        settings,
        commit: (branch, files) => {
          write(files)
          const script = `git checkout -q -B "$1" main\n${commitAll}\ngit rev-parse HEAD\ngit checkout -q main`
          return git(script, branch).trim()
        },
        gate: (changes, whileRunning) =>
          Effect.gen(function* () {
            gates += 1
            let log = ""
            const toolchain = startToolchain()
            const print = (text: Uint8Array | string) => {
              log += Buffer.from(text).toString("utf8")
            }
            const judged = judgeBranch(settings(changes), print)
            const [envelope] = yield* Effect.all(
              [judged, whileRunning?.(toolchain, () => log) ?? Effect.void],
              { concurrency: 2 }
            )
            return { envelope, log }
          }),
        close: () => {
          for (const child of children) child.kill("SIGTERM")
          execFileSync("chmod", ["-R", "u+rwX", root])
          rmSync(root, { recursive: true, force: true })
        }
      }
    }),
    ({ close }) => Effect.sync(close)
  )
