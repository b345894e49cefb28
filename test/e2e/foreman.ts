/** Drives the real program from outside: `foreman up` as a process, real kubectl, real git. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"

import { findKubectl } from "../findKubectl.ts"

export const root = join(import.meta.dirname, "..", "..")

const run = promisify(execFile)

const kubectl135 = findKubectl("1.35")

/** Why the tests here cannot run, if so. */
export const whyNoKubectl: string | undefined = "missing" in kubectl135 ? kubectl135.missing : undefined

/** A folder that is gone when the test is. */
export const temporaryFolder = async (onEnd: (clean: () => Promise<void>) => void): Promise<string> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "foreman-e2e-")))
  onEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  return folder
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a machine with nothing on it but Node, git and a shell. */
const environment = (home: string): NodeJS.ProcessEnv => ({
  PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
  HOME: home,
  // What a killed program leaves behind goes with the home.
  TMPDIR: home,
  GIT_CONFIG_GLOBAL: "/dev/null",
  NO_COLOR: "1"
})

/** Starts `foreman ARGS` in its own process group, so that a test can end it as a shell would. */
export const startForeman = (
  args: ReadonlyArray<string>,
  home: string,
  extraEnvironment: NodeJS.ProcessEnv = {}
): ChildProcess =>
  spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(root, "programs", "foreman.ts"), ...args],
    {
      cwd: home,
      env: { ...environment(home), ...extraEnvironment },
      stdio: ["ignore", "pipe", "pipe"]
    }
  )

/** Runs `foreman ARGS` to its end. */
export const foreman = async (
  args: ReadonlyArray<string>,
  home: string,
  extraEnvironment: NodeJS.ProcessEnv = {}
): Promise<Ended> => {
  const child = startForeman(args, home, extraEnvironment)
  let stdout = ""
  let stderr = ""
  child.stdout?.on("data", (chunk) => (stdout += chunk))
  child.stderr?.on("data", (chunk) => (stderr += chunk))
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  return { code, stdout, stderr }
}

export interface Up {
  readonly process: ChildProcess
  readonly kubeconfig: string
  /** Runs kubectl and returns what it printed on stdout; fails with its stderr. */
  readonly kubectl: (...args: ReadonlyArray<string>) => Promise<string>
  /**
   * Resolves once `kubectl get KIND --watch -o jsonpath=TEMPLATE` printed each of these lines, in whatever order. It watches from when it
   * is called, so what passes quickly is not missed, and one process sees all of it.
   */
  readonly watch: (kind: string, template: string, lines: ReadonlyArray<string>) => Promise<void>
  readonly getJson: (...args: ReadonlyArray<string>) => Promise<any>
  /** What the program logged so far. */
  readonly log: () => string
  /** Sends the signal and waits for the end; the exit code, or the signal's name. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | string | null>
}

/** Starts `foreman up` on a data folder below `home` and waits for the line that says it is ready. */
export const startUp = async (options: {
  readonly home: string
  readonly flags?: ReadonlyArray<string>
  readonly agentFlags?: ReadonlyArray<string>
}): Promise<Up> => {
  const { home } = options
  const child = startForeman(
    [
      "up",
      `--data-dir=${join(home, "data")}`,
      "--port=0",
      ...(options.flags ?? []),
      "--",
      "--fleet-node-name=m5-max",
      ...(options.agentFlags ?? [])
    ],
    home
  )
  let log = ""
  child.stderr?.on("data", (chunk) => (log += chunk))
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal))
  )
  const lines = createInterface({ input: child.stdout! })
  const ready = await Promise.race([
    new Promise<string>((resolve) => lines.once("line", resolve)),
    ended.then((code) => Promise.reject(new Error(`foreman up ended with ${code}:\n${log}`)))
  ])
  const kubeconfig = ready.replace(/^export KUBECONFIG=/u, "").replace(/^'(.*)'$/u, "$1")
  const kubectlFile = "path" in kubectl135 ? kubectl135.path : "kubectl"
  const kubectl = async (...args: ReadonlyArray<string>): Promise<string> => {
    const { stdout } = await run(kubectlFile, args, {
      env: { ...environment(home), KUBECONFIG: kubeconfig },
      maxBuffer: 16 * 1024 * 1024
    })
    return stdout
  }
  return {
    process: child,
    kubeconfig,
    kubectl,
    watch: async (kind, template, wanted) => {
      const missing = new Set(wanted)
      const watching = spawn(kubectlFile, ["get", kind, "--watch", "-o", `jsonpath=${template}{"\\n"}`], {
        env: { ...environment(home), KUBECONFIG: kubeconfig },
        stdio: ["ignore", "pipe", "inherit"]
      })
      try {
        for await (const line of createInterface({ input: watching.stdout })) {
          missing.delete(line)
          if (missing.size === 0) return
        }
        throw new Error(`kubectl's watch ended before ${[...missing].join(", ")}`)
      } finally {
        watching.kill()
      }
    },
    getJson: async (...args) => JSON.parse(await kubectl("get", ...args, "-o", "json")),
    log: () => log,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal)
      return ended
    }
  }
}

/** Looks until there is something to see. */
export const until = async <A>(look: () => Promise<A | undefined>): Promise<A> => {
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    await sleep(500)
  }
}

export const git = async (directory: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await run("git", ["-C", directory, ...args], {
    env: {
      ...environment(directory),
      GIT_AUTHOR_NAME: "Test",
      GIT_AUTHOR_EMAIL: "test@example.com",
      GIT_COMMITTER_NAME: "Test",
      GIT_COMMITTER_EMAIL: "test@example.com"
    }
  })
  return stdout.trim()
}

/** A bare remote `slug.git` below `home` whose main branch holds `files`; its URL. */
export const makeRemote = async (
  home: string,
  copyFrom: string,
  files: Record<string, string> = {}
): Promise<string> => {
  const work = join(home, "work")
  const remote = join(home, "slug.git")
  await run("cp", ["-R", copyFrom, work])
  for (const [name, text] of Object.entries(files)) await writeFile(join(work, name), text)
  await git(home, "init", "--quiet", "--bare", "--initial-branch=main", remote)
  await git(work, "init", "--quiet", "--initial-branch=main")
  await git(work, "add", "--all")
  await git(work, "commit", "--quiet", "--message=Start")
  await git(work, "push", "--quiet", remote, "main")
  return `file://${remote}`
}
