/** Each agent as a process over a fresh checkout, with a model that plays the session. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

import { Effect } from "effect"
import { parse } from "yaml"

import { runTask } from "../taskProcess.ts"
import type { AgentName } from "./dialects.ts"
import { session } from "./Session.ts"

export interface Place {
  /** The agent's HOME; nothing of this host's is in it. */
  readonly root: string
  /** The checkout, on the session's commit. */
  readonly folder: string
  readonly modelURL: string
  /** Path of the agent's program; empty for Foreman. */
  readonly program: string
}

const project = resolve(import.meta.dirname, "..", "..")

const limitMillis = 300_000

const run = (
  program: string,
  args: ReadonlyArray<string>,
  { folder, root }: Place,
  env: Record<string, string>
) =>
  new Promise<void>((done, fail) => {
    const child = spawn(program, [...args], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: root, LANG: "C.UTF-8", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limitMillis
    })
    let said = ""
    const keep = (piece: Buffer) => (said = `${said}${String(piece)}`.slice(-4_000))
    child.stdout.on("data", keep)
    child.stderr.on("data", keep)
    child.on("error", fail)
    child.on("close", (code, signal) =>
      code === 0 ? done() : fail(new Error(`${program} ended with ${code ?? signal}:\n${said}`))
    )
  })

const foreman = async ({ folder, modelURL, root }: Place): Promise<void> => {
  const bundle = join(project, "dist", "foreman.mjs")
  if (!existsSync(bundle)) throw new Error("dist/foreman.mjs is not there: npm run build first")
  execFileSync("git", ["clone", "-q", "--bare", folder, join(root, "remote.git")])
  const { spec } = parse(readFileSync(join(project, "examples", "agents", "coder.yaml"), "utf8"))
  const code = await Effect.runPromise(
    Effect.scoped(
      runTask({
        program: { words: [process.execPath, bundle] },
        root,
        task: { kind: "issue-fix", payload: { repo: session.repository, prompt: session.task } },
        agent: spec,
        modelURL
      })
    )
  )
  if (code !== 0) throw new Error(`run-task ended with ${code}`)
}

const opencode = async (place: Place): Promise<void> => {
  const { modelURL, program, root } = place
  const provider = {
    npm: "@ai-sdk/openai-compatible",
    name: "local",
    options: { baseURL: modelURL, apiKey: "none" },
    models: { m: { name: "m" } }
  }
  const config = { provider: { local: provider }, model: "local/m", autoupdate: false, share: "disabled" }
  writeFileSync(join(root, "opencode.json"), JSON.stringify(config))
  await run(program, ["run", session.task], place, { OPENCODE_CONFIG: join(root, "opencode.json") })
}

const codex = async (place: Place): Promise<void> => {
  const home = join(place.root, ".codex")
  mkdirSync(home)
  writeFileSync(
    join(home, "config.toml"),
    `model = "m"\nmodel_provider = "local"\n[model_providers.local]\nname = "local"\nbase_url = "${place.modelURL}"\nwire_api = "responses"\n`
  )
  const flags = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
  await run(place.program, [...flags, session.task], place, { CODEX_HOME: home })
}

const mini = (place: Place): Promise<void> => {
  const settings = [
    "mini.yaml",
    "agent.mode=yolo",
    `model.model_kwargs.api_base=${place.modelURL}`,
    "model.model_kwargs.api_key=none",
    "model.cost_tracking=ignore_errors"
  ]
  const flags = ["--model", "openai/m", "--yolo", "--exit-immediately", "--task", session.task]
  const config = settings.flatMap((setting) => ["-c", setting])
  return run(place.program, [...flags, ...config, "--output", join(place.root, "out.json")], place, {
    MSWEA_CONFIGURED: "true",
    MSWEA_SILENT_STARTUP: "1"
  })
}

export const agents: Readonly<Record<AgentName, (place: Place) => Promise<void>>> = {
  foreman,
  opencode,
  codex,
  "mini-swe-agent": mini
}
