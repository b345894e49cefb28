/** A commit through the real `foreman gate`, in a repository of the world. */
import { spawn } from "node:child_process"
import { join } from "node:path"

import type { Outcome } from "./outcomes.ts"

/** The program that is asked: the built one, or what `FOREMAN` names. */
export const foreman = (): ReadonlyArray<string> => {
  const named = process.env["FOREMAN"] ?? ""
  return named === ""
    ? [process.execPath, join(import.meta.dirname, "..", "..", "dist", "foreman.mjs")]
    : [named]
}

interface Printed {
  readonly verdict?: string
  readonly extra?: {
    readonly checks?: ReadonlyArray<{
      readonly name?: string
      readonly role?: string
      readonly seconds?: number
    }>
    readonly findings?: ReadonlyArray<{
      readonly rule: string
      readonly file: string
      readonly line?: number
      readonly message: string
      readonly isNote?: boolean
      readonly weight?: string
    }>
    readonly modelExtra?: { readonly reason?: string; readonly message?: string }
  }
}

export type Said = Pick<Outcome, "verdict" | "reason" | "message" | "found" | "seconds" | "setupSeconds">

/** What it said; undefined when it was interrupted. Rejects when it ended without a result. */
export const throughGate = async (
  repo: string,
  base: string,
  head: string,
  cacheHome: string
): Promise<Said | undefined> => {
  const [program = "", ...before] = foreman()
  const startedAt = performance.now()
  const child = spawn(
    program,
    [
      ...before,
      "gate",
      `--repo=${repo}`,
      `--base=${base}`,
      `--head=${head}`,
      "--timeout=30m",
      "--output=json"
    ],
    { env: { ...process.env, XDG_CACHE_HOME: cacheHome }, stdio: ["ignore", "pipe", "pipe"] }
  )
  let stdout = ""
  let log = ""
  child.stdout.on("data", (chunk) => (stdout += chunk))
  /** The set-up of a base for the caches of later gates is set-up, too. */
  const forCaches = { from: 0, to: 0 }
  child.stderr.on("data", (chunk: Buffer) => {
    log = `${log}${chunk.toString("utf8")}`.slice(-2_000)
    const now = performance.now()
    if (forCaches.from === 0 && log.includes("=== set-up of the base")) forCaches.from = now
    if (forCaches.from > 0 && forCaches.to === 0 && log.includes("=== clone ")) forCaches.to = now
  })
  const code = await new Promise<number | null>((ended) => child.once("close", ended))
  if (code === 130 || code === null) return undefined
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10
  if (stdout === "") throw new Error(`foreman gate exited ${code} without a result: ${log}`)
  const { extra, verdict } = JSON.parse(stdout) as Printed
  const setupSeconds = (extra?.checks ?? [])
    .filter(({ name, role }) => role === "setup" || name?.startsWith("setup") === true)
    .reduce((sum, check) => sum + (check.seconds ?? 0), Math.max(0, forCaches.to - forCaches.from) / 1000)
  return {
    verdict: verdict ?? "none",
    ...(extra?.modelExtra?.reason !== undefined && { reason: extra.modelExtra.reason }),
    ...(extra?.modelExtra?.message !== undefined && { message: extra.modelExtra.message.slice(0, 1_000) }),
    found: (extra?.findings ?? []).map(({ file, isNote, line, message, rule, weight }) => ({
      rule,
      file,
      ...(line !== undefined && { line }),
      message: message.slice(0, 300),
      // A build that writes no weights knows no word but fail and warn.
      counts:
        weight === "ask" || weight === "fail"
          ? weight
          : isNote === true || weight !== undefined
            ? "warn"
            : "fail"
    })),
    seconds,
    setupSeconds: Math.round(setupSeconds * 10) / 10
  }
}
