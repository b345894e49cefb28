/** A repository and a home of its own for tests that start `foreman gate` as a process. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

export const program = join(import.meta.dirname, "../../programs/foreman.ts")

export const gateFile = "checks:\n  - role: test\n    command: sh test.sh\n"

type Env = Readonly<Record<string, string>>

export const gateRepository = (files: Readonly<Record<string, string>> = {}) => {
  const home = mkdtempSync(join(tmpdir(), "foreman-gate-home-"))
  const repo = join(home, "repository")
  mkdirSync(join(home, "tmp"))
  mkdirSync(repo)
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: join(home, "tmp") }

  const gitIn = (folder: string, ...args: ReadonlyArray<string>): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
      encoding: "utf8",
      env,
      stdio: ["ignore", "pipe", "pipe"]
    }).trim()
  const git = (...args: ReadonlyArray<string>): string => gitIn(repo, ...args)
  const commit = (changed: Readonly<Record<string, string>>): string => {
    for (const [path, text] of Object.entries(changed)) {
      mkdirSync(dirname(join(repo, path)), { recursive: true })
      writeFileSync(join(repo, path), text)
    }
    git("add", "-A")
    git("commit", "-q", "-m", "work")
    return git("rev-parse", "HEAD")
  }
  const start = (args: ReadonlyArray<string>, more: Env = {}, folder = repo): ChildProcess =>
    spawn(process.execPath, [program, "gate", ...args], {
      cwd: folder,
      env: { ...env, ...more },
      stdio: ["pipe", "pipe", "pipe"]
    })
  const run = async (args: ReadonlyArray<string>, more: Env = {}, input = "", folder = repo) => {
    const child = start(args, more, folder)
    child.stdin?.end(input)
    return ended(child)
  }

  git("init", "-q", "-b", "main")
  commit({
    ".foreman/gate.yaml": gateFile,
    "test.sh": '[ "$(cat value)" != bad ]\n',
    value: "one\n",
    ...files
  })
  git("checkout", "-q", "-b", "work")
  return {
    home,
    repo,
    env,
    git,
    gitIn,
    commit,
    start,
    run,
    remove: () => rmSync(home, { recursive: true, force: true })
  }
}

export const ended = async (child: ChildProcess) => {
  let stdout = ""
  let stderr = ""
  child.stdout?.on("data", (chunk) => (stdout += String(chunk)))
  child.stderr?.on("data", (chunk) => (stderr += String(chunk)))
  const code = await new Promise<number | null>((resolve) => child.on("close", (exit) => resolve(exit)))
  return { code, stdout, stderr }
}
