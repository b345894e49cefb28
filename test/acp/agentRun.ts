/** An Agent whose work the scripted agent does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import { world, type World } from "../executors/modelRun.ts"
import type { Step } from "./scriptedAgent.ts"

const program = join(import.meta.dirname, "scriptedAgent.ts")

export type Steps = ReadonlyArray<ReadonlyArray<Step>>

/** Writes the script, and says what runs it. */
export const scriptedAgent = Effect.fnUntraced(function* (steps: Steps, more: Partial<AgentSpec> = {}) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-script-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const script = join(folder, "script.json")
  writeFileSync(script, JSON.stringify(steps))
  return {
    executor: "ACP",
    tools: ["submit_result"],
    ...more,
    acp: {
      command: [process.execPath, "$(PROGRAM)"],
      ...more.acp,
      env: [{ name: "PROGRAM", value: program }, { name: "SCRIPT", value: script }, ...(more.acp?.env ?? [])]
    }
  } satisfies Partial<AgentSpec>
})

const reply: Turn = { reply: { type: "prose", content: "hello from the model" } }

export const agentWorld = Effect.fnUntraced(function* (
  steps: Steps,
  more: Partial<AgentSpec> = {},
  setup: Partial<World> = {}
) {
  return yield* world({ turns: [reply], ...setup, agent: yield* scriptedAgent(steps, more) })
})
