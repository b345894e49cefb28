/** A gate on this machine: a real repository, the judge in this process, the loop in a real shell. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

import { Duration, Effect } from "effect"

import { type GateSettings, judgeBranch } from "../../layers/gate/judgeBranch.ts"
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

const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com"
}

type Words = ReadonlyArray<string>

/** `launch` starts the loop in another way. */
export const make = (base: Files, launch: (argv: Words) => Words = (argv) => argv) =>
  Effect.acquireRelease(
    Effect.sync((): GateWorld & { readonly close: () => void } => {
      const root = mkdtempSync(join(tmpdir(), "foreman-gate-"))
      const remote = join(root, "remote")
      const children: Array<ChildProcess> = []
      let gates = 0
      const git = (...args: ReadonlyArray<string>) =>
        execFileSync("git", ["-C", remote, ...args], { env: environment, encoding: "utf8" }).trim()
      const write = (files: Files) => {
        for (const [path, text] of Object.entries(files)) {
          const file = join(remote, path)
          mkdirSync(dirname(file), { recursive: true })
          if (text === undefined) rmSync(file)
          else writeFileSync(file, text)
        }
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", "work")
        return git("rev-parse", "HEAD")
      }
      mkdirSync(remote)
      git("init", "-q", "-b", "main")
      write(base)

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
          env: { ...environment, WORK_DIR: workDir, EXCHANGE_DIR: exchangeDir, TMPDIR: root },
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
          git("checkout", "-q", "-B", branch, "main")
          const commit = write(files)
          git("checkout", "-q", "main")
          return commit
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
