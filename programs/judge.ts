/** The main container of a gate Job: judges one branch, says so in the log, in the termination message and by its exit code. */
import { randomUUID } from "node:crypto"
import { writeFileSync } from "node:fs"

import { Duration, Effect, Exit, Redacted, Schema } from "effect"

import { type GateSettings, judgeBranch } from "../layers/gate/judgeBranch.ts"
import { Approvals } from "../src/gate/approval.ts"
import { Checks } from "../src/gate/checks.ts"
import { encodeEnvelope, type Envelope, exitCodes } from "../src/gate/envelope.ts"

/** Who does not read the log at all is not waited for longer. */
const patienceMillis = 30_000

type Env = { readonly [name: string]: string | undefined }

export const main = (_argv: ReadonlyArray<string>, env: Env): void => {
  // Until there is a verdict, whatever ends this process ends it as GATE-ERROR.
  process.exitCode = exitCodes["GATE-ERROR"]
  const nonce = randomUUID()
  const end = (envelope: Envelope) => leave(env, nonce, envelope)
  process.on("uncaughtException", (error) => end(judgeFailed("JudgeFailed", String(error))))

  const fiber = Effect.runFork(
    Effect.flatMap(readSettings(env, nonce), (settings) =>
      judgeBranch(settings, (text) => process.stdout.write(text))
    )
  )
  process.once("SIGTERM", () => fiber.interruptUnsafe())
  fiber.addObserver((exit) =>
    end(
      Exit.isSuccess(exit)
        ? exit.value
        : Exit.hasInterrupts(exit)
          ? judgeFailed("Terminated", "the pod was told to stop")
          : judgeFailed("JudgeFailed", String(exit.cause))
    )
  )
}

/** The message is written last, and a judge that cannot write it has not judged. */
const leave = (env: Env, nonce: string, envelope: Envelope): void => {
  try {
    writeFileSync(env["FOREMAN_TERMINATION_LOG"] ?? "/dev/termination-log", encodeEnvelope(envelope, nonce))
  } catch (error) {
    console.error(`GATE ERROR: the result cannot be written: ${String(error)}`)
    return exitWith(exitCodes["GATE-ERROR"])
  }
  exitWith(exitCodes[envelope.verdict])
}

/** Ends the process once its log is read: `process.exit` forgets what still waits. */
const exitWith = (code: number): void => {
  setTimeout(() => process.exit(code), patienceMillis)
  process.stdout.write("", () => process.exit(code))
}

const judgeFailed = (reason: string, message: string): Envelope => ({
  verdict: "GATE-ERROR",
  reason,
  message,
  checks: []
})

const readSettings = Effect.fnUntraced(function* (env: Env, nonce: string) {
  const required = (name: string): string => {
    const value = env[name]
    if (value === undefined || value === "") throw new Error(`${name} is not set`)
    return value
  }
  const checks = env["CHECKS"] ?? ""
  const approvals = env["APPROVALS"] ?? ""
  return {
    repo: env["REPO"] ?? "",
    branch: required("BRANCH"),
    cloneURL: required("CLONE_URL"),
    baseBranch: env["BASE_BRANCH"] || undefined,
    upstreamURL: env["UPSTREAM_URL"] || undefined,
    token: env["GITHUB_TOKEN"] ? Redacted.make(env["GITHUB_TOKEN"]) : undefined,
    checks: checks === "" ? undefined : yield* Schema.decodeEffect(Checks)(checks),
    approvals: approvals === "" ? [] : yield* Schema.decodeEffect(Approvals)(approvals),
    workDir: required("WORK_DIR"),
    volumeDir: env["VOLUME_DIR"],
    limits: {
      ...(env["DISK_BYTES"] && { diskBytes: Number(env["DISK_BYTES"]) }),
      ...(env["MEMORY_BYTES"] && { memoryBytes: Number(env["MEMORY_BYTES"]) })
    },
    exchangeDir: required("EXCHANGE_DIR"),
    judgeDir: required("JUDGE_DIR"),
    deadline: Duration.seconds(Number(env["DEADLINE_SECONDS"] ?? "1740")),
    confinement: env["KUBERNETES_SERVICE_HOST"] === undefined ? "process" : "container",
    nonce
  } satisfies GateSettings
})
